"""Slices of a scan with the outline of what was segmented drawn over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geometry.imaging.image import Image
from geometry.imaging.label_map import LabelMap
from geometry.surfaces.surface import Surface, to_polydata
from hemoplan.arrays import FloatArray
from planning.report.figures import STYLE

AXIAL = 12
"""Slices across the body; three more each from the front and from the side."""
OTHERS = 3
_COLUMNS = 6
_MARGIN = 0.006
"""Width of what is shown around the lumen [m]."""
_INKS = ("#ff2e63", "#00c2ff", "#ffb300", "#37d67a", "#b388ff", "#ff7f50", "#00e5c3", "#f06292")


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """How slices across one axis of the body are shown; the patient's right is on the left, as in every viewer.

    Attributes:
        normal: Axis that the slices lie across (0 right, 1 front, 2 head).
        across, upward: Axes of the picture.
        name: What such a slice is called.
        sides: Letters at the left and right border.
        mirrored: Whether the axis across runs to the left.
    """

    normal: int
    across: int
    upward: int
    name: str
    sides: tuple[str, str]
    mirrored: bool


_VIEWS = (
    _View(normal=2, across=0, upward=1, name="axial", sides=("R", "L"), mirrored=True),
    _View(normal=1, across=0, upward=2, name="coronal", sides=("R", "L"), mirrored=True),
    _View(normal=0, across=1, upward=2, name="sagittal", sides=("A", "P"), mirrored=True),
)


def draw_slices(image: Image, label_map: LabelMap, surface: Surface | None = None) -> Figure:
    """Twelve axial, three coronal and three sagittal slices through the lumen, with its outline.

    Args:
        image: The scan.
        label_map: What was segmented, on the same grid; a colour a label.
        surface: Drawn as the outline in the place of the labels, where it exists: it is exact to a fraction of a voxel.
    """
    values, labels, frame = _to_body_axes(image, label_map)
    filled = np.argwhere(labels > 0)
    low, high = filled.min(axis=0), filled.max(axis=0)
    box = _box(frame, low, high, values.shape)
    window = _window(values, labels)
    with mpl.rc_context({**STYLE, "axes.grid": False, "axes.titlesize": 7.0}):
        rows = (AXIAL + 2 * OTHERS) // _COLUMNS
        figure = Figure(figsize=(11.0, 11.0 * rows / _COLUMNS + 0.3), layout="constrained", facecolor="black")
        axes = iter(figure.subplots(rows, _COLUMNS).ravel())
        for view, count in zip(_VIEWS, (AXIAL, OTHERS, OTHERS), strict=True):
            for index in _spread(low[view.normal], high[view.normal], count):
                axis = next(axes)
                _draw_slice(axis, view, index, values, frame, box, window)
                if surface is None:
                    _outline_labels(axis, view, index, labels, frame)
                else:
                    _outline_surface(
                        axis, view, surface, frame.origin[view.normal] + index * frame.step[view.normal]
                    )
        _name_labels(figure, label_map, surface)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Grid whose axes run to the right, to the front and to the head: centre of the first voxel and distances [m]."""

    origin: FloatArray
    step: FloatArray


def _to_body_axes(image: Image, label_map: LabelMap) -> tuple[NDArray[np.float32], NDArray[np.uint8], _Frame]:
    """Voxels in the order of the body's axes; a tilted scan is shown along its own, nearest axes."""
    order = [int(axis) for axis in _assign(np.abs(image.direction))]
    values, labels = image.voxels.transpose(order), label_map.labels.transpose(order)
    first = np.zeros(3)
    flips: list[slice] = []
    for body, axis in enumerate(order):
        backwards = image.direction[body, axis] < 0.0
        flips.append(slice(None, None, -1 if backwards else 1))
        first[axis] = image.voxels.shape[axis] - 1 if backwards else 0
    frame = _Frame(origin=image.to_world(first), step=image.spacing[order])
    return values[tuple(flips)], labels[tuple(flips)], frame


def _assign(weights: FloatArray) -> list[int]:
    """Which index of the scan runs along each axis of the body."""
    left = set(range(3))
    found: list[int] = [0, 0, 0]
    for body in np.argsort(-weights.max(axis=1)):
        best = max(left, key=lambda axis: float(weights[body, axis]))
        found[int(body)] = best
        left.remove(best)
    return found


