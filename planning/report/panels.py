"""Pictures of all variants side by side: one camera, one scale, names at the openings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pyvista as pv
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.patch import Patch
from planning.report.camera import Camera, choose_camera
from planning.report.fields import FIELD_STYLES, Field, Scale, VariantFields
from planning.report.palette import variant_inks
from planning.wording import spoken

_WIDTH = 7.4
"""Width of a figure on an A4 page [inch]."""
_WIDEST_PANEL = 3.7
_COLUMNS = 4
_HEAD, _FOOT = 0.25, 0.62
"""Room for the name above a panel and for the scale below all of them [inch]."""
_PIXELS_PER_INCH = 220
_TALLEST, _WIDEST = 1.5, 0.8
_GHOST = "#9aa7b8"
_LABEL_SIZE = 6.5
_LETTER = 0.62
"""Mean width of a letter, over the size of the font."""


def camera_for(variants: Sequence[VariantFields]) -> Camera:
    """The camera that all variants share."""
    return choose_camera(np.concatenate([np.asarray(variant.lumen.points) for variant in variants]))


def draw_panels(variants: Sequence[VariantFields], field: Field, *, scale: Scale, camera: Camera) -> Figure:
    """One field of every variant, side by side.

    Args:
        variants: The variants.
        field: What to show.
        scale: The range of colours, the same for all.
        camera: The camera, the same for all.
    """
    inks = variant_inks([variant.name for variant in variants])
    columns = min(len(variants), _COLUMNS)
    rows = -(-len(variants) // columns)
    width = min(_WIDTH / columns, _WIDEST_PANEL)
    height = width * float(np.clip(camera.half_height / camera.half_width, _WIDEST, _TALLEST))
    pixels = (round(width * _PIXELS_PER_INCH), round(height * _PIXELS_PER_INCH))
    whole = rows * (height + _HEAD) + _FOOT
    margin = 0.5 * (1.0 - columns * width / _WIDTH)
    with mpl.rc_context(_panel_style()):
        figure = Figure(figsize=(_WIDTH, whole))
        for index, variant in enumerate(variants):
            row, column = divmod(index, columns)
            left = margin + column * width / _WIDTH
            bottom = (_FOOT + (rows - 1 - row) * (height + _HEAD)) / whole
            axis = figure.add_axes((left, bottom, width / _WIDTH, height / whole))
            picture = render(variant, field, scale=scale, camera=camera, pixels=pixels)
            axis.imshow(picture, extent=(0, 1, 0, 1), aspect="auto")
            axis.set_axis_off()
            axis.set_title(spoken(variant.name), color=inks[variant.name].colour)
            label_openings(axis, variant.openings, camera, aspect=pixels[0] / pixels[1])
        _add_scale(figure, field, scale, whole)
    return figure


def _add_scale(figure: Figure, field: Field, scale: Scale, whole: float) -> None:
    style = FIELD_STYLES[field]
    figure.colorbar(
        ScalarMappable(norm=Normalize(scale.low, scale.high), cmap=style.colours),
        cax=figure.add_axes((0.25, 0.42 / whole, 0.5, 0.11 / whole)),
        orientation="horizontal",
        ticks=scale.ticks,
        label=style.label,
        extend="max" if scale.low == 0.0 else "both",
    )


def render(
    variant: VariantFields, field: Field, *, scale: Scale, camera: Camera, pixels: tuple[int, int]
) -> NDArray[np.uint8]:
    """One picture of one variant: (height, width, 3) RGB."""
    return snapshot(
        lambda plotter: add_variant(plotter, variant, field, scale=scale), camera=camera, pixels=pixels
    )


def snapshot(
    fill: Callable[[pv.Plotter], None], *, camera: Camera, pixels: tuple[int, int]
) -> NDArray[np.uint8]:
    """A picture of what `fill` puts into a plotter: (height, width, 3) RGB."""
    prepare_display()
    plotter = pv.Plotter(off_screen=True, window_size=list(pixels))
    try:
        plotter.set_background("white")
        plotter.enable_depth_peeling(8)
        fill(plotter)
        place_camera(plotter, camera, aspect=pixels[0] / pixels[1])
        plotter.enable_anti_aliasing("ssaa")
        return np.asarray(plotter.screenshot(return_img=True), dtype=np.uint8)
    finally:
        plotter.close()


def add_variant(plotter: pv.Plotter, variant: VariantFields, field: Field, *, scale: Scale) -> None:
    """Put one field of one variant into a plotter; streamlines are drawn inside a pale, see-through wall."""
    mesh = variant.mesh(field)
    look: dict[str, Any] = {"smooth_shading": True, "split_sharp_edges": field is Field.PRESSURE}
    if field is Field.VELOCITY:
        plotter.add_mesh(variant.wall, color=_GHOST, opacity=0.13, smooth_shading=True, show_scalar_bar=False)
        mesh = mesh.tube(radius=0.0011 * variant.lumen.length, n_sides=8)
        look = {"smooth_shading": True}
    plotter.add_mesh(
        mesh,
        scalars=field.value,
        clim=(scale.low, scale.high),
        cmap=FIELD_STYLES[field].colours,
        show_scalar_bar=False,
        ambient=0.38,
        diffuse=0.72,
        specular=0.05,
        **look,
    )


def place_camera(plotter: pv.Plotter, camera: Camera, *, aspect: float) -> None:
    """Point a plotter's camera; no perspective, so sizes can be compared between pictures."""
    focus, direction = np.asarray(camera.focus), np.asarray(camera.direction)
    distance = 10.0 * (camera.half_width + camera.half_height)
    plotter.camera_position = (tuple(focus - distance * direction), camera.focus, camera.up)
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = camera.scale_for(aspect)
    plotter.reset_camera_clipping_range()


