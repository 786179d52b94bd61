"""The cases that svZeroDSolver tests itself with, against its stored results.

Relative errors are max|a - b| / max|b| over the rows of one vessel or unknown in one column. The results are printed
with ten decimals, so half of the last and a little more is taken off first.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemoplan.errors import CaseError
from lumped.svzerod import calibrate, parse_model, read_model, run, tabulate, write_csv, write_model

PRINTED = 0.6e-10
CASES = (
    "chamber_elastance_inductor",
    "closedLoopHeart_singleVessel",
    "closed_loop_two_hill",
    "coupledBlock_closedLoopHeart_singleVessel",
    "pulsatileFlow_CRL",
    "pulsatileFlow_CStenosis_steadyPressure",
    "pulsatileFlow_R_RCR",
    "pulsatileFlow_R_RCR_derivative",
    "pulsatileFlow_R_RCR_mean",
    "pulsatileFlow_R_RCR_mean_derivative",
    "pulsatileFlow_R_RCR_mean_derivative_variable",
    "pulsatileFlow_R_RCR_mean_variable",
    "pulsatileFlow_R_RCR_variable",
    "pulsatileFlow_R_coronary",
    "pulsatileFlow_R_coronary_cycle_error",
    "pulsatileFlow_bifurcationR_RCR_cycle_error",
    "steadyFlow_RC_R",
    "steadyFlow_RLC_R",
    "steadyFlow_RL_R",
    "steadyFlow_R_R",
    "steadyFlow_R_RCR",
    "steadyFlow_R_steadyPressure",
    "steadyFlow_bifurcationR_R1",
    "steadyFlow_bifurcationR_R1_blockNames",
    "steadyFlow_stenosis_R",
    "valve_tanh",
)


@pytest.fixture(scope="module")
def folder(peer_cases: Path) -> Path:
    found = peer_cases / "svzerod"
    if not found.is_dir():
        pytest.skip(f"no cases of svZeroDSolver at {found}")
    return found


def test_every_given_case_is_listed(folder: Path) -> None:
    stored = {path.stem.removeprefix("result_") for path in (folder / "results").glob("*.json")}
    assert stored == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_result_is_that_of_the_peer(folder: Path, name: str) -> None:
    table = tabulate(run(read_model(folder / f"{name}.json"), name))
    stored = json.loads((folder / "results" / f"result_{name}.json").read_text())
    names = tuple(stored.pop("name").values())
    assert table.names == names
    ours = {"time": table.times, **table.columns}
    assert set(ours) == set(stored)
    for title, rows in stored.items():
        expected = np.array([np.nan if value is None else value for value in rows.values()], dtype=float)
        for each in dict.fromkeys(names):
            mine = np.array(names) == each
            error = np.abs(ours[title][mine] - expected[mine])
            assert np.array_equal(np.isnan(ours[title][mine]), np.isnan(expected[mine]))
            if not np.isnan(error).all():
                assert error.max() <= PRINTED + 1e-6 * np.abs(expected[mine]).max(), (each, title)


def test_periods_that_disagree_are_refused(folder: Path) -> None:
    with pytest.raises(
        CaseError, match=r"INFLOW'\] the period of the heart is not the same everywhere.*1\.2"
    ):
        run(read_model(folder / "pulsatileFlow_R_RCR_mismatchPeriod.json"), "case")


@pytest.mark.parametrize("name", [*CASES, "steadyFlow_calibration", "vmr/0104_0001_calibrate_from_0d"])
def test_written_model_is_read_as_an_equal_one(folder: Path, tmp_path: Path, name: str) -> None:
    path = folder / f"{name}.json"
    model = read_model(path)
    write_model(tmp_path / "copy.json", model)
    assert read_model(tmp_path / "copy.json") == model
    assert json.loads((tmp_path / "copy.json").read_text()) == json.loads(path.read_text())


def test_written_table_is_that_of_the_peer(folder: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "result.csv", run(read_model(folder / "steadyFlow_R_R.json")))
    lines = (tmp_path / "result.csv").read_text().splitlines()
    assert lines[0] == "name,time,flow_in,flow_out,pressure_in,pressure_out"
    name, *numbers = lines[1].split(",")
    assert name == "branch0_seg0"
    assert [float(each) for each in numbers] == pytest.approx([0.0, 5.0, 5.0, 1100.0, 600.0], rel=1e-9)
    assert all(len(each.split("e")[0]) == len("1.0000000000000000") for each in numbers)


def test_fit_to_a_run_gives_back_its_vessel(folder: Path) -> None:
    """Observations were printed with fewer digits than a number has: the resistance returns to 1e-11."""
    fit = calibrate(read_model(folder / "steadyFlow_calibration.json"))
    assert fit.converged
    values = fit.model.vessels[0].zero_d_element_values
    assert values["R_poiseuille"] == pytest.approx(100.0, rel=1e-10)
    assert values["C"] == pytest.approx(1e-4, rel=1e-10)
    assert values["L"] == pytest.approx(1.0, rel=1e-10)
    assert values["stenosis_coefficient"] == pytest.approx(0.0, abs=1e-9)


def test_fit_of_a_vascular_tree_is_that_of_the_peer(folder: Path) -> None:
    """To 1e-7: stenosis coefficients of vessels with little flow are determined to 1e-8 only."""
    fit = calibrate(read_model(folder / "vmr" / "0104_0001_calibrate_from_0d.json"))
    best = json.loads((folder / "vmr" / "0104_0001_optimal_from_0d.json").read_text())
    assert fit.converged
    for vessel, stored in zip(fit.model.vessels, best["vessels"], strict=True):
        for key, value in stored["zero_d_element_values"].items():
            tolerance = 1e-7 if key == "stenosis_coefficient" else 1e-11
            assert vessel.zero_d_element_values[key] == pytest.approx(value, rel=tolerance, abs=1e-14)
    for junction, stored in zip(fit.model.junctions, best["junctions"], strict=True):
        for key, values in stored.get("junction_values", {}).items():
            assert junction.junction_values[key] == pytest.approx(values, rel=1e-11, abs=1e-14)


HEART_VOLUMES = ("V_RA", "V_RV", "V_LA", "V_LV")


def test_closed_loop_with_coronaries_keeps_its_blood(folder: Path) -> None:
    """All volumes together: the heart, the aorta, the Windkessel, and both coronary beds."""
    content = json.loads((folder / "closedLoopHeart_singleVessel.json").read_text())
    heart = content["closed_loop_blocks"][0]
    windkessel = {"Rp": 0.15, "Rd": 1.4, "C": 0.25, "closed_loop_outlet": True}
    beds = {
        "Left": {"Ra": 9.3, "Ram": 15.1, "Rv": 33.3, "Cim": 0.0037, "Ca": 0.00055},
        "Right": {"Ra": 5.8, "Ram": 9.4, "Rv": 20.6, "Cim": 0.0035, "Ca": 0.0011},
    }
    content["boundary_conditions"] = [
        {"bc_name": "BODY", "bc_type": "ClosedLoopRCR", "bc_values": windkessel},
        *(
            {"bc_name": side, "bc_type": f"ClosedLoopCoronary{side}", "bc_values": bed}
            for side, bed in beds.items()
        ),
    ]
    content["vessels"] = [
        {
            "vessel_id": i,
            "vessel_name": f"to_{name}",
            "boundary_conditions": {"outlet": name},
            "zero_d_element_type": "BloodVessel",
            "zero_d_element_values": {"R_poiseuille": 0.5, "L": 0.005},
        }
        for i, name in enumerate(("BODY", "Left", "Right"))
    ]
    heart["outlet_blocks"] = ["to_BODY", "to_Left", "to_Right"]
    content["simulation_parameters"] |= {
        "number_of_cardiac_cycles": 2,
        "number_of_time_pts_per_cardiac_cycle": 1000,
        "output_all_cycles": True,
    }
    result = run(parse_model(content))
    aorta = next(name for name in result.unknowns if name.startswith("pressure:CLH:"))
    total = sum(result.series(f"{name}:CLH") for name in HEART_VOLUMES)
    total = total + heart["parameters"]["Cpa"] * result.series(aorta)
    total = total + windkessel["C"] * result.series("P_c:BODY")
    for side, bed in beds.items():
        end = f"to_{side}:{side}"
        arterial = result.series(f"pressure:{end}") - bed["Ra"] * result.series(f"flow:{end}")
        total = total + bed["Ca"] * arterial + result.series(f"volume_im:{side}")
    assert np.ptp(total) < 1e-9 * np.abs(total).max()
    assert np.ptp(result.series("volume_im:Left")) > 0.01
