from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemoplan.errors import HemoplanError, ResourceError
from planning.report.fields import Field, VariantFields, choose_scales, read_fields
from planning.report.panels import camera_for, render
from planning.report.scene import view_run
from planning.run_folder import RunFolder
from tests.planning.synthetic_run import GRADIENTS, THROATS


def scene_data(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="scene-data">(.*?)</script>', page, re.S)
    return json.loads(text)


def unpack(entry: dict[str, Any]) -> np.ndarray:
    shares = np.frombuffer(base64.b64decode(entry["packed"]), "<u2") / 65535.0
    return entry["low"] + shares * (entry["high"] - entry["low"])


def test_pressure_is_read_in_mmhg(fields: tuple[VariantFields, ...]) -> None:
    for variant in fields:
        drop = np.ptp(variant.values(Field.PRESSURE))
        assert drop == pytest.approx(GRADIENTS[variant.name], rel=0.02)


def test_streamlines_follow_the_tube(fields: tuple[VariantFields, ...]) -> None:
    points = np.asarray(fields[0].streamlines.points)
    assert np.ptp(points[:, 2]) > 0.036
    squeezed = np.abs(points[:, 2] - 0.02) < 5e-4
    assert np.linalg.norm(points[squeezed, :2], axis=1).max() < 1.05 * THROATS["baseline"] + 1e-4


def test_one_scale_covers_all_variants(fields: tuple[VariantFields, ...]) -> None:
    scales = choose_scales(fields)
    both = np.concatenate([variant.values(Field.PRESSURE) for variant in fields])
    scale = scales[Field.PRESSURE]
    assert ((both >= scale.low) & (both <= scale.high)).mean() > 0.98
    assert scales[Field.TAWSS].low == 0.0
    assert scale.ticks[0] == scale.low and scale.ticks[-1] == scale.high


def test_a_picture_shows_the_vessel_on_white(fields: tuple[VariantFields, ...]) -> None:
    picture = render(
        fields[0],
        Field.PRESSURE,
        scale=choose_scales(fields)[Field.PRESSURE],
        camera=camera_for(fields),
        pixels=(120, 300),
    )
    assert picture.shape == (300, 120, 3)
    assert (picture[0, 0] == 255).all()
    # The throat (1.4 of 4 mm) is narrower in the picture than the ends, in proportion.
    width = (picture.min(axis=2) < 250).sum(axis=1)
    assert width[150] / width[40] == pytest.approx(1.4 / 4.0, abs=0.06)


def test_the_scene_holds_every_variant_and_field_on_one_scale(run: RunFolder) -> None:
    scene = scene_data(run.scene.read_text(encoding="utf-8"))
    assert [variant["key"] for variant in scene["variants"]] == list(THROATS)
    assert [field["key"] for field in scene["fields"]] == list(Field)
    assert all(field["low"] < field["high"] for field in scene["fields"])
    assert len({variant["colour"] for variant in scene["variants"]}) == 3


def test_the_scene_keeps_values_and_places(run: RunFolder, fields: tuple[VariantFields, ...]) -> None:
    scene = scene_data(run.scene.read_text(encoding="utf-8"))
    entry, variant = scene["variants"][0]["lumen"], fields[0]
    assert unpack(entry["values"]["pressure"]) == pytest.approx(variant.values(Field.PRESSURE), abs=1e-3)
    raw = np.frombuffer(base64.b64decode(entry["points"]), "<u2").reshape(-1, 3) / 65535.0
    low, high = np.array(scene["box"]["low"]), np.array(scene["box"]["high"])
    assert np.abs(low + raw * (high - low) - np.asarray(variant.lumen.points)).max() < 1e-6
    triangles = np.frombuffer(base64.b64decode(entry["triangles"]), "<u4")
    assert triangles.max() < variant.lumen.n_points


def test_a_view_is_written_to_a_file(run: RunFolder, tmp_path: Path) -> None:
    view_run(run, variant="stent", field="tawss", screenshot=tmp_path / "view.png")
    assert np.asarray(Image.open(tmp_path / "view.png")).std() > 5.0


def test_all_variants_are_shown_where_none_is_named(run: RunFolder, tmp_path: Path) -> None:
    view_run(run, screenshot=tmp_path / "all.png")
    view_run(run, variant="stent", screenshot=tmp_path / "one.png")
    left_sides = [
        picture[: picture.shape[0] // 2, : picture.shape[1] // 5]
        for picture in (
            np.asarray(Image.open(tmp_path / name).convert("L")) for name in ("all.png", "one.png")
        )
    ]
    assert (left_sides[0] < 200).any()
    assert not (left_sides[1] < 200).any()


def test_a_window_without_a_display_is_refused(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(ResourceError, match="--screenshot"):
        view_run(run, variant="stent")


@pytest.mark.parametrize(
    ("variant", "field", "message"),
    [
        ("sent", "pressure", "expected one of baseline, patch, stent"),
        ("stent", "speed", "pressure, velocity"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(
    run: RunFolder, tmp_path: Path, variant: str, field: str, message: str
) -> None:
    with pytest.raises(HemoplanError, match=message):
        view_run(run, variant=variant, field=field, screenshot=tmp_path / "view.png")


def test_a_missing_field_file_is_named_with_the_command_that_makes_it(fresh_run: RunFolder) -> None:
    path = fresh_run.variant("stent").peak_field
    path.unlink()
    with pytest.raises(HemoplanError, match=r"stent/fields/peak\.vtu.*hemoplan solve CASE"):
        read_fields(fresh_run, ["stent"])


def test_a_damaged_field_file_is_an_error(fresh_run: RunFolder) -> None:
    path = fresh_run.variant("stent").wall_field
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(HemoplanError, match=r"wall\.vtu"):
        read_fields(fresh_run, ["stent"])
