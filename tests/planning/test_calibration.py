"""From a case to circuits: the inflow, the shared part of the centrelines, and what the calibration file says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from geometry.centerlines.centerline import Centerline
from hemoplan.case_file import load_case
from hemoplan.errors import CaseError
from hemoplan.results import PortHistory, read_metrics
from hemoplan.waveform import read_waveform
from lumped.calibrate import CuffPressure
from lumped.windkessel import Windkessel, WindkesselBank
from planning.calibration import (
    Round,
    inflow_waveform,
    largest_miss,
    relative_miss,
    shared_length,
    surrogate_of,
    write_calibration,
    write_inflow,
)
from tests.planning.command import TUBE
from tests.planning.synthetic_run import make_case, write_run
from twin.bedside import calibration_targets, given_windkessels

MMHG = 133.322387415


def parted_lines() -> Centerline:
    """A trunk of 10 mm that parts into one straight and one bent line, all of 2 mm radius."""
    trunk = np.column_stack([np.zeros(11), np.zeros(11), np.linspace(0.0, 10e-3, 11)])
    straight = trunk[-1] + np.column_stack([np.zeros(5), np.zeros(5), np.arange(1, 6) * 1e-3])
    bent = trunk[-1] + np.column_stack([np.arange(1, 6) * 1e-3, np.zeros(5), np.zeros(5)])
    points = np.vstack([trunk, straight, trunk, bent])
    return Centerline(
        points=points, radius=np.full(32, 2e-3), offsets=np.array([0, 16, 32]), outlets=("far", "side")
    )


def test_the_shared_length_ends_where_the_lines_part() -> None:
    assert shared_length(parted_lines()) == pytest.approx(10e-3, rel=1e-12)


def test_the_surrogate_has_poiseuilles_resistance() -> None:
    case = load_case(TUBE)
    surrogate = surrogate_of(parted_lines(), case)
    per_metre = 8.0 * 4e-3 / (np.pi * 2e-3**4)
    assert surrogate.outlets == ("side", "far")
    assert surrogate.trunk.resistance == pytest.approx(per_metre * 10e-3, rel=1e-9)
    assert surrogate.branches[0].resistance == pytest.approx(per_metre * 5e-3, rel=1e-9)


def test_the_inflow_has_the_cases_mean_and_survives_its_file(tmp_path: Path) -> None:
    case = load_case(TUBE)
    inflow = inflow_waveform(case)
    assert inflow.mean() == pytest.approx(850e-6 / 60.0, rel=1e-9)
    write_inflow(tmp_path / "inflow.csv", inflow)
    again = read_waveform(tmp_path / "inflow.csv", case.patient.period)
    np.testing.assert_allclose(again.values, inflow.values, rtol=1e-10, atol=1e-15)


def test_a_measured_waveform_is_scaled_and_one_without_mean_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv"
    path.write_text("# phase, flow\n0.0,0\n0.2,30\n0.5,0\n")
    case = load_case(TUBE, [f'inflow.waveform="{path}"'])
    assert inflow_waveform(case).mean() == pytest.approx(case.mean_inflow, rel=1e-12)
    path.write_text("0.0,0\n0.2,-30\n0.5,0\n")
    with pytest.raises(CaseError, match="mean of the inflow waveform must be positive"):
        inflow_waveform(case)


def test_given_windkessels_are_not_tuned(tmp_path: Path) -> None:
    given = (
        'proximal_resistance = "1 mmHg*s/mL"\ncompliance = "0.1 mL/mmHg"\ndistal_resistance = "9 mmHg*s/mL"'
    )
    text = (TUBE / "case.toml").read_text()
    for fraction in ("0.4", "0.6"):
        text = text.replace(f"flow_fraction = {fraction}", given)
    (tmp_path / "case.toml").write_text(text)
    case = load_case(tmp_path)
    assert calibration_targets(case) is None
    windkessel = given_windkessels(case)["far"]
    assert windkessel.distal_resistance == pytest.approx(9.0 * MMHG / 1e-6, rel=1e-9)
    assert windkessel.distal_pressure == pytest.approx(5.0 * MMHG, rel=1e-9)


def test_the_largest_miss_is_over_all_three_pressures() -> None:
    wanted = CuffPressure(systolic=10.0, diastolic=5.0, mean=7.0)
    assert largest_miss(CuffPressure(systolic=11.0, diastolic=3.0, mean=7.5), wanted) == 2.0


def test_the_relative_miss_is_over_all_targets_of_the_last_cycle() -> None:
    """Pressures on target, flows not; then the systolic pressure, by more."""
    targets = calibration_targets(load_case(TUBE))
    assert targets is not None
    cuff = targets.cuff
    times = np.arange(1, 9) * 0.25
    side = np.where(times <= 1.0, 0.9, 0.5) * 1e-6
    flows = np.column_stack([np.full(8, -1e-6), side, 1e-6 - side])
    rest = 0.5 * (4.0 * cuff.mean - cuff.systolic - cuff.diastolic)
    cycle = np.array([cuff.systolic, cuff.diastolic, rest, rest])
    assert cuff.diastolic <= rest <= cuff.systolic

    def miss(cycle: np.ndarray) -> float:
        pressures = np.tile(np.concatenate([cycle, cycle])[:, None], 3)
        history = PortHistory(ports=("entry", "side", "far"), times=times, pressures=pressures, flows=flows)
        return relative_miss(history, targets, period=1.0)

    assert miss(cycle) == pytest.approx(0.1 / 0.4, rel=1e-9)
    assert miss(cycle * [1.5, 1.0, 1.0, 1.0]) == pytest.approx(0.5, rel=1e-9)


def test_the_calibration_file_says_what_was_wanted_promised_and_reached(tmp_path: Path) -> None:
    case = make_case()
    run = write_run(tmp_path / "run")
    circuit = WindkesselBank.of(
        {
            name: Windkessel(proximal_resistance=1e7, compliance=1e-9, distal_resistance=1e8)
            for name in case.outlet_names
        }
    )
    promised = CuffPressure(systolic=9600.0, diastolic=5800.0, mean=7300.0)
    metrics = read_metrics(run.variant("baseline").metrics)
    write_calibration(
        run.calibration,
        case=case,
        circuit=circuit,
        rounds=[Round(predicted=promised, reached=promised)],
        metrics=metrics,
    )
    entry = json.loads(run.calibration.read_text())
    assert entry["achieved"]["systolic"] == 9600.0
    reached = metrics.ports["left_carotid"].systolic_pressure
    assert entry["residuals"]["systolic"] == pytest.approx(reached - 72.0 * MMHG, abs=1e-3)
    assert entry["outlets"]["left_carotid"]["flow_fraction_target"] == 0.4
