"""Boundary layers: thin prisms along the wall, split into tetrahedra, around a core that is left to be filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import spsolve

from geometry.meshing.quality import cell_volumes
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors, vertex_normals
from geometry.surfaces.thickness import inscribed_radius
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError

GROWTH = 1.3
"""Thickness of a layer over the one outside it."""
SHARE_OF_RADIUS = 0.25
"""Largest thickness of all layers together, over the local radius."""
_SHRINK = 0.6
_ROUNDS = 25
_LEAST = 0.1
"""Smallest volume of a layer's cell, over that of the same cell of a straight prism."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryLayer:
    """Cells between the wall and a core.

    Attributes:
        points: (n, 3) vertices; the first are those of the surface, with the inside of the caps moved [m].
        tetrahedra: (m, 4) positive cells of all layers.
        core: (k, 3) triangles of the closed surface around what is left, indices into `points`, in the surface's order.
        sides: (s, 3) triangles of the layers in the planes of the openings, oriented outwards.
        side_tags: (s,) tags of those openings.
    """

    points: FloatArray
    tetrahedra: IntArray
    core: IntArray
    sides: IntArray
    side_tags: IntArray


def grow(surface: Surface, *, layers: int, thickness: float) -> BoundaryLayer:
    """Grow layers inwards from the wall.

    Every wall vertex moves along the smoothed inward normal; on the rim of an opening, along that normal's part in the
    opening's plane. Where a cell would be inverted or squeezed, the layers are made thinner around it.

    Args:
        surface: Closed, with flat caps.
        layers: Number of layers.
        thickness: Largest thickness of all layers together [m]; a quarter of the local radius where that is less.

    Raises:
        MeshError: The layers cannot be made thin enough to fit.
    """
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    neighbours = _averaging(wall, len(surface.points))
    direction = _directions(surface, wall, neighbours)
    depth = np.minimum(thickness, SHARE_OF_RADIUS * inscribed_radius(surface))
    levels = np.concatenate([[0.0], np.cumsum(GROWTH ** np.arange(layers))])
    levels /= levels[-1]
    for _ in range(_ROUNDS):
        depth = np.minimum(depth, neighbours @ depth)
        bad = _squeezed(surface.points, wall, direction, depth)
        if not bad.size:
            return _assemble(surface, direction * depth[:, None], levels)
        depth[np.unique(wall[bad])] *= _SHRINK
    x, y, z = 1e3 * surface.points[wall[bad[0]]].mean(axis=0)
    raise MeshError(
        "no boundary layer fits along the wall",
        where="mesh.boundary_layers",
        value=f"{bad.size} places; the first near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
        remedy="smooth the surface there, or set mesh.boundary_layers = 0",
    )


def no_layer(surface: Surface) -> BoundaryLayer:
    """No cells at all: the core is the surface itself."""
    return BoundaryLayer(
        points=surface.points,
        tetrahedra=np.empty((0, 4), dtype=np.int64),
        core=surface.triangles,
        sides=np.empty((0, 3), dtype=np.int64),
        side_tags=np.empty(0, dtype=np.int64),
    )


def _averaging(triangles: IntArray, count: int) -> csr_array:
    """Matrix that averages a vertex with its neighbours; vertices of no triangle keep their value."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    links = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    links.data[:] = 1.0
    links = links + diags_array(np.ones(count))
    return csr_array(diags_array(1.0 / links.sum(axis=1)) @ links)


def _directions(surface: Surface, wall: IntArray, neighbours: csr_array) -> FloatArray:
    """(n, 3) unit vectors inwards for wall vertices, in the plane of the opening on rims; zero elsewhere."""
    on_wall = np.zeros(len(surface.points), dtype=bool)
    on_wall[wall] = True
    direction = np.where(on_wall[:, None], -vertex_normals(surface.points, wall), 0.0)
    for _ in range(3):
        direction = neighbours @ direction
        for patch in surface.openings:
            rim = np.intersect1d(surface.triangles[surface.patch_id == patch.tag], wall)
            normal = np.array(patch.normal)
            direction[rim] -= (direction[rim] @ normal)[:, None] * normal
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), np.finfo(float).tiny)
        direction[~on_wall] = 0.0
    return np.asarray(direction)


def _split(bottom: IntArray, top: IntArray) -> IntArray:
    """(k, 3, 4) three tetrahedra of every prism; diagonals run from the smaller index below to the larger one above.

    `bottom` holds indices in increasing order, so neighbours split their common side alike.
    """
    a, b, c = bottom.T
    d, e, f = top.T
    cells = [np.column_stack(corners) for corners in ((a, b, c, f), (a, b, f, e), (a, e, f, d))]
    return np.stack(cells, axis=1)


def _squeezed(points: FloatArray, wall: IntArray, direction: FloatArray, depth: FloatArray) -> IntArray:
    """Wall triangles whose prism has a cell that is inverted, or small for its base and depth."""
    ordered = np.sort(wall, axis=1)
    flipped = _is_odd(wall)
    stacked = np.vstack([points, points + direction * depth[:, None]])
    cells = _split(ordered, ordered + len(points)).reshape(-1, 4)
    volumes = cell_volumes(stacked, cells).reshape(-1, 3) * np.where(flipped, 1.0, -1.0)[:, None]
    a, b, c = (points[wall[:, corner]] for corner in range(3))
    base = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    straight = base * depth[wall].mean(axis=1) / 3.0
    return np.asarray(np.flatnonzero(volumes.min(axis=1) < _LEAST * straight))


def _is_odd(triangles: IntArray) -> IntArray:
    """Whether sorting a triangle's indices turns it over."""
    first, second, third = triangles.T
    return np.asarray((first > second) ^ (second > third) ^ (first > third))


