from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from geometry.centerlines.centerline import Centerline
from geometry.measurements.arch_diameters import ArchDiameters, measure_arch_diameters
from hemoplan.results import FlowMetrics
from hemoplan.units import MMHG
from planning.report.thresholds import (
    ARCH_THRESHOLDS,
    Evaluation,
    Subject,
    evaluate_thresholds,
    find_conflicts,
    lower_limit_of_mean_pressure,
)

NORMAL_ARCH = ArchDiameters(transverse=5.5e-3, descending=6.5e-3, narrowest=2.2e-3)


def evaluate(
    metrics: FlowMetrics, *, arch: ArchDiameters | None = NORMAL_ARCH, weight: float = 3.4
) -> tuple[Evaluation, ...]:
    subject = Subject(metrics=metrics, arch=arch, weight=weight, cuff_site="left_carotid")
    return evaluate_thresholds({"baseline": subject})


def held(evaluations: tuple[Evaluation, ...], start: str) -> bool | None:
    (found,) = [e for e in evaluations if e.threshold.rule.startswith(start)]
    reading = found.readings["baseline"]
    return None if reading is None else reading.holds


@pytest.mark.parametrize(("gradient", "holds"), [(19.9, False), (20.0, True), (35.0, True)])
def test_peak_to_peak_gradient_of_20_mmhg(
    metrics: Mapping[str, FlowMetrics], gradient: float, holds: bool
) -> None:
    # A hair above, since 20 mmHg in pascal and back is 20 only up to rounding.
    entry = replace(metrics["baseline"], peak_to_peak_gradient=gradient * MMHG * (1.0 + 1e-12))
    assert held(evaluate(entry), "peak-to-peak") is holds


@pytest.mark.parametrize(("transverse", "holds"), [(4.1e-3, True), (4.4e-3, False)])
def test_arch_to_descending_aorta_of_065(
    metrics: Mapping[str, FlowMetrics], transverse: float, holds: bool
) -> None:
    arch = replace(NORMAL_ARCH, transverse=transverse)
    assert held(evaluate(metrics["baseline"], arch=arch), "transverse arch : descending") is holds


def test_the_weight_rules_conflict_between_weight_and_weight_plus_one(
    metrics: Mapping[str, FlowMetrics],
) -> None:
    evaluations = evaluate(metrics["baseline"], arch=replace(NORMAL_ARCH, transverse=4.3e-3))
    assert held(evaluations, "transverse arch < weight in mm") is False
    assert held(evaluations, "transverse arch < weight + 1 mm") is True
    (conflict,) = find_conflicts(evaluations)
    assert "Is the transverse arch small?" in conflict
    assert "weight + 1 mm” says yes" in conflict
    assert not [e for e in evaluations if "weight + 1" in e.threshold.rule][0].threshold.predictive


def test_no_conflict_is_named_where_the_rules_agree(metrics: Mapping[str, FlowMetrics]) -> None:
    assert find_conflicts(evaluate(metrics["baseline"])) == ()


def test_an_arch_that_cannot_be_measured_is_not_judged(metrics: Mapping[str, FlowMetrics]) -> None:
    evaluations = evaluate(metrics["baseline"], arch=None)
    assert held(evaluations, "transverse arch : descending") is None
    assert find_conflicts(evaluations) == ()


@pytest.mark.parametrize(
    ("weight", "limit"), [(0.5, 25.0), (0.75, 25.0), (1.5, 29.0), (2.25, 33.0), (3.0, 37.0), (4.0, 37.0)]
)
def test_lower_limit_of_mean_pressure_follows_versmold(weight: float, limit: float) -> None:
    assert lower_limit_of_mean_pressure(weight) == pytest.approx(limit * MMHG)


def test_the_lowest_of_the_mean_pressures_is_held_against_the_limit(
    metrics: Mapping[str, FlowMetrics],
) -> None:
    entry = metrics["baseline"]
    low = replace(entry.ports["descending_aorta"], mean_pressure=30.0 * MMHG)
    entry = replace(entry, ports={**entry.ports, "descending_aorta": low})
    assert held(evaluate(entry), "mean pressure below") is True


def test_every_rule_has_a_source_and_a_caveat() -> None:
    for threshold in ARCH_THRESHOLDS:
        assert threshold.source
        assert threshold.caveat


def straight_arch() -> Centerline:
    """A straight 'arch' along x with two side branches at 20 and 40 mm, radius 3 mm between them, 4 mm beyond."""
    x = np.linspace(0.0, 0.1, 401)
    main = np.column_stack([x, 0.0 * x, 0.0 * x])
    radius = np.where(x < 0.05, 3e-3, 4e-3)
    lines, radii = [], []
    for start in (0.02, 0.04):
        stem = main[x <= start]
        side = np.column_stack([np.full(60, start), np.zeros(60), np.linspace(0.0, 0.02, 61)[1:]])
        lines.append(np.concatenate([stem, side]))
        radii.append(np.concatenate([radius[x <= start], np.full(60, 1.5e-3)]))
    lines.append(main)
    radii.append(radius)
    return Centerline(
        points=np.concatenate(lines),
        radius=np.concatenate(radii),
        offsets=np.cumsum([0, *(len(line) for line in lines)]),
        outlets=("carotid", "subclavian", "descending"),
    )


def test_arch_diameters_are_those_of_the_arch() -> None:
    measures = measure_arch_diameters(straight_arch(), distal="descending")
    assert measures is not None
    assert measures.transverse == pytest.approx(6e-3)
    assert measures.descending == pytest.approx(8e-3)
    assert measures.narrowest == pytest.approx(6e-3)


def test_a_vessel_without_branches_is_no_arch() -> None:
    line = straight_arch()
    last = slice(int(line.offsets[2]), None)
    single = Centerline(
        points=line.points[last],
        radius=line.radius[last],
        offsets=np.array([0, len(line.points[last])]),
        outlets=("descending",),
    )
    assert measure_arch_diameters(single, distal="descending") is None
