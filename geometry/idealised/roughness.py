"""Poor surfaces of known anatomies, as scans and exports leave them: coarse, noisy, stepped, cut at a slant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyvista as pv

from geometry.idealised.anatomy import Anatomy, KnownOpening
from geometry.idealised.cover import covers, grid_of
from geometry.surfaces.surface import WALL_TAG, Surface, from_polydata, to_polydata, vertex_normals
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError


def roughen(surface: Surface, *, amplitude: float, seed: int = 0) -> Surface:
    """Move the vertices of the wall along their normals by white Gaussian noise; openings and their rims stay.

    Args:
        surface: What to roughen.
        amplitude: Standard deviation of the noise [m].
        seed: The same seed gives the same surface.
    """
    noise = np.random.default_rng(seed).normal(0.0, amplitude, size=len(surface.points))
    noise[np.unique(surface.triangles[surface.patch_id != WALL_TAG])] = 0.0
    normals = vertex_normals(surface.points, surface.triangles)
    return replace(surface, points=surface.points + noise[:, None] * normals)


def seal(surface: Surface) -> Surface:
    """The same surface as one that knows no openings: its caps are wall too."""
    return Surface(
        points=surface.points, triangles=surface.triangles, patch_id=np.full_like(surface.patch_id, WALL_TAG)
    )


def decimate(surface: Surface, share: float) -> Surface:
    """A closed surface without openings, with only a share (0 to 1) of its triangles left, as exports for viewers have.

    Raises:
        SurfaceError: The surface has openings, whose names decimation would lose.
    """
    if surface.openings:
        raise SurfaceError(
            "decimation would lose the openings", where="decimate", remedy="seal the surface first"
        )
    mesh = to_polydata(surface)
    mesh.cell_data.clear()
    return from_polydata(mesh.decimate(1.0 - share))


def staircase(anatomy: Anatomy, *, voxel: float) -> Surface:
    """Surface of the voxels that an anatomy covers by half at least: stepped, closed, all wall.

    Args:
        anatomy: What is sampled, within its field of view.
        voxel: Edge of the voxels [m].
    """
    grid = grid_of(anatomy, np.full(3, voxel), extra=np.full(3, 2))
    filled = np.zeros(np.prod(grid.shape), dtype=np.float32)
    for cells, cover in covers(grid, anatomy.branches, anatomy.blend):
        filled[cells] = cover > 0.5
    image = pv.ImageData(dimensions=grid.shape, origin=grid.lower, spacing=grid.spacing)
    image["filled"] = filled.reshape(grid.shape).ravel(order="F")
    shell = image.contour([0.5], scalars="filled", method="flying_edges").connectivity("largest").clean()
    shell.point_data.clear()
    shell.cell_data.clear()
    surface = from_polydata(shell)
    corners = surface.points[surface.triangles]
    if np.einsum("ij,ij->", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2]) < 0.0:
        return replace(surface, triangles=surface.triangles[:, ::-1])
    return surface


def tilt(opening: KnownOpening, angle: float, towards: FloatArray) -> KnownOpening:
    """An opening cut at a slant: its axis is turned by an angle [rad] towards a direction, and it lies deeper inside.

    The slanted plane stays within the vessel where this is straight over a diameter.
    """
    side = towards - (towards @ opening.axis) * opening.axis
    side /= np.linalg.norm(side)
    axis = np.cos(angle) * opening.axis + np.sin(angle) * side
    centre = opening.centre - 1.2 * opening.radius * np.tan(angle) * opening.axis
    return replace(opening, axis=axis, centre=centre)
