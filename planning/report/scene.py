"""The interactive 3D scene: one HTML file that needs no network, and a desktop window for the same fields."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyvista as pv
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.case_file import load_case
from hemoplan.errors import HemoplanError, ResourceError
from planning.report.camera import Camera
from planning.report.fields import FIELD_STYLES, Field, Scale, VariantFields, choose_scales, read_fields
from planning.report.page import read_template, render_template
from planning.report.palette import variant_inks
from planning.report.panels import add_variant, camera_for, draw_panels, place_camera, prepare_display
from planning.run_folder import RunFolder
from planning.wording import spoken

_SHORT = {
    Field.PRESSURE: "pressure",
    Field.VELOCITY: "flow",
    Field.TAWSS: "wall shear stress",
    Field.OSI: "oscillatory shear",
}
_SPACING = 1.0 / 160.0
"""Spacing of the points of a streamline in the page, as a share of the size of the vessels."""


def export_scene(
    path: Path,
    variants: Sequence[VariantFields],
    *,
    title: str,
    scales: Mapping[Field, Scale],
    camera: Camera,
) -> Path:
    """Write `scene.html`: it shows all variants with one camera and one scale, and works offline.

    Args:
        path: The file to write.
        variants: The variants.
        title: Heading of the page.
        scales: The range of colours of each field.
        camera: Where the eye stands at first.
    """
    context = scene_context(variants, scales=scales, camera=camera)
    path.write_text(render_template("scene_page.html.j2", {"title": title, **context}), encoding="utf-8")
    return path


def scene_context(
    variants: Sequence[VariantFields], *, scales: Mapping[Field, Scale], camera: Camera
) -> dict[str, Any]:
    """What the template `scene.html.j2` needs, to stand in any page."""
    points = np.concatenate(
        [np.asarray(mesh.points) for v in variants for mesh in (v.lumen, v.wall, v.streamlines)]
    )
    box = (points.min(axis=0), points.max(axis=0))
    inks = variant_inks([variant.name for variant in variants])
    scene = {
        "box": {"low": box[0].tolist(), "high": box[1].tolist()},
        "camera": {
            "focus": camera.focus,
            "direction": camera.direction,
            "halfWidth": camera.half_width,
            "halfHeight": camera.half_height,
        },
        "fields": [_field_entry(field, scales[field]) for field in Field],
        "variants": [_variant_entry(variant, inks[variant.name].colour, box) for variant in variants],
    }
    return {
        "scene": scene,
        # A closing tag inside of the JSON would end the script element that carries it.
        "scene_json": json.dumps(scene, separators=(",", ":")).replace("<", "\\u003c"),
        "viewer": read_template("viewer.js"),
        "scene_css": read_template("scene.css"),
    }


def view_run(
    run: RunFolder, *, variant: str | None = None, field: str = "pressure", screenshot: Path | None = None
) -> None:
    """Show one field with the camera and the scale of the report, in a window or as a PNG.

    Args:
        run: The run folder.
        variant: Name of the variant; all that have been solved, side by side, if absent.
        field: `pressure`, `velocity`, `tawss` or `osi`.
        screenshot: File to write instead of opening a window.

    Raises:
        HemoplanError: There is no such field or variant, or the run folder lacks it.
        ResourceError: A window is wanted where there is no display.
    """
    if field not in list(Field):
        raise HemoplanError("unknown field", where="view", value=field, expected=f"one of {', '.join(Field)}")
    solved = _solved_variants(run)
    if not solved or variant not in (None, *solved):
        raise HemoplanError(
            "the run folder has no result of such a variant",
            where=str(run.path),
            value=variant,
            expected=f"one of {', '.join(solved) or 'none'}",
            remedy="" if solved else "run `hemoplan solve CASE`",
        )
    every = read_fields(run, solved)
    chosen, camera = Field(field), camera_for(every)
    scale = choose_scales(every)[chosen]
    wanted = [each for each in every if variant in (None, each.name)]
    if screenshot is not None:
        draw_panels(wanted, chosen, scale=scale, camera=camera).savefig(screenshot, dpi=200)
    else:
        _open_window(wanted, chosen, scale=scale, camera=camera)


def _solved_variants(run: RunFolder) -> list[str]:
    """Variants whose fields lie in the run folder, in the order of the case, which their colours follow."""
    solved = sorted(path.parent.parent.name for path in run.variants.glob("*/fields/peak.vtu"))
    order = [variant.name for variant in load_case(run.case).variants] if run.case.exists() else []
    return sorted(solved, key=lambda name: order.index(name) if name in order else len(order))


def _open_window(variants: Sequence[VariantFields], field: Field, *, scale: Scale, camera: Camera) -> None:
    if prepare_display():
        raise ResourceError(
            "there is no display to open a window on",
            where="view",
            remedy="give a file to write with --screenshot, or open the run folder's scene.html in a browser",
        )
    plotter = pv.Plotter(shape=(1, len(variants)), border=False, title=FIELD_STYLES[field].label)
    for column, variant in enumerate(variants):
        plotter.subplot(0, column)
        plotter.set_background("white")
        add_variant(plotter, variant, field, scale=scale)
        plotter.add_text(spoken(variant.name), font_size=10, color="black")
        place_camera(plotter, camera, aspect=1.0 / len(variants))
    plotter.add_scalar_bar(title=FIELD_STYLES[field].label, color="black")
    plotter.link_views()
    plotter.show()


def _field_entry(field: Field, scale: Scale) -> dict[str, Any]:
    style = FIELD_STYLES[field]
    return {
        "key": field.value,
        "short": _SHORT[field],
        "label": style.label,
        "unit": style.unit,
        "low": scale.low,
        "high": scale.high,
        "ticks": scale.ticks,
        "colours": [to_hex(colour) for colour in mpl.colormaps[style.colours](np.linspace(0.0, 1.0, 64))],
    }


def _variant_entry(variant: VariantFields, colour: str, box: tuple[FloatArray, FloatArray]) -> dict[str, Any]:
    lines, ends = _thin(variant.streamlines)
    return {
        "key": variant.name,
        "title": spoken(variant.name),
        "colour": colour,
        "openings": [
            {"title": spoken(patch.name), "centre": patch.centre, "normal": patch.normal}
            for patch in variant.openings
        ],
        "lumen": _surface_entry(variant.lumen, (Field.PRESSURE,), box),
        "wall": _surface_entry(variant.wall, (Field.TAWSS, Field.OSI), box),
        "streamlines": {
            "points": _pack_points(np.asarray(variant.streamlines.points)[lines], box),
            "ends": _encode(ends.astype("<u4")),
            "values": {Field.VELOCITY.value: _pack_values(variant.values(Field.VELOCITY)[lines])},
        },
    }


def _surface_entry(
    mesh: pv.PolyData, fields: Sequence[Field], box: tuple[FloatArray, FloatArray]
) -> dict[str, Any]:
    return {
        "points": _pack_points(np.asarray(mesh.points), box),
        "triangles": _encode(np.asarray(mesh.regular_faces).astype("<u4")),
        "values": {field.value: _pack_values(np.asarray(mesh.point_data[field.value])) for field in fields},
    }


def _thin(lines: pv.PolyData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points of poly-lines that are worth drawing, and the places in that list where a line ends."""
    points, spacing = np.asarray(lines.points), _SPACING * lines.length
    padded = np.asarray(lines.lines)
    kept: list[int] = []
    ends: list[int] = []
    begin = 0
    while begin < len(padded):
        ids = padded[begin + 1 : begin + 1 + padded[begin]]
        begin += 1 + len(ids)
        if len(ids) < 2:
            continue
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[ids], axis=0), axis=1))])
        first_in_bin = np.unique(np.floor(arc / spacing), return_index=True)[1]
        kept += [int(ids[index]) for index in sorted({*first_in_bin.tolist(), len(ids) - 1})]
        ends.append(len(kept) - 1)
    return np.array(kept, dtype=np.int64), np.array(ends, dtype=np.int64)


def _pack_points(points: FloatArray, box: tuple[FloatArray, FloatArray]) -> str:
    """Coordinates as 16-bit shares of the scene's box: a micrometre or so in a newborn's chest."""
    low, high = box
    return _encode(np.rint(65535.0 * (points - low) / np.maximum(high - low, 1e-12)).astype("<u2"))


def _pack_values(values: FloatArray) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / max(high - low, 1e-30)
    return {"low": low, "high": high, "packed": _encode(np.rint(65535.0 * shares).astype("<u2"))}


def _encode(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
