from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from hemoplan.case import Case
from hemoplan.results import FlowMetrics
from hemoplan.units import MMHG
from planning.report.health import check_targets, find_alarms, find_cautions, tabulate_health


def with_health(metrics: Mapping[str, FlowMetrics], name: str, **changes: float) -> dict[str, FlowMetrics]:
    entry = metrics[name]
    return {**metrics, name: replace(entry, health=replace(entry.health, **changes))}


def test_a_sound_run_has_no_alarm(case: Case, metrics: Mapping[str, FlowMetrics]) -> None:
    assert find_alarms(case, metrics) == ()


@pytest.mark.parametrize(("imbalance", "count"), [(1e-3, 0), (1.01e-3, 1), (float("nan"), 1)])
def test_a_tenth_of_a_per_cent_of_mass_may_be_lost(
    case: Case, metrics: Mapping[str, FlowMetrics], imbalance: float, count: int
) -> None:
    alarms = find_alarms(case, with_health(metrics, "stent", mass_imbalance_max=imbalance))
    assert len(alarms) == count
    assert all(alarm.startswith("stent: MASS IS NOT BALANCED") for alarm in alarms)


@pytest.mark.parametrize(("share", "count"), [(0.5, 0), (2.1, 1), (float("nan"), 1)])
def test_an_unresolved_jet_is_a_caution(
    case: Case, metrics: Mapping[str, FlowMetrics], share: float, count: int
) -> None:
    changed = with_health(metrics, "baseline", stabilisation_share=share)
    cautions = find_cautions(changed)
    assert len(cautions) == count
    assert all("finer mesh" in caution and "baseline" in caution for caution in cautions)
    assert find_alarms(case, changed) == ()


@pytest.mark.parametrize("quantity", ["periodicity_pressure", "periodicity_flow"])
@pytest.mark.parametrize("change", [0.021, float("nan")])
def test_both_pressure_and_flow_must_be_periodic(
    case: Case, metrics: Mapping[str, FlowMetrics], quantity: str, change: float
) -> None:
    bad = with_health(metrics, "patch", **{quantity: change})
    (alarm,) = find_alarms(case, bad)
    assert alarm.startswith("patch: NOT PERIODIC")
    faults = [row.cells[2].fault for row in tabulate_health(bad)]
    assert faults.count("not periodic") == 1


@pytest.mark.parametrize(("miss", "met"), [(2.9, True), (-2.9, True), (3.1, False), (-3.1, False)])
def test_the_cuff_must_be_met_within_3_mmhg(
    case: Case, metrics: Mapping[str, FlowMetrics], miss: float, met: bool
) -> None:
    entry = metrics["baseline"]
    port = replace(entry.ports["left_carotid"], diastolic_pressure=(44.0 + miss) * MMHG)
    entry = replace(entry, ports={**entry.ports, "left_carotid": port})
    diastolic = check_targets(case, entry)[1]
    assert diastolic.reached == pytest.approx(44.0 + miss)
    assert diastolic.met is met
    assert bool(find_alarms(case, {**metrics, "baseline": entry})) is not met


def test_a_variant_is_not_held_against_the_cuff(case: Case, metrics: Mapping[str, FlowMetrics]) -> None:
    entry = metrics["stent"]
    port = replace(entry.ports["left_carotid"], systolic_pressure=50.0 * MMHG)
    entry = replace(entry, ports={**entry.ports, "left_carotid": port})
    assert find_alarms(case, {**metrics, "stent": entry}) == ()
