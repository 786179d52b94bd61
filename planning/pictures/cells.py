"""Pictures of a mesh: the tetrahedra in a cut, a close view of the layers at the wall, and how good the cells are."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pyvista as pv
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from geometry.meshing.quality import Histogram
from geometry.meshing.volume import VolumeMesh, describe_mesh
from hemoplan.arrays import FloatArray
from planning.report.camera import Camera, choose_camera
from planning.report.figures import STYLE
from planning.report.panels import snapshot

_CELL, _GHOST, _INK = "#9db8d6", "#c3ccd8", "#2e6fb7"
_WIDTH = 3.6
_PIXELS_PER_INCH = 240
_CLOSE = 1.5
"""Half the width of the close view, in radii of the vessel."""


def draw_cells(mesh: VolumeMesh, *, focus: FloatArray, radius: float) -> Figure:
    """A cut through all cells, a close view of it, and histograms of radius ratio and dihedral angle.

    Args:
        mesh: The tetrahedra.
        focus: (3,) middle of the close view, such as the narrowest place; the cut passes it [m].
        radius: Of the vessel there [m].
    """
    grid = _grid(mesh)
    whole = choose_camera(mesh.points)
    close = _zoom(whole, focus, half=_CLOSE * radius)
    # The cut lies across the direction of view, so that it is seen face on.
    cut = grid.clip(normal=tuple(-np.asarray(whole.direction)), origin=tuple(focus), crinkle=True)
    tall = float(np.clip(whole.half_height / whole.half_width, 0.7, 1.5))
    pixels = (round(_WIDTH * _PIXELS_PER_INCH), round(_WIDTH * tall * _PIXELS_PER_INCH))

    def fill(plotter: pv.Plotter) -> None:
        plotter.add_mesh(grid.extract_surface(algorithm=None), color=_GHOST, opacity=0.12)
        plotter.add_mesh(
            cut, color=_CELL, show_edges=True, edge_color="#22303f", line_width=0.5, lighting=True
        )

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.0 * _WIDTH, _WIDTH * tall + 2.5), layout="constrained")
        grid_spec = figure.add_gridspec(2, 2, height_ratios=(_WIDTH * tall, 2.1))
        for column, (camera, title) in enumerate(((whole, "Cut through the cells"), (close, "Close view"))):
            axis = figure.add_subplot(grid_spec[0, column])
            axis.imshow(snapshot(fill, camera=camera, pixels=pixels), extent=(0, 1, 0, 1), aspect="auto")
            axis.set_axis_off()
            axis.set_title(title)
            if camera is whole:
                _frame_close_view(axis, whole, close, aspect=pixels[0] / pixels[1])
        quality = describe_mesh(mesh)
        for column, (bins, worst, label) in enumerate(
            (
                (quality.radius_ratios, quality.radius_ratio_min, "radius ratio"),
                (quality.dihedrals, quality.dihedral_min, "smallest dihedral angle [°]"),
            )
        ):
            _draw_histogram(figure.add_subplot(grid_spec[1, column]), bins, worst, label)
        figure.suptitle(
            f"{quality.cells:,} tetrahedra, edges {1e3 * quality.edge_min:.2f} to {1e3 * quality.edge_max:.2f} mm",
            fontsize=9.0,
        )
    return figure


def _grid(mesh: VolumeMesh) -> pv.UnstructuredGrid:
    return pv.UnstructuredGrid({pv.CellType.TETRA: mesh.tetrahedra}, mesh.points)


def _zoom(camera: Camera, focus: FloatArray, *, half: float) -> Camera:
    x, y, z = (float(value) for value in focus)
    return Camera(
        focus=(x, y, z), direction=camera.direction, up=camera.up, half_width=half, half_height=half
    )


def _frame_close_view(axis: Axes, whole: Camera, close: Camera, *, aspect: float) -> None:
    """Where the close view lies in the picture of the whole."""
    x, y = whole.project(np.array([close.focus]), aspect=aspect)[0]
    half_height = close.scale_for(aspect) / (2.0 * whole.scale_for(aspect))
    axis.add_patch(
        Rectangle(
            (x - half_height, y - half_height),
            2.0 * half_height,
            2.0 * half_height,
            fill=False,
            color=_INK,
            lw=0.9,
        )
    )


def _draw_histogram(axis: Axes, bins: Histogram, worst: float, label: str) -> None:
    """Counts on a logarithmic axis, so that the few poor cells are seen; the worst is named."""
    axis.stairs(bins.counts, bins.edges, fill=True, color=_CELL)
    axis.set_yscale("log")
    axis.set_ylim(bottom=0.7)
    axis.set_xlim(bins.edges[0], bins.edges[-1])
    axis.set_xlabel(label)
    axis.set_ylabel("cells")
    axis.axvline(worst, color=_INK, lw=1.0)
    axis.annotate(
        f"worst {worst:.2g}",
        (worst, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3.0, -3.0),
        textcoords="offset points",
        va="top",
        fontsize=7.5,
        color=_INK,
    )