def _assemble(surface: Surface, shift: FloatArray, levels: FloatArray) -> BoundaryLayer:
    is_wall = surface.patch_id == WALL_TAG
    wall, caps = surface.triangles[is_wall], surface.triangles[~is_wall]
    walls = np.unique(wall)
    count, layers = len(surface.points), len(levels) - 1
    inner_caps = np.setdiff1d(caps, walls)
    points = [surface.points + _cap_shift(caps, inner_caps, walls, shift)]
    points += [surface.points[walls] + level * shift[walls] for level in levels[1:]]
    at_level = np.tile(np.arange(count), (layers + 1, 1))
    for level in range(1, layers + 1):
        at_level[level, walls] = count + (level - 1) * len(walls) + np.arange(len(walls))
    ordered = np.sort(wall, axis=1)
    cells = [
        _split(at_level[level][ordered], at_level[level + 1][ordered]).reshape(-1, 4)
        for level in range(layers)
    ]
    tetrahedra, vertices = np.vstack(cells), np.vstack(points)
    flipped = cell_volumes(vertices, tetrahedra) < 0.0
    tetrahedra[flipped] = tetrahedra[flipped][:, [0, 2, 1, 3]]
    sides, tags = [], []
    for patch in surface.openings:
        rim = _rim(surface.triangles[surface.patch_id == patch.tag], wall)
        for level in range(layers):
            (a, b), (c, d) = at_level[level][rim].T, at_level[level + 1][rim].T
            side = np.vstack([np.column_stack([a, b, d]), np.column_stack([a, d, c])])
            inward = area_vectors(vertices, side) @ np.array(patch.normal) < 0.0
            side[inward] = side[inward][:, [0, 2, 1]]
            sides.append(side)
            tags.append(np.full(len(side), patch.tag))
    return BoundaryLayer(
        points=vertices,
        tetrahedra=tetrahedra,
        core=at_level[layers][surface.triangles],
        sides=np.vstack(sides),
        side_tags=np.concatenate(tags),
    )


def _cap_shift(caps: IntArray, inner: IntArray, walls: IntArray, shift: FloatArray) -> FloatArray:
    """(n, 3) shift of the vertices inside caps: the mean of their neighbours', so a cap shrinks with its rim."""
    result = np.zeros_like(shift)
    if not inner.size:
        return result
    averaging = _averaging(caps, len(shift))
    rows = averaging[inner]
    known = np.zeros_like(shift)
    known[walls] = shift[walls]
    result[inner] = spsolve((diags_array(np.ones(len(inner))) - rows[:, inner]).tocsc(), rows @ known)
    return result


def _rim(cap: IntArray, wall: IntArray) -> IntArray:
    """(k, 2) edges of a cap that the wall shares, the smaller index first."""
    edges = [
        np.unique(
            np.sort(np.concatenate([part[:, [0, 1]], part[:, [1, 2]], part[:, [2, 0]]]), axis=1), axis=0
        )
        for part in (cap, wall)
    ]
    both, counts = np.unique(np.concatenate(edges), axis=0, return_counts=True)
    return np.asarray(both[counts == 2])