def prepare_display() -> bool:
    """Let VTK draw in memory where there is no X server, rather than try one first and complain.

    Returns:
        Whether there is no display.
    """
    headless = sys.platform.startswith("linux") and not os.environ.get("DISPLAY")
    if headless:
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    return headless


def label_openings(axis: Axes, openings: Sequence[Patch], camera: Camera, *, aspect: float) -> None:
    """Names beyond the openings, each on the side that its opening looks to, and none of them cut off."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    points = 72.0 * figure.get_figwidth() * axis.get_position().width
    right, up = np.asarray(camera.right), np.asarray(camera.up)
    for patch, place in zip(openings, _places(openings, camera, aspect), strict=True):
        outward = np.array([np.dot(patch.normal, right), np.dot(patch.normal, up)])
        size = np.linalg.norm(outward)
        outward = outward / size if size > 0.2 else np.array([0.0, 1.0])
        shift = 5.0 * outward
        align = "left" if outward[0] > 0.3 else "right" if outward[0] < -0.3 else "center"
        lines = spoken(patch.name).split()
        width = _LETTER * _LABEL_SIZE * max(map(len, lines)) / points
        before = {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width - shift[0] / points
        across = float(np.clip(place[0], before, max(before, 1.0 + before - width)))
        axis.annotate(
            "\n".join(lines),
            (across, float(place[1])),
            xytext=(float(shift[0]), float(shift[1])),
            textcoords="offset points",
            ha=align,
            va="bottom" if outward[1] > 0.3 else "top" if outward[1] < -0.3 else "center",
            fontsize=_LABEL_SIZE,
            color="#3a3f47",
            linespacing=0.95,
            path_effects=[withStroke(linewidth=1.6, foreground="white", alpha=0.75)],
        )


def _places(openings: Sequence[Patch], camera: Camera, aspect: float) -> FloatArray:
    return camera.project(np.array([patch.centre for patch in openings]), aspect=aspect)


def _panel_style() -> Any:
    return {"font.family": "DejaVu Sans", "font.size": 8.5, "axes.titlesize": 9.5, "axes.titleweight": "bold"}
