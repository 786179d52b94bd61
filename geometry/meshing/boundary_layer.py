"""Boundary layers: thin prisms along the wall, split into tetrahedra, around a core that is left to be filled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve

from geometry.meshing.layer_directions import averaging, inward_directions
from geometry.meshing.layer_room import fit_depth
from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.quality import LayerReport, cell_volumes
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors
from geometry.surfaces.thickness import inscribed_radius
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError
from hemoplan.patch import Role

FULL = 0.95
"""Share of the wanted thickness that counts as all of it."""
LEAST_COVERED = 0.5
"""Share of the wall's area that has to have layers when layers were asked for."""
_SMOOTHINGS = 3
_CAP_ROUNDS = 8
_LEAST_CAP = 0.02
"""Smallest area of a cap's triangle after the cap has shrunk with its rim, over that before."""
_REGULAR = np.sqrt(2.0 / 3.0)
"""Height of a regular tetrahedron over its edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryLayer:
    """Cells between the wall and a core.

    Attributes:
        points: (n, 3) vertices; the first are those of the surface, with the inside of the caps moved [m].
        tetrahedra: (m, 4) positive cells of all layers.
        core: (k, 3) triangles of the closed surface around what is left, indices into `points`, in the surface's order.
        sides: (s, 3) triangles of the layers in the planes of the openings, oriented outwards.
        side_tags: (s,) tags of those openings.
        report: What became of the layers; None without any.
    """

    points: FloatArray
    tetrahedra: IntArray
    core: IntArray
    sides: IntArray
    side_tags: IntArray
    report: LayerReport | None = None


def is_wall(surface: Surface) -> NDArray[np.bool_]:
    """(m,) whether a triangle belongs to a patch of the wall, whatever its name."""
    tags = [patch.tag for patch in surface.patches if patch.role is Role.WALL] or [WALL_TAG]
    return np.asarray(np.isin(surface.patch_id, tags))


def local_radius(surface: Surface) -> FloatArray:
    """(n,) radius of the inscribed ball at every vertex [m], with all patches of the wall taken as one."""
    merged = np.where(is_wall(surface), WALL_TAG, surface.patch_id)
    return inscribed_radius(replace(surface, patch_id=merged))


def grow(
    surface: Surface,
    layers: BoundaryLayers,
    *,
    size: float,
    radius: FloatArray | None = None,
    room: FloatArray | None = None,
) -> BoundaryLayer:
    """Grow layers inwards from the wall.

    Every wall vertex moves along the smoothed inward normal; on the rim of an opening, along that normal's part in the
    opening's plane. Where a cell would be inverted or squeezed, the layers get thinner around it, down to none.

    Args:
        surface: Closed, with flat caps.
        layers: What is asked of them.
        size: Largest edge of the mesh [m].
        radius: (n,) `local_radius`, where it is known already [m].
        room: (n,) share of the thickness that is allowed at every vertex; all of it where None.

    Raises:
        MeshError: Less than half of the wall has room for any layer.
    """
    wall = surface.triangles[is_wall(surface)]
    neighbours = averaging(wall, len(surface.points))
    direction = inward_directions(surface, wall, neighbours)
    limit = layers.share_of_radius * (local_radius(surface) if radius is None else radius)
    wanted = np.zeros(len(surface.points))
    wanted[wall] = np.minimum(layers.total(size), limit)[wall]
    depth = wanted if room is None else wanted * room
    for _ in range(_SMOOTHINGS):
        depth = np.minimum(depth, neighbours @ depth)
    for _ in range(_CAP_ROUNDS):
        depth = fit_depth(surface.points, wall, direction, depth, layers=layers)
        crushed = _crushed_rims(surface, wall, direction * depth[:, None])
        if not crushed.size:
            break
        depth[crushed] *= 0.5
    else:
        depth[crushed] = 0.0
        depth = fit_depth(surface.points, wall, direction, depth, layers=layers)
    levels = layers.heights(depth)
    layer = _assemble(surface, wall, direction, levels)
    report = _report(surface, wall, layers, levels, wanted=wanted, size=size, cells=len(layer.tetrahedra))
    if 1.0 - report.bare_share < LEAST_COVERED:
        x, y, z = 1e3 * surface.points[wall[depth[wall].max(axis=1).argmin()]].mean(axis=0)
        raise MeshError(
            "no boundary layer fits along the wall",
            where="mesh.boundary_layers",
            value=f"{100.0 * report.bare_share:.0f} % of the wall stays bare, "
            f"such as near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            remedy="smooth the surface there, or set mesh.boundary_layers = 0",
        )
    return replace(layer, report=report)


def no_layer(surface: Surface) -> BoundaryLayer:
    """No cells at all: the core is the surface itself."""
    return BoundaryLayer(
        points=surface.points,
        tetrahedra=np.empty((0, 4), dtype=np.int64),
        core=surface.triangles,
        sides=np.empty((0, 3), dtype=np.int64),
        side_tags=np.empty(0, dtype=np.int64),
    )


def split(bottom: IntArray, top: IntArray) -> IntArray:
    """(3 k, 4) three tetrahedra of every prism; diagonals run from the smaller index below to the larger one above.

    `bottom` holds indices in increasing order, so neighbours split their common side alike. Where a corner does not
    move, the cells that it leaves flat fall away, and the others still fit to their neighbours.
    """
    a, b, c = bottom.T
    d, e, f = top.T
    cells = np.stack(
        [np.column_stack(corners) for corners in ((a, b, c, f), (a, b, f, e), (a, e, f, d))], axis=1
    )
    flat = np.column_stack([c == f, b == e, a == d])
    return np.asarray(cells[~flat])


def _assemble(surface: Surface, wall: IntArray, direction: FloatArray, levels: FloatArray) -> BoundaryLayer:
    count, layers = len(surface.points), levels.shape[1] - 1
    moving = np.flatnonzero(levels[:, -1] > 0.0)
    shift = direction * levels[:, -1:]
    points = [surface.points + _cap_shift(surface, shift)]
    at_level = np.tile(np.arange(count), (layers + 1, 1))
    for level in range(1, layers + 1):
        points.append(surface.points[moving] + levels[moving, level, None] * direction[moving])
        at_level[level, moving] = count + (level - 1) * len(moving) + np.arange(len(moving))
    ordered = np.sort(wall, axis=1)
    tetrahedra = np.vstack(
        [split(at_level[level][ordered], at_level[level + 1][ordered]) for level in range(layers)]
    )
    vertices = np.vstack(points)
    flipped = cell_volumes(vertices, tetrahedra) < 0.0
    tetrahedra[flipped] = tetrahedra[flipped][:, [0, 2, 1, 3]]
    sides: list[IntArray] = [np.empty((0, 3), dtype=np.int64)]
    tags: list[IntArray] = [np.empty(0, dtype=np.int64)]
    for patch in surface.openings:
        rim = _rim(surface.triangles[surface.patch_id == patch.tag], wall)
        for level in range(layers):
            (a, b), (c, d) = at_level[level][rim].T, at_level[level + 1][rim].T
            side = np.vstack([np.column_stack([a, b, d])[b != d], np.column_stack([a, d, c])[a != c]])
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


def _cap_shift(surface: Surface, shift: FloatArray) -> FloatArray:
    """(n, 3) shift of the vertices inside caps: the mean of their neighbours', so a cap shrinks with its rim."""
    on_wall = is_wall(surface)
    caps, walls = surface.triangles[~on_wall], np.unique(surface.triangles[on_wall])
    inner = np.setdiff1d(caps, walls)
    result = np.zeros_like(shift)
    if not inner.size:
        return result
    rows: csr_array = averaging(caps, len(shift))[inner]
    known = np.zeros_like(shift)
    known[walls] = shift[walls]
    result[inner] = spsolve((diags_array(np.ones(len(inner))) - rows[:, inner]).tocsc(), rows @ known)
    return result


