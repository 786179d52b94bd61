"""Flat ends: cutting a closed triangle shell by the plane of an opening, and filling the rim with a flat cap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from geometry.idealised.anatomy import KnownOpening
from geometry.surfaces.surface import WALL_TAG
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Triangles with open rims.

    Attributes:
        points: (n, 3) vertices [m].
        triangles: (m, 3) vertex indices.
        rims: Vertices of each rim, in order, such that the shell lies to the left seen from outside.
    """

    points: FloatArray
    triangles: IntArray
    rims: tuple[IntArray, ...] = ()


def cut_flat(shell: Shell, opening: KnownOpening, *, snap: float) -> Shell:
    """Drop what lies beyond the plane of an opening, and only the vessel that ends there.

    Args:
        shell: What to cut.
        opening: Centre and axis of the plane; the vessel's tip lies about a radius beyond it.
        snap: Vertices closer to the plane than this are moved onto it, so that no sliver is left [m].

    Raises:
        SurfaceError: The plane crosses no vessel there, or more than one, or leaves an outline that is no ring.
    """
    points = shell.points.copy()
    height = (points - opening.centre) @ opening.axis
    beyond = _beyond(shell, opening, height)
    inside = beyond[shell.triangles]
    crossed = np.unique(shell.triangles[inside.any(axis=1) & ~inside.all(axis=1)])
    near = crossed[np.abs(height[crossed]) < snap]
    points[near] -= height[near, None] * opening.axis
    height[near] = 0.0
    beyond[near] = False
    points, triangles = _trim(points, shell.triangles, beyond, height)
    rim = _new_rim(triangles, len(points), shell.rims, opening)
    used, renumbered = np.unique(triangles, return_inverse=True)
    place = np.full(len(points), -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    return Shell(
        points=points[used],
        triangles=renumbered.reshape(-1, 3).astype(np.int64),
        rims=(*(place[old] for old in shell.rims), place[rim]),
    )


def fill_rims(shell: Shell, axes: list[FloatArray], *, size: float) -> tuple[FloatArray, IntArray, IntArray]:
    """Points, triangles and tags (the wall 1, caps from 2) of a shell whose rims are filled with flat caps."""
    points, triangles = [shell.points], [shell.triangles]
    tags = [np.full(len(shell.triangles), WALL_TAG, dtype=np.int64)]
    count = len(shell.points)
    for tag, (rim, axis) in enumerate(zip(shell.rims, axes, strict=True), start=WALL_TAG + 1):
        inner, cells = _cap(shell.points[rim], axis, size)
        index = np.concatenate([rim, count + np.arange(len(inner))])
        points.append(inner)
        triangles.append(index[cells])
        tags.append(np.full(len(cells), tag, dtype=np.int64))
        count += len(inner)
    return np.vstack(points), np.vstack(triangles), np.concatenate(tags)


def _beyond(shell: Shell, opening: KnownOpening, height: FloatArray) -> NDArray[np.bool_]:
    """Vertices beyond the plane that hang together with the vessel's tip."""
    reach = 6.0 * opening.radius
    near = np.linalg.norm(shell.points - opening.centre, axis=1) < reach
    chosen = np.flatnonzero(near & (height > 0.0))
    if not chosen.size:
        raise _misplaced(opening, "no wall lies beyond the plane")
    local = np.full(len(shell.points), -1, dtype=np.int64)
    local[chosen] = np.arange(len(chosen))
    edges: IntArray = local[np.concatenate([shell.triangles[:, [0, 1]], shell.triangles[:, [1, 2]]])]
    edges = edges[np.all(edges >= 0, axis=1)]
    graph = coo_array((np.ones(len(edges)), tuple(edges.T)), shape=(len(chosen), len(chosen)))
    _, labels = connected_components(graph, directed=False)
    tip = opening.centre + opening.radius * opening.axis
    found = labels == labels[int(np.argmin(np.linalg.norm(shell.points[chosen] - tip, axis=1)))]
    part = chosen[found]
    if np.linalg.norm(shell.points[part] - opening.centre, axis=1).max() > 0.9 * reach:
        raise _misplaced(opening, "the vessel goes on beyond the plane")
    beyond = np.zeros(len(shell.points), dtype=np.bool_)
    beyond[part] = True
    return beyond


def _trim(
    points: FloatArray, triangles: IntArray, beyond: NDArray[np.bool_], height: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Triangles on the near side, those that the plane crosses cut along it."""
    inside = beyond[triangles]
    count = inside.sum(axis=1)
    kept = [triangles[count == 0]]
    pairs: list[IntArray] = []
    cut: list[tuple[int, IntArray]] = []
    for number in (1, 2):
        part: IntArray = np.asarray(triangles[count == number])
        # Turn each triangle until its odd corner out comes first.
        odd = np.argmax(beyond[part] == (number == 1), axis=1)
        turned: IntArray = np.take_along_axis(part, (odd[:, None] + np.arange(3)) % 3, axis=1)
        cut.append((number, turned))
        pairs += [turned[:, [0, 1]], turned[:, [0, 2]]]
    # A new vertex on every crossed edge; an edge whose kept end lies on the plane is crossed there.
    edges = np.sort(np.vstack(pairs), axis=1)
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    a, b = unique[:, 0], unique[:, 1]
    weight = height[a] / (height[a] - height[b])
    crossing = points[a] + weight[:, None] * (points[b] - points[a])
    new: IntArray = len(points) + np.arange(len(unique))
    new = np.where(~beyond[a] & (height[a] == 0.0), a, np.where(~beyond[b] & (height[b] == 0.0), b, new))
    ends = np.split(new[index.ravel()], np.cumsum([len(pair) for pair in pairs])[:-1])
    for (number, turned), first, second in zip(cut, ends[::2], ends[1::2], strict=True):
        one, two, three = turned.T
        if number == 1:
            kept += [np.column_stack([first, two, three]), np.column_stack([first, three, second])]
        else:
            kept.append(np.column_stack([one, first, second]))
    joined = np.vstack(kept)
    x, y, z = joined.T
    joined = joined[(x != y) & (y != z) & (z != x)]
    points = np.vstack([points, crossing])
    return points, _without_ears(joined, len(points))


def _without_ears(triangles: IntArray, count: int) -> IntArray:
    """Triangles without those that have two open edges: they lie flat in the plane of the cut."""
    while True:
        start = triangles.ravel()
        end = triangles[:, [1, 2, 0]].ravel()
        alone = ~np.isin(start * count + end, end * count + start)
        ears = alone.reshape(-1, 3).sum(axis=1) >= 2
        if not ears.any():
            return triangles
        triangles = triangles[~ears]


def _new_rim(triangles: IntArray, count: int, known: tuple[IntArray, ...], opening: KnownOpening) -> IntArray:
    """The ring of open edges that is not one of the known rims."""
    start = triangles.ravel()
    end = triangles[:, [1, 2, 0]].ravel()
    alone = ~np.isin(start * count + end, end * count + start)
    open_edges: IntArray = np.column_stack([start, end])[alone]
    old = np.isin(open_edges[:, 0], np.concatenate([*known, np.zeros(0, dtype=np.int64)]))
    # The cap runs along the rim the other way round.
    follow = {int(b): int(a) for a, b in open_edges[~old]}
    if not follow:
        raise _misplaced(opening, "the cut leaves no rim")
    first = next(iter(follow))
    ring = [first]
    while (after := follow.get(ring[-1], first)) != first:
        ring.append(after)
    if len(ring) != len(follow) or len(ring) < 6:
        raise _misplaced(opening, f"the cut leaves {len(follow)} open edges that are no single ring")
    return np.array(ring, dtype=np.int64)


def _cap(rim: FloatArray, axis: FloatArray, size: float) -> tuple[FloatArray, IntArray]:
    """Points inside a rim and the triangles of the flat cap, counter-clockwise seen against the axis.

    The rim is convex and lies in a plane; points on hexagonal rings fill it, and Delaunay joins them.
    """
    centre = rim.mean(axis=0)
    one = (rim[0] - centre) / np.linalg.norm(rim[0] - centre)
    other = np.cross(axis, one)
    flat = (rim - centre) @ np.column_stack([one, other])
    reach = float(np.linalg.norm(flat, axis=1).max())
    steps = np.arange(-np.ceil(reach / size) - 1, np.ceil(reach / size) + 2)
    i, j = np.meshgrid(steps, steps)
    lattice = size * np.column_stack([(i + 0.5 * j).ravel(), (np.sqrt(0.75) * j).ravel()])
    lattice = lattice[_inside(flat, lattice)]
    if len(lattice):
        lattice = lattice[cKDTree(flat).query(lattice)[0] > 0.6 * size]
    plane = np.vstack([flat, lattice]) if len(lattice) else np.vstack([flat, np.zeros((1, 2))])
    cells = Delaunay(plane).simplices.astype(np.int64)
    a, b, c = (plane[cells[:, corner]] for corner in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    cells = np.where((area < 0.0)[:, None], cells[:, [0, 2, 1]], cells)
    # A triangle of three rim vertices outside of a slightly concave rim is no part of the cap.
    middle = plane[cells].mean(axis=1)
    cells = cells[_inside(flat, middle) & (np.abs(area) > 1.0e-9 * size**2)]
    return centre + plane[len(flat) :] @ np.column_stack([one, other]).T, cells


def _inside(outline: FloatArray, points: FloatArray) -> NDArray[np.bool_]:
    """(n,) whether (n, 2) points lie inside a closed polygon of (k, 2) corners, by the winding number."""
    winding = np.zeros(len(points))
    for begin, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        one, two = begin - points, end - points
        cross = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
        winding += np.arctan2(cross, np.einsum("ij,ij->i", one, two))
    return np.asarray(np.abs(winding) > np.pi)


def _misplaced(opening: KnownOpening, finding: str) -> SurfaceError:
    x, y, z = (1e3 * float(value) for value in opening.centre)
    return SurfaceError(
        "the opening does not cut the end off a vessel",
        where=f"openings.{opening.name}",
        value=f"({x:.1f}, {y:.1f}, {z:.1f}) mm: {finding}",
        expected="a plane across one vessel, at most a few radii from its tip",
    )
