"""Windows on what the stages before the flow made: the scan with the lumen, the vessels, the cells."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyvista as pv

from geometry.centerlines.centerline import read_centerline
from geometry.imaging.image import Image, read
from geometry.meshing.volume import read_mesh
from geometry.surfaces.surface import read_surface, to_polydata
from hemoplan.errors import HemoplanError, ResourceError
from hemoplan.spelling import hint
from planning.report.camera import choose_camera
from planning.report.panels import place_camera, prepare_display
from planning.run_folder import RunFolder, require_file


class Stage(StrEnum):
    """What can be looked at before there is a flow."""

    SEGMENTATION = "segmentation"
    SURFACE = "surface"
    OPENINGS = "openings"
    MEASUREMENTS = "measurements"
    MESH = "mesh"


def picture_of(run: RunFolder, stage: Stage, variant: str) -> Path:
    """The picture that a stage left in the run folder.

    Raises:
        HemoplanError: The stage has not been done yet.
    """
    of_variant = {
        Stage.MESH: run.variant(variant).mesh_picture,
        Stage.MEASUREMENTS: run.variant(variant).measurements_picture,
    }
    path = of_variant.get(stage) or run.picture(stage)
    command = "mesh" if stage in of_variant else "segment"
    return require_file(path, remedy=f"make it with `hemoplan {command} CASE`")


def view_stage(run: RunFolder, stage: str, *, variant: str, screenshot: Path | None = None) -> None:
    """Show what a stage made, in a window, or copy its picture.

    Args:
        run: The run folder.
        stage: One of `Stage`.
        variant: Whose mesh.
        screenshot: File to write instead of opening a window.

    Raises:
        HemoplanError: There is no such stage, or it has not been done yet.
        ResourceError: A window is wanted where there is no display.
    """
    if stage not in list(Stage):
        raise HemoplanError("unknown stage", where="view", value=stage, remedy=hint(stage, Stage))
    chosen = Stage(stage)
    picture = picture_of(run, chosen, variant)
    if screenshot is not None:
        shutil.copyfile(picture, screenshot)
        return
    if prepare_display():
        raise ResourceError(
            "there is no display to open a window on",
            where="view",
            remedy=f"open the picture {picture}, or give a file to write with --screenshot",
        )
    plotter = pv.Plotter(title=f"{chosen}")
    plotter.set_background("white")
    fill(plotter, run, chosen, variant)
    plotter.show()


def fill(plotter: pv.Plotter, run: RunFolder, stage: Stage, variant: str) -> None:
    """Put what a stage made into a plotter that can be turned: planes through the scan and the mesh can be dragged."""
    if stage is Stage.MESH:
        mesh = read_mesh(run.variant(variant).mesh.path)
        cells = pv.UnstructuredGrid({pv.CellType.TETRA: mesh.tetrahedra}, mesh.points)
        plotter.add_mesh_clip_plane(cells, crinkle=True, show_edges=True, color="#9db8d6")
        place_camera(plotter, choose_camera(mesh.points), aspect=1.0)
        return
    surface = read_surface(run.surface)
    if stage in (Stage.SEGMENTATION, Stage.SURFACE):
        plotter.add_mesh_slice_orthogonal(_volume(read(run.scan)), cmap="gray", show_scalar_bar=False)
        plotter.add_mesh(to_polydata(surface), color="#ff2e63", opacity=0.35)
    else:
        plotter.add_mesh(to_polydata(surface), color="#c3ccd8", opacity=0.4)
        centerline = read_centerline(run.centerline)
        for line in centerline.lines:
            path = pv.lines_from_points(line.points)
            path["radius [mm]"] = 1e3 * line.radius
            plotter.add_mesh(path, line_width=5.0, cmap="viridis")
    place_camera(plotter, choose_camera(surface.points), aspect=1.0)


def _volume(image: Image) -> pv.ImageData:
    grid = pv.ImageData(
        dimensions=image.voxels.shape,
        spacing=tuple(image.spacing),
        origin=tuple(image.origin),
        direction_matrix=image.direction,
    )
    grid.point_data["intensity"] = np.asarray(image.voxels).ravel(order="F")
    return grid