def _crushed_rims(surface: Surface, wall: IntArray, shift: FloatArray) -> IntArray:
    """Vertices of the rims of openings where a cap's triangle would be turned over or crushed."""
    on_wall = is_wall(surface)
    caps = surface.triangles[~on_wall]
    moved = surface.points + _cap_shift(surface, shift) + shift
    before, after = area_vectors(surface.points, caps), area_vectors(moved, caps)
    crushed = np.einsum("ij,ij->i", before, after) < _LEAST_CAP * np.einsum("ij,ij->i", before, before)
    if not crushed.any():
        return np.empty(0, dtype=np.int64)
    tags = np.unique(surface.patch_id[~on_wall][crushed])
    return np.intersect1d(surface.triangles[np.isin(surface.patch_id, tags)], wall)


def _rim(cap: IntArray, wall: IntArray) -> IntArray:
    """(k, 2) edges of a cap that the wall shares, the smaller index first."""
    edges = [
        np.unique(
            np.sort(np.concatenate([part[:, [0, 1]], part[:, [1, 2]], part[:, [2, 0]]]), axis=1), axis=0
        )
        for part in (cap, wall[np.isin(wall, cap).any(axis=1)])
    ]
    both, counts = np.unique(np.concatenate(edges), axis=0, return_counts=True)
    return np.asarray(both[counts == 2])


def _report(
    surface: Surface,
    wall: IntArray,
    layers: BoundaryLayers,
    levels: FloatArray,
    *,
    wanted: FloatArray,
    size: float,
    cells: int,
) -> LayerReport:
    areas = np.linalg.norm(area_vectors(surface.points, wall), axis=1)
    weight = np.zeros(len(surface.points))
    for corner in range(3):
        np.add.at(weight, wall[:, corner], areas / 3.0)
    depth = levels[:, -1]
    covered = (depth > 0.0) & (weight > 0.0)
    total = weight.sum()
    starts, ends = wall.ravel(), wall[:, [1, 2, 0]].ravel()
    top = surface.points
    lengths = np.linalg.norm(top[starts] - top[ends], axis=1)
    edges = np.bincount(starts, weights=lengths, minlength=len(top)) / np.maximum(
        np.bincount(starts, minlength=len(top)), 1
    )
    last = levels[covered, -1] - levels[covered, -2]
    some = bool(covered.any())
    return LayerReport(
        count=layers.count,
        cells=cells,
        full_share=float(weight[depth >= FULL * wanted].sum() / total),
        bare_share=float(weight[~covered].sum() / total),
        first_height_asked=layers.wanted_first_height(size),
        first_height_mean=float(np.average(levels[covered, 1], weights=weight[covered])) if some else 0.0,
        first_height_min=float(levels[covered, 1].min()) if some else 0.0,
        thickness_mean=float(np.average(depth[covered], weights=weight[covered])) if some else 0.0,
        transition=float(np.median(_REGULAR * edges[covered] / last)) if some else 0.0,
    )
