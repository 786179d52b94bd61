"""Pictures of a surface: its named openings with the centrelines, and the planes of the measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pyvista as pv
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from geometry.centerlines.centerline import Centerline
from geometry.surfaces.surface import Surface, to_polydata
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role
from planning.report.camera import Camera, choose_camera
from planning.report.figures import STYLE
from planning.report.panels import label_openings, snapshot

_WALL, _INLET, _OUTLET, _PLANE = "#c3ccd8", "#d1495b", "#2e6fb7", "#e07a1f"
_RADII = "viridis"
_WIDTH = 3.7
"""Width of one view [inch]."""
_TALLEST, _LOWEST = 1.5, 0.7
_PIXELS_PER_INCH = 220
_TURN = np.radians(60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A cross-section to be drawn: its number in the picture and the (n, 3) points of its outline, in order [m]."""

    label: str
    outline: FloatArray


def draw_vessels(surface: Surface, centerline: Centerline) -> Figure:
    """The surface from two sides, its openings by name, and its centrelines coloured by the inscribed radius.

    Args:
        surface: Closed, with named openings.
        centerline: Its centrelines.
    """
    radii = 1e3 * centerline.radius
    scale = Normalize(float(radii.min()), float(radii.max()))
    thickness = 0.005 * to_polydata(surface).length

    def fill(plotter: pv.Plotter) -> None:
        _add_surface(plotter, surface)
        for line in centerline.lines:
            path = pv.lines_from_points(line.points)
            path["radius"] = 1e3 * line.radius
            plotter.add_mesh(
                path.tube(radius=thickness),
                scalars="radius",
                cmap=_RADII,
                clim=(scale.vmin, scale.vmax),
                show_scalar_bar=False,
            )

    figure, axes, _ = _draw_views(surface, fill)
    figure.colorbar(
        ScalarMappable(norm=scale, cmap=_RADII),
        ax=axes,
        orientation="horizontal",
        shrink=0.5,
        aspect=45,
        label="radius of the largest inscribed sphere [mm]",
    )
    return figure


def draw_planes(surface: Surface, planes: Sequence[Plane]) -> Figure:
    """The surface from two sides with the cross-sections that were measured, each with its number.

    Args:
        surface: Closed, with named openings.
        planes: What was measured.
    """
    thickness = 0.002 * to_polydata(surface).length

    def fill(plotter: pv.Plotter) -> None:
        _add_surface(plotter, surface)
        for plane in planes:
            corners = len(plane.outline)
            face = pv.PolyData(plane.outline, faces=np.array([corners, *range(corners)]))
            plotter.add_mesh(face.triangulate(), color=_PLANE, opacity=0.85, lighting=False)
            rim = pv.lines_from_points(plane.outline, close=True)
            plotter.add_mesh(rim.tube(radius=thickness), color=_PLANE, lighting=False)

    figure, axes, cameras = _draw_views(surface, fill)
    for axis, camera in zip(axes, cameras, strict=True):
        _label_planes(axis, planes, camera)
    return figure


def _draw_views(
    surface: Surface, fill: Callable[[pv.Plotter], None]
) -> tuple[Figure, list[Axes], list[Camera]]:
    """The same scene from the best side, with the openings' names, and turned by `_TURN` about the vertical."""
    first = choose_camera(surface.points)
    turned = np.cos(_TURN) * np.asarray(first.direction) + np.sin(_TURN) * np.asarray(first.right)
    second = choose_camera(surface.points, direction=(float(turned[0]), float(turned[1]), float(turned[2])))
    tall = max(camera.half_height / camera.half_width for camera in (first, second))
    height = _WIDTH * float(np.clip(tall, _LOWEST, _TALLEST))
    pixels = (round(_WIDTH * _PIXELS_PER_INCH), round(height * _PIXELS_PER_INCH))
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(2.0 * _WIDTH, height + 0.7), layout="constrained")
        axes = list(figure.subplots(1, 2))
        for axis, camera in zip(axes, (first, second), strict=True):
            axis.imshow(snapshot(fill, camera=camera, pixels=pixels), extent=(0, 1, 0, 1), aspect="auto")
            axis.set_axis_off()
            axis.set_title(f"seen from the {camera.standpoint}")
        label_openings(axes[0], surface.openings, first, aspect=_aspect(axes[0]))
    return figure, axes, [first, second]


def _add_surface(plotter: pv.Plotter, surface: Surface) -> None:
    mesh = to_polydata(surface)
    for patch in surface.patches:
        part = mesh.extract_cells(surface.patch_id == patch.tag)
        if patch.role is Role.WALL:
            plotter.add_mesh(part, color=_WALL, opacity=0.35, smooth_shading=True)
        else:
            colour = _INLET if patch.role is Role.INLET else _OUTLET
            plotter.add_mesh(part, color=colour, opacity=0.8, lighting=False)


def _aspect(axis: Axes) -> float:
    """Width over height of the picture that an axis shows."""
    rows, columns = axis.images[0].get_size()
    return float(columns / rows)


def _label_planes(axis: Axes, planes: Sequence[Plane], camera: Camera) -> None:
    """A number beside each cross-section, on the side of its outline that lies farthest to the right."""
    for plane in planes:
        places = camera.project(plane.outline, aspect=_aspect(axis))
        x, y = places[int(places[:, 0].argmax())]
        axis.annotate(
            plane.label,
            (float(x), float(y)),
            xytext=(4.0, 0.0),
            textcoords="offset points",
            va="center",
            fontsize=7.0,
            fontweight="bold",
            color="#7a3d06",
        )
