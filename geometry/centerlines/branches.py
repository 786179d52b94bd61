"""Branches: the lines split where vessels part, with the place, the plane and the angles of each parting.

Two lines part where one has left the tube of the other, the union of its inscribed spheres: the idea of Antiga &
Steinman, IEEE Transactions on Medical Imaging 23, 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geometry.centerlines.lines import Centerline
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray

_TOGETHER = 0.5
"""Partings within this share of the radius are one: a trifurcation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A vessel between two partings, or between a parting and an opening.

    Attributes:
        id: Number of the branch, as in `Centerline.branch_id`; 0 begins at the inlet.
        parent: Number of the branch that it leaves; -1 of the first.
        outlets: Names of the openings that lie beyond it.
        points: (n, 3) points of its widest line, from where it leaves the tubes of the others to where it parts [m].
        radius: (n,) radius of the largest inscribed sphere [m].
        start: Arc length from the inlet to its first point [m].
    """

    id: int
    parent: int
    outlets: tuple[str, ...]
    points: FloatArray
    radius: FloatArray
    start: float

    @property
    def length(self) -> float:
        """Arc length from its first to its last point [m]."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bifurcation:
    """Where a branch parts into others.

    Attributes:
        parent: Number of the branch that ends here.
        children: Numbers of the k branches that begin here.
        origin: (3,) middle of the parting [m].
        normal: (3,) unit normal of the plane that the branches lie in; its sign has no meaning.
        upstream: (3,) unit vector of the parent where it ends, away from the inlet.
        directions: (k, 3) unit vectors of the children where they begin, away from the inlet.
    """

    parent: int
    children: tuple[int, ...]
    origin: FloatArray
    normal: FloatArray
    upstream: FloatArray
    directions: FloatArray

    @property
    def angle(self) -> float:
        """Largest angle between two of the children [rad]."""
        cosines = np.clip(self.directions @ self.directions.T, -1.0, 1.0)
        return float(np.arccos(cosines.min()))


def split(points: FloatArray, radius: FloatArray, offsets: IntArray) -> IntArray:
    """Number of the branch that each point of lines with a common start belongs to.

    A line has left another where it is outside of the tube of the other, min over k of |x - c_k|² - R_k² > 0, for the
    first time after their last common point. A group of lines parts at the first place where two of its lines have
    left each other; those that are still together go on as groups. What lies before belongs to the branch upstream, so
    that a side branch begins at the trunk's surface, not on its axis.

    Args:
        points: (n, 3) points of all lines, one after the other [m].
        radius: (n,) inscribed radii [m].
        offsets: (k + 1,) where each line begins.

    Returns:
        (n,) numbers; 0 is the branch that begins at the inlet, and a branch's number is larger than its parent's.
    """
    lines = [slice(begin, end) for begin, end in zip(offsets[:-1], offsets[1:], strict=True)]
    leaves = _leavings(points, radius, lines)
    branch_id = np.zeros(len(points), dtype=np.int64)
    groups = [(np.arange(len(lines)), np.zeros(len(lines), dtype=np.int64))]
    number = 0
    while groups:
        members, starts = groups.pop(0)
        for member, start in zip(members, starts, strict=True):
            branch_id[lines[member]][start:] = number
        number += 1
        if len(members) == 1:
            continue
        pairs = leaves[np.ix_(members, members)]
        parts = _part(
            pairs,
            [points[lines[member]] for member in members],
            [radius[lines[member]] for member in members],
        )
        for part in range(int(parts.max()) + 1):
            inside = parts == part
            ends = pairs[np.ix_(inside, ~inside)].min(axis=1)
            groups.append((members[inside], np.maximum(ends, starts[inside])))
    return branch_id


def find_branches(centerline: Centerline) -> tuple[Branch, ...]:
    """The branches of centrelines, in the order of their numbers; each on its widest line."""
    branches = []
    for number in range(int(centerline.branch_id.max(initial=-1)) + 1):
        lines = [line for line in centerline.lines if (line.branch_id == number).any()]
        line = max(lines, key=lambda each: float(each.radius[each.branch_id == number][-1]))
        inside = np.flatnonzero(line.branch_id == number)
        begin, end = int(inside[0]), int(inside[-1])
        branches.append(
            Branch(
                id=number,
                parent=int(line.branch_id[begin - 1]) if begin else -1,
                outlets=tuple(each.outlet for each in lines),
                points=line.points[begin : end + 1],
                radius=line.radius[begin : end + 1],
                start=float(line.arc[begin]),
            )
        )
    return tuple(branches)


