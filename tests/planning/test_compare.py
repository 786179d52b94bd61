from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hemoplan.errors import HemoplanError
from hemoplan.results import FlowMetrics
from planning.report.compare import compare, write_comparison
from tests.planning.synthetic_run import INFLOW


def test_values_are_in_clinical_units(metrics: Mapping[str, FlowMetrics]) -> None:
    stent = replace(
        metrics["stent"],
        peak_to_peak_gradient=1333.22,
        power_loss=2.5e-3,
        flow_split={"left_carotid": 0.25, "descending_aorta": 0.75},
    )
    comparison = compare({"stent": stent}, baseline="stent")
    assert comparison.value("peak_to_peak_gradient", "stent") == pytest.approx(10.0, rel=1e-4)
    assert comparison.row("peak_to_peak_gradient").unit == "mmHg"
    assert comparison.value("power_loss", "stent") == pytest.approx(2.5)
    assert comparison.value("split.descending_aorta", "stent") == pytest.approx(75.0)
    assert comparison.value("tawss_p99", "stent") == pytest.approx(stent.tawss.p99)


def test_flow_out_of_the_domain_is_positive_and_adds_up(metrics: Mapping[str, FlowMetrics]) -> None:
    comparison = compare(metrics, baseline="baseline")
    outlets = ("left_carotid", "descending_aorta")
    total = sum(comparison.value(f"flow.{name}", "patch") for name in outlets)
    assert total == pytest.approx(INFLOW * 60e6, rel=1e-3)
    assert sum(comparison.value(f"split.{name}", "patch") for name in outlets) == pytest.approx(100.0)


def test_a_difference_is_the_variant_minus_the_baseline(metrics: Mapping[str, FlowMetrics]) -> None:
    comparison = compare(metrics, baseline="baseline")
    assert comparison.difference("mean_gradient", "baseline") == 0.0
    assert comparison.difference("mean_gradient", "stent") < 0.0
    assert comparison.difference("split.descending_aorta", "stent") == pytest.approx(8.0, abs=1e-6)


def test_the_csv_file_holds_every_row_and_variant(metrics: Mapping[str, FlowMetrics], tmp_path: Path) -> None:
    comparison = compare(metrics, baseline="baseline")
    write_comparison(tmp_path / "comparison.csv", comparison)
    with (tmp_path / "comparison.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["quantity"] for line in table] == [row.key for row in comparison.rows]
    line = table[0]
    assert float(line["stent_minus_baseline"]) == pytest.approx(
        float(line["stent"]) - float(line["baseline"]), abs=1e-3
    )
    assert line["unit"] == "mmHg"


def test_a_missing_baseline_is_named_with_what_there_is(metrics: Mapping[str, FlowMetrics]) -> None:
    with pytest.raises(HemoplanError, match="value: native.*baseline, stent, patch.*hemoplan solve"):
        compare(metrics, baseline="native")


def test_variants_with_other_openings_cannot_be_compared(metrics: Mapping[str, FlowMetrics]) -> None:
    other = replace(metrics["stent"], distal="left_carotid")
    with pytest.raises(HemoplanError, match=r"stent/metrics\.json.*gradient differ"):
        compare({"baseline": metrics["baseline"], "stent": other}, baseline="baseline")


def test_a_metric_that_is_not_a_number_is_an_error(metrics: Mapping[str, FlowMetrics]) -> None:
    broken = replace(metrics["stent"], power_loss=float("nan"))
    with pytest.raises(HemoplanError, match="power_loss = nan"):
        compare({"baseline": metrics["baseline"], "stent": broken}, baseline="baseline")


def test_an_unknown_quantity_suggests_the_nearest(metrics: Mapping[str, FlowMetrics]) -> None:
    with pytest.raises(HemoplanError, match="Did you mean 'mean_gradient'"):
        compare(metrics, baseline="baseline").row("mean_gradent")
