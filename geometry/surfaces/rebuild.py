"""A surface made anew from its signed distance field: what crosses or touches itself becomes one sound wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista as pv

from geometry.surfaces.flat_caps import cut_flat, find_planes
from geometry.surfaces.mending import keep_body
from geometry.surfaces.raw import RawSurface, no_triangles, wall_only
from geometry.surfaces.surface import WALL_TAG, Surface
from geometry.surfaces.thickness import inscribed_radius, wall_gap
from geometry.surfaces.voxel_kernels import count_windings, spread_distance
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError

VOXELS = 48_000_000
"""Most voxels of a field: 340 MB."""
PER_RADIUS = 4.0
"""Voxels in the radius of the thinnest lumen."""
PER_GAP = 3.0
"""Voxels in the narrowest gap between walls, so that it stays open."""
KEPT_GAP = 0.3e-3
"""Narrowest gap that is kept open [m]."""
FINEST = 0.6
"""Smallest voxel that a thin lumen asks for, in units of the smallest edge: finer detail is lost in remeshing."""
THINNEST = 0.02
"""Share of the wall's vertices that may have a smaller radius than the thinnest lumen: bumps and crossings."""
_BAND = 1.2
"""Voxels around the wall in which the distance is exact; the zero level is interpolated between neighbours."""
_NEAREST = 0.03
"""Distance in voxels that a grid point keeps from the zero level, so that no triangle shrinks to nothing."""
_PAD = 4
_BEYOND = 4.0
"""Voxels that a cap is moved out by before, so that the cut at its plane is not rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A rebuilt surface.

    Attributes:
        surface: Closed, with the openings of the surface before.
        voxel: Size of the voxels [m].
        finding: What was done, and what may have been lost.
    """

    surface: RawSurface
    voxel: float
    finding: str


def rebuild(surface: RawSurface, *, size: float, min_size: float, where: str, finer: float = 1.0) -> Rebuilt:
    """Rebuild a closed surface from its signed distance field, and cut it flat at the planes of its openings again.

    The caps are first moved out by some voxels; then the field is made on a grid fine enough for the thinnest lumen
    and the narrowest gap; its zero level is the new surface. Walls that cross give the union of what they enclose.

    Args:
        surface: Closed and consistently wound; may cross itself.
        size: Largest voxel [m].
        min_size: Smallest edge that is wanted after remeshing [m].
        where: For messages.
        finer: Factor on the voxels.

    Raises:
        SurfaceError: Nothing is enclosed, or an opening cannot be cut again.
    """
    planes = find_planes(surface)
    voxel, finding = choose_voxel(surface, size=size, min_size=min_size, finer=finer)
    points, triangles = _move_caps_out(surface, _BEYOND * voxel)
    shell = zero_level(points, triangles, voxel)
    if not len(shell.triangles):
        raise SurfaceError(
            "the surface encloses nothing",
            where=where,
            expected="a closed surface around a lumen",
            remedy="check that the surface is the wall of a lumen, and no open sheet",
        )
    rebuilt = keep_body(shell)
    for plane in planes:
        rebuilt = cut_flat(rebuilt, plane, where=where)
    return Rebuilt(
        surface=RawSurface(
            points=rebuilt.points,
            triangles=rebuilt.triangles,
            patch_id=rebuilt.patch_id,
            groups=surface.groups,
            source=surface.source,
        ),
        voxel=voxel,
        finding=finding,
    )


def choose_voxel(
    surface: RawSurface, *, size: float, min_size: float, finer: float = 1.0
) -> tuple[float, str]:
    """Size of voxel [m] for the thinnest lumen and the narrowest gap of a surface, and why."""
    closed = Surface(points=surface.points, triangles=surface.triangles, patch_id=surface.patch_id)
    wall = np.unique(surface.triangles[surface.patch_id == WALL_TAG])
    thin = float(np.quantile(inscribed_radius(closed)[wall], THINNEST))
    gap = float(wall_gap(closed, widest=PER_GAP * size)[wall].min())
    for_gap = max(gap, KEPT_GAP) / PER_GAP
    wanted = finer * min(max(thin / PER_RADIUS, FINEST * min_size), for_gap, size)
    extent = np.ptp(surface.points, axis=0)
    least = float(np.cbrt(np.prod(extent + 2 * _PAD * wanted) / VOXELS))
    voxel = max(wanted, least)
    finding = f"voxels of {1e3 * voxel:.3f} mm for a lumen of {2e3 * thin:.2f} mm"
    if np.isfinite(gap):
        finding += f" and a gap of {1e3 * gap:.2f} mm"
    if gap < PER_GAP * voxel * (1.0 - 1e-9):
        finding += f"; gaps under {PER_GAP * 1e3 * voxel:.2f} mm may have closed"
    return voxel, finding


def zero_level(points: FloatArray, triangles: IntArray, voxel: float) -> RawSurface:
    """The surface at distance 0 around which the triangles wind, on a grid.

    Args:
        points: (n, 3) [m].
        triangles: (m, 3) of a closed surface, wound outwards.
        voxel: Size of the grid's cells [m].
    """
    origin = points.min(axis=0) - _PAD * voxel
    shape = np.ceil(np.ptp(points, axis=0) / voxel).astype(int) + 2 * _PAD + 1
    # The grid is stored with x fastest, as VTK has it; in the order z, y, x the triangles are wound the other way.
    corners = np.ascontiguousarray(((points - origin) / voxel)[triangles][:, ::-1, ::-1])
    square = np.full(shape[::-1], _BAND**2, dtype=np.float32)
    spread_distance(corners, _BAND, square)
    winding = np.zeros(shape[::-1], dtype=np.int16)
    count_windings(corners, winding)
    np.sqrt(square, out=square)
    np.maximum(square, np.float32(_NEAREST), out=square)
    np.negative(square, out=square, where=winding > 0)
    grid = pv.ImageData(dimensions=tuple(int(side) for side in shape))
    grid["distance"] = square.ravel()
    shell = grid.contour([0.0], scalars="distance", method="flying_edges", compute_normals=False)
    if not shell.n_cells:
        return no_triangles()
    # VTK's triangles face the lower values, which are inside.
    return wall_only(
        origin + voxel * np.asarray(shell.points, dtype=np.float64), np.asarray(shell.regular_faces)[:, ::-1]
    )


def _move_caps_out(surface: RawSurface, length: float) -> tuple[FloatArray, IntArray]:
    """The surface with each cap moved along its normal, and walls between."""
    points, triangles = surface.points, surface.triangles.copy()
    sides = []
    for plane in find_planes(surface):
        chosen = np.flatnonzero(surface.patch_id == plane.tag)
        cap = triangles[chosen]
        used, local = np.unique(cap, return_inverse=True)
        moved = len(points) + np.arange(len(used))
        points = np.vstack([points, points[used] + length * plane.axis])
        new = np.full(len(points), -1, dtype=np.int64)
        new[used] = moved
        start, end = cap.ravel(), np.roll(cap, -1, axis=1).ravel()
        alone = ~np.isin(start * len(points) + end, end * len(points) + start)
        a, b = start[alone], end[alone]
        sides += [np.column_stack([a, b, new[b]]), np.column_stack([a, new[b], new[a]])]
        triangles[chosen] = moved[local.reshape(-1, 3)]
    return points, np.vstack([triangles, *sides])