def find_bifurcations(centerline: Centerline) -> tuple[Bifurcation, ...]:
    """Where branches part, in the order of their parents' numbers.

    Reference points are, for each child, where it leaves the tubes of the others, and the last centre upstream whose
    sphere does not reach that point. The origin is their mean weighted by the spheres' sections, the plane the one
    that fits them best; a child's direction runs from the one to the other.
    """
    branches = find_branches(centerline)
    found = []
    for parent in branches:
        children = [branch for branch in branches if branch.parent == parent.id]
        if not children:
            continue
        leaving, upstream, weights, before = [], [], [], []
        for child in children:
            line = centerline.branch(child.outlets[0])
            at = int(np.flatnonzero(line.branch_id == child.id)[0])
            back = _one_sphere_back(line.points, line.radius, at)
            leaving.append(line.points[at])
            upstream.append(line.points[back])
            weights.append((line.radius[at] ** 2, line.radius[back] ** 2))
            before.append(line.points[back] - line.points[_one_sphere_back(line.points, line.radius, back)])
        references = np.vstack([leaving, upstream])
        shares = np.array(weights).T.ravel()
        origin = shares @ references / shares.sum()
        _, _, axes = np.linalg.svd(references - origin)
        found.append(
            Bifurcation(
                parent=parent.id,
                children=tuple(child.id for child in children),
                origin=np.asarray(origin),
                normal=np.asarray(axes[2]),
                upstream=_units(np.sum(before, axis=0)[None])[0],
                directions=_units(np.array(leaving) - np.array(upstream)),
            )
        )
    return tuple(found)


def surface_branches(surface: Surface, centerline: Centerline) -> IntArray:
    """(m,) number of the branch that each triangle belongs to, those of openings too: the one whose tube is nearest."""
    middles = surface.points[surface.triangles].mean(axis=1)
    _, nearest = tube_gap(middles, centerline.points, centerline.radius)
    return np.asarray(centerline.branch_id[nearest])


def tube_gap(points: FloatArray, axis: FloatArray, radius: FloatArray) -> tuple[FloatArray, IntArray]:
    """How far points lie outside of the spheres about an axis, and the spheres that they are nearest to.

    The nearest sphere is that of the least power |x - c|² - R². With one more coordinate sqrt(max R² - R²) for centres,
    and 0 for points, that is the nearest neighbour.

    Returns:
        (n,) |x - c| - R, negative inside [m], and (n,) indices of the centres.
    """
    lift = np.sqrt(np.maximum(radius.max() ** 2 - radius**2, 0.0))
    tree = cKDTree(np.column_stack([axis, lift]))
    _, nearest = tree.query(np.column_stack([points, np.zeros(len(points))]))
    return np.linalg.norm(points - axis[nearest], axis=1) - radius[nearest], np.asarray(
        nearest, dtype=np.int64
    )


def _part(leaves: IntArray, points: Sequence[FloatArray], radius: Sequence[FloatArray]) -> IntArray:
    """Number of the group that each line of a group goes on in after the group's first parting, at least two in all.

    Args:
        leaves: (k, k) index at which line i has left the tube of line j.
        points: Points of the k lines [m].
        radius: Radii of the k lines [m].
    """
    one, other = (int(index) for index in np.unravel_index(int(leaves.argmin()), leaves.shape))
    first = int(leaves[one, other])
    step = float(np.linalg.norm(points[one][1] - points[one][0]))
    slack = _TOGETHER * float(radius[one][min(first, len(radius[one]) - 1)]) / step
    shared = np.minimum(leaves, leaves.T)
    count, parts = connected_components(shared > first + slack, directed=False)
    if count == 1:  # a third line runs on with both: each goes with the one that it leaves last
        np.fill_diagonal(shared, np.iinfo(np.int64).max)
        parts = (shared[other] > shared[one]).astype(np.int64)
    return np.asarray(parts, dtype=np.int64)


def _leavings(points: FloatArray, radius: FloatArray, lines: Sequence[slice]) -> IntArray:
    """(k, k) index of the first point of line i that has left the tube of line j; its last if it never does."""
    count = len(lines)
    leaves = np.full((count, count), np.iinfo(np.int64).max)
    for i, one in enumerate(lines):
        for j, other in enumerate(lines):
            if i == j:
                continue
            shared = min(len(points[one]), len(points[other]))
            apart = (points[one][:shared] != points[other][:shared]).any(axis=1)
            parted = int(apart.argmax()) if apart.any() else shared
            gap, _ = tube_gap(points[one], points[other], radius[other])
            outside = np.flatnonzero(gap[parted:] > 0.0)
            leaves[i, j] = parted + int(outside[0]) if outside.size else len(points[one]) - 1
    return leaves


def _one_sphere_back(points: FloatArray, radius: FloatArray, index: int) -> int:
    """The last point before another whose sphere does not reach it; the first if all do."""
    beyond = np.flatnonzero(np.linalg.norm(points[:index] - points[index], axis=1) > radius[:index])
    return int(beyond[-1]) if beyond.size else 0


def _units(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(float).tiny))
