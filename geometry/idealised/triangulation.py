"""Triangles on the exact surface of an anatomy, with flat openings where it is known to open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from geometry.idealised.anatomy import Anatomy, KnownOpening
from geometry.idealised.clearance import least_gap
from geometry.idealised.cover import Grid, cells_near
from geometry.idealised.flat_ends import Shell, cut_flat, fill_rims
from geometry.surfaces.surface import (
    WALL_TAG,
    Surface,
    check_closed,
    describe_patch,
    vertex_normals,
)
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

RELAXATIONS = 12
"""How often the vertices are moved towards the middle of their neighbours, along the surface."""
BEHIND_RIM = 0.4
"""Least distance of the vertices next to a rim from its plane, in edge lengths."""
NEWTON_STEPS = 6
CELLS = 60_000_000
"""Cells of the grid that the surface is extracted on: what a workstation holds."""


def to_surface(anatomy: Anatomy, *, size: float, openings: Sequence[KnownOpening] | None = None) -> Surface:
    """Closed surface of an anatomy, whose wall vertices lie on the exact surface and whose openings are flat.

    The zero level of the signed distance is triangulated by flying edges on a grid, its vertices are evened out along
    the surface and moved onto the zero level by Newton's method along the gradient; each opening is cut by its plane,
    its rim is moved onto the zero level within that plane, and it is capped.

    Args:
        anatomy: What to triangulate.
        size: Edge length, the same everywhere [m].
        openings: Where to cut; None: the anatomy's own. Without any, vessels end in round tips and all is wall.

    Returns:
        A closed surface; its patches are the wall (tag 1) and the openings in order (tags from 2).

    Raises:
        SurfaceError: The size is too fine for memory or too coarse for the thinnest vessel, or an opening crosses no
            vessel.
    """
    wanted = anatomy.openings if openings is None else tuple(openings)
    _check_size(anatomy, size)
    points, triangles = _extract(anatomy, size)
    shell = Shell(points=points, triangles=triangles)
    for opening in wanted:
        shell = cut_flat(shell, opening, snap=0.3 * size)
    points = _settle(anatomy, shell, wanted, size)
    surface = _close(replace(shell, points=points), wanted, size)
    check_closed(surface, where="to_surface")
    return surface


def project(anatomy: Anatomy, points: FloatArray, normals: FloatArray | None = None) -> FloatArray:
    """Move (n, 3) points onto the zero level of an anatomy by Newton's method.

    Args:
        anatomy: What to lie on.
        points: Points near its surface [m].
        normals: (n, 3) unit normals of planes to stay in; none: move along the gradient.
    """
    moved = points.copy()
    for _ in range(NEWTON_STEPS):
        slope = anatomy.gradient(moved)
        if normals is not None:
            slope -= np.einsum("ij,ij->i", slope, normals)[:, None] * normals
        square = np.einsum("ij,ij->i", slope, slope)
        moved -= (anatomy.distance(moved) / np.maximum(square, 0.05))[:, None] * slope
    return moved


def _check_size(anatomy: Anatomy, size: float) -> None:
    thinnest = min(float(branch.station_radii.min()) for branch in anatomy.branches)
    if size > thinnest:
        raise SurfaceError(
            "the edges are too long for the thinnest vessel",
            where="to_surface",
            value=f"{1e3 * size:.2f} mm",
            expected=f"at most its radius, {1e3 * thinnest:.2f} mm",
        )
    gap = least_gap(anatomy)
    if 0.0 < gap < size:
        raise SurfaceError(
            "the edges are too long for the gap between two vessels, which would fuse",
            where="to_surface",
            value=f"{1e3 * size:.2f} mm",
            expected=f"at most the gap, {1e3 * gap:.2f} mm",
        )


def _extract(anatomy: Anatomy, size: float) -> tuple[FloatArray, IntArray]:
    """Flying edges over a grid of distances, exact near the surface."""
    spheres = [branch.spheres() for branch in anatomy.branches]
    lower = (
        np.min([(centres - radii[:, None]).min(axis=0) for centres, radii in spheres], axis=0) - 2.0 * size
    )
    upper = (
        np.max([(centres + radii[:, None]).max(axis=0) for centres, radii in spheres], axis=0) + 2.0 * size
    )
    nx, ny, nz = (int(count) for count in np.ceil((upper - lower) / size) + 1)
    if nx * ny * nz > CELLS:
        raise SurfaceError(
            "the edges are too short for the anatomy",
            where="to_surface",
            value=f"{1e3 * size:.3f} mm, {nx * ny * nz / 1e6:.0f} million cells",
            expected=f"at most {CELLS / 1e6:.0f} million cells",
            remedy="choose a larger size",
        )
    grid = Grid(lower=lower, spacing=np.full(3, size), shape=(nx, ny, nz))
    near = cells_near(anatomy.branches, grid, 2.0 * size)
    distance = np.full(nx * ny * nz, size)
    distance[near] = anatomy.distance(grid.points(near))
    image = pv.ImageData(dimensions=grid.shape)
    image["distance"] = (distance.reshape(grid.shape) / size).ravel(order="F")
    shell = image.contour([0.0], scalars="distance", method="flying_edges")
    points = lower + size * np.asarray(shell.points, dtype=np.float64)
    triangles = np.asarray(shell.regular_faces, dtype=np.int64)
    return _weld(points, triangles, 1.0e-3 * size)


def _weld(points: FloatArray, triangles: IntArray, tolerance: float) -> tuple[FloatArray, IntArray]:
    """Join points that coincide, drop what has collapsed, and turn normals outwards."""
    keys = np.round((points - points.min(axis=0)) / tolerance).astype(np.int64)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    points, triangles = points[first], np.asarray(index.ravel()[triangles])
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    corners = points[triangles]
    volume = np.einsum("ij,ij->", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2])
    return points, triangles if volume > 0.0 else triangles[:, ::-1]


def _settle(anatomy: Anatomy, shell: Shell, openings: Sequence[KnownOpening], size: float) -> FloatArray:
    """Even the vertices out along the surface, and put them on the zero level; rims stay in their planes."""
    normals = np.zeros_like(shell.points)
    for rim, opening in zip(shell.rims, openings, strict=True):
        normals[rim] = opening.axis
    on_rim = np.any(normals != 0.0, axis=1)
    points = shell.points.copy()
    neighbours = _averaging(shell.triangles, len(points))
    rings = [
        np.setdiff1d(shell.triangles[np.isin(shell.triangles, rim).any(axis=1)], rim) for rim in shell.rims
    ]
    along_rim = _averaging_of_rims(shell, len(points))
    for _ in range(RELAXATIONS):
        direction = vertex_normals(points, shell.triangles)
        shift = np.where(on_rim[:, None], along_rim @ points, neighbours @ points) - points
        shift -= np.einsum("ij,ij->i", shift, direction)[:, None] * direction
        shift[on_rim] -= np.einsum("ij,ij->i", shift[on_rim], normals[on_rim])[:, None] * normals[on_rim]
        points += 0.5 * shift
        # One step along the triangles' own normals, which are nearly those of the exact surface.
        step = np.clip(anatomy.distance(points), -0.5 * size, 0.5 * size)
        points[~on_rim] -= (step[:, None] * direction)[~on_rim]
        for ring, opening in zip(rings, openings, strict=True):
            # What lies next to a rim must not slide beyond the plane of the cut.
            height = (points[ring] - opening.centre) @ opening.axis
            points[ring] -= np.maximum(height + BEHIND_RIM * size, 0.0)[:, None] * opening.axis
    if on_rim.any():
        points[on_rim] = project(anatomy, points[on_rim], normals[on_rim])
    points[~on_rim] = project(anatomy, points[~on_rim])
    return points


def _averaging(triangles: IntArray, count: int) -> csr_array:
    """(n, n) matrix that gives the mean of the neighbours of every vertex."""
    start = triangles.ravel()
    end = triangles[:, [1, 2, 0]].ravel()
    return _mean_over(np.concatenate([start, end]), np.concatenate([end, start]), count)


def _averaging_of_rims(shell: Shell, count: int) -> csr_array:
    """(n, n) matrix that gives the mean of the two neighbours along the rim, for vertices of rims."""
    before = (
        np.concatenate([np.roll(rim, 1) for rim in shell.rims]) if shell.rims else np.zeros(0, dtype=np.int64)
    )
    vertex = np.concatenate(shell.rims) if shell.rims else np.zeros(0, dtype=np.int64)
    return _mean_over(np.concatenate([vertex, before]), np.concatenate([before, vertex]), count)


def _mean_over(rows: IntArray, columns: IntArray, count: int) -> csr_array:
    matrix = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
    matrix.data[:] = 1.0
    degree = np.maximum(np.asarray(matrix.sum(axis=1)), 1.0)
    return csr_array(diags_array(1.0 / degree) @ matrix)


def _close(shell: Shell, openings: Sequence[KnownOpening], size: float) -> Surface:
    points, triangles, tags = fill_rims(shell, [opening.axis for opening in openings], size=size)
    if not openings:
        return Surface(points=points, triangles=triangles, patch_id=tags)
    entries = [("wall", Role.WALL), *((opening.name, opening.role) for opening in openings)]
    patches = tuple(
        describe_patch(points, triangles[tags == tag], name=name, role=role, tag=tag)
        for tag, (name, role) in enumerate(entries, start=WALL_TAG)
    )
    return Surface(points=points, triangles=triangles, patch_id=tags, patches=patches)


def deviation(anatomy: Anatomy, surface: Surface) -> NDArray[np.float64]:
    """(m,) signed distances of the wall's triangle centres to the exact surface, positive outside [m]."""
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    return anatomy.distance(surface.points[wall].mean(axis=1))