def _box(
    frame: _Frame, low: NDArray[np.int64], high: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Corners of what is shown [m]."""
    least = frame.origin - 0.5 * frame.step
    most = frame.origin + (np.array(shape) - 0.5) * frame.step
    lower = np.maximum(frame.origin + low * frame.step - _MARGIN, least)
    upper = np.minimum(frame.origin + high * frame.step + _MARGIN, most)
    return lower, upper


def _window(values: NDArray[np.float32], labels: NDArray[np.uint8]) -> tuple[float, float]:
    """Grey values from a little below what surrounds the lumen to a little above the lumen."""
    inside = float(np.median(values[labels > 0]))
    around = float(np.median(values[labels == 0]))
    reach = max(abs(inside - around), 1e-6)
    return min(inside, around) - 0.5 * reach, max(inside, around) + 0.5 * reach


def _spread(low: int, high: int, count: int) -> Iterator[int]:
    for share in (np.arange(count) + 0.5) / count:
        yield round(low + share * (high - low))


def _draw_slice(
    axis: Axes,
    view: _View,
    index: int,
    values: NDArray[np.float32],
    frame: _Frame,
    box: tuple[FloatArray, FloatArray],
    window: tuple[float, float],
) -> None:
    plane = np.take(values, index, axis=view.normal)
    pair = [view.across, view.upward]
    start = 1e3 * (frame.origin - 0.5 * frame.step)[pair]
    end = start + 1e3 * np.array(plane.shape) * frame.step[pair]
    axis.imshow(
        plane.T,
        origin="lower",
        extent=(start[0], end[0], start[1], end[1]),
        cmap="gray",
        vmin=window[0],
        vmax=window[1],
        interpolation="nearest",
    )
    low, high = 1e3 * box[0][pair], 1e3 * box[1][pair]
    axis.set_xlim(*((high[0], low[0]) if view.mirrored else (low[0], high[0])))
    axis.set_ylim(low[1], high[1])
    axis.set_axis_off()
    place = 1e3 * (frame.origin[view.normal] + index * frame.step[view.normal])
    axis.set_title(f"{view.name}, {'xyz'[view.normal]} = {place:.1f} mm", color="white", pad=2.0)
    for side, position, align in zip(view.sides, (0.02, 0.98), ("left", "right"), strict=True):
        axis.text(position, 0.5, side, transform=axis.transAxes, color="#c8ccd2", fontsize=7.0, ha=align)
    _scale_bar(axis, low, high, mirrored=view.mirrored)


def _scale_bar(axis: Axes, low: FloatArray, high: FloatArray, *, mirrored: bool) -> None:
    """A bar of one centimetre, or of one millimetre in a small picture."""
    width = float(high[0] - low[0])
    length = 10.0 if width > 15.0 else 1.0
    start = high[0] - 0.05 * width if mirrored else low[0] + 0.05 * width
    level = low[1] + 0.05 * float(high[1] - low[1])
    axis.plot([start, start - length if mirrored else start + length], [level, level], color="white", lw=1.5)
    axis.annotate(
        f"{length / 10.0:g} cm" if length == 10.0 else f"{length:g} mm",
        (start, level),
        xytext=(0.0, 2.5),
        textcoords="offset points",
        color="white",
        fontsize=6.0,
    )


def _outline_labels(axis: Axes, view: _View, index: int, labels: NDArray[np.uint8], frame: _Frame) -> None:
    plane = np.take(labels, index, axis=view.normal)
    pair = [view.across, view.upward]
    across, upward = (
        1e3 * (frame.origin[body] + frame.step[body] * np.arange(count))
        for body, count in zip(pair, plane.shape, strict=True)
    )
    for label in np.unique(plane[plane > 0]):
        axis.contour(
            across,
            upward,
            (plane.T == label).astype(float),
            levels=[0.5],
            colors=_ink(int(label)),
            linewidths=0.9,
        )


def _outline_surface(axis: Axes, view: _View, surface: Surface, place: float) -> None:
    normal, origin = np.eye(3)[view.normal], np.zeros(3)
    origin[view.normal] = place
    cut = to_polydata(surface).slice(normal=normal, origin=origin)
    if cut.n_cells == 0:
        return
    ends = np.asarray(cut.points)[np.asarray(cut.lines).reshape(-1, 3)[:, 1:]]
    pieces: Any = 1e3 * ends[:, :, [view.across, view.upward]]
    axis.add_collection(LineCollection(pieces, colors=_INKS[0], linewidths=0.9))


def _ink(label: int) -> str:
    return _INKS[(label - 1) % len(_INKS)]


def _name_labels(figure: Figure, label_map: LabelMap, surface: Surface | None) -> None:
    present = [int(label) for label in np.unique(label_map.labels) if label > 0]
    if surface is not None or len(present) < 2:
        return
    handles = [mpl.lines.Line2D([], [], color=_ink(label)) for label in present]
    names = [label_map.names.get(label, f"label {label}") for label in present]
    figure.legend(
        handles, names, loc="outside lower center", ncols=len(names), labelcolor="white", fontsize=7.0
    )
