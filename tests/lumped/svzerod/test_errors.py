"""What a wrong file is told: the place, the value, and what would have been right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from hemoplan.errors import CalibrationError, CaseError, DivergenceError, ResourceError
from lumped.svzerod import calibrate, parse_model, read_model, run, write_csv, write_model

from .files import Entry, boundary, junction, model, steady, valve, vessel

SOUND = model(
    [
        vessel(0, {"R_poiseuille": 10.0, "C": 1e-3}, inlet="IN"),
        vessel(1, {"R_poiseuille": 10.0}, outlet="OUT"),
        vessel(2, {"R_poiseuille": 10.0}, outlet="RCR"),
    ],
    [
        boundary("IN", "FLOW", t=[0.0, 0.5, 1.0], Q=[1.0, 2.0, 1.0]),
        boundary("OUT", "RESISTANCE", R=20.0, Pd=0.0),
        boundary("RCR", "RCR", Rp=1.0, C=1e-3, Rd=10.0, Pd=0.0),
    ],
    junctions=[junction("J", ["v0"], ["v1", "v2"])],
)


def values(content: Entry, boundary_number: int) -> Entry:
    found: Entry = content["boundary_conditions"][boundary_number]["bc_values"]
    return found


def by_id(content: Entry, before: list[int], behind: list[int]) -> None:
    content["junctions"] = [
        {
            "junction_name": "J",
            "junction_type": "NORMAL_JUNCTION",
            "inlet_vessels": before,
            "outlet_vessels": behind,
        }
    ]


FAULTS: dict[str, tuple[Callable[[Entry], object], str]] = {
    "type of vessel": (
        lambda m: m["vessels"][0].update(zero_d_element_type="BloodVesel"),
        r"case: vessel 'v0'\] unknown type 'BloodVesel'; did you mean 'BloodVessel'\?",
    ),
    "type of boundary": (
        lambda m: m["boundary_conditions"][1].update(bc_type="RESISTENCE"),
        r"boundary condition 'OUT'\] unknown type 'RESISTENCE'; did you mean 'RESISTANCE'\?",
    ),
    "type of junction": (
        lambda m: m["junctions"][0].update(junction_type="NORMAL"),
        r"junction 'J'\] unknown type 'NORMAL'; did you mean 'NORMAL_JUNCTION'",
    ),
    "type of coupling": (
        lambda m: m.update(
            external_solver_coupling_blocks=[
                {
                    "name": "X",
                    "type": "FLOOD",
                    "location": "inlet",
                    "connected_block": "v0",
                    "values": {"Q": 1.0},
                }
            ]
        ),
        r"external_solver_coupling_blocks\[0\] 'X'.type\].*'FLOW' or 'PRESSURE'",
    ),
    "parameter": (
        lambda m: m["vessels"][0]["zero_d_element_values"].update(R_poisseuille=1.0),
        r"vessel 'v0'\] unknown parameter 'R_poisseuille'; did you mean 'R_poiseuille'\?",
    ),
    "key": (
        lambda m: m["simulation_parameters"].update(steady_inital=True),
        r"case: simulation_parameters\] unknown key 'steady_inital'; did you mean 'steady_initial'\?",
    ),
    "section": (lambda m: m.update(vesels=[]), r"\[case\] unknown key 'vesels'; did you mean 'vessels'\?"),
    "missing parameter": (
        lambda m: values(m, 2).pop("Rd"),
        r"boundary condition 'RCR'\] the parameter 'Rd' is missing; expected a number",
    ),
    "missing key": (
        lambda m: m["vessels"][1].pop("zero_d_element_type"),
        r"case: vessels\[1\] 'v1'\] missing key 'zero_d_element_type'",
    ),
    "missing points": (
        lambda m: m["simulation_parameters"].pop("number_of_time_pts_per_cardiac_cycle"),
        r"missing key 'number_of_time_pts_per_cardiac_cycle'",
    ),
    "one point": (
        lambda m: m["simulation_parameters"].update(number_of_time_pts_per_cardiac_cycle=1),
        r"number_of_time_pts_per_cardiac_cycle\].*greater than or equal to 2",
    ),
    "no simulation": (lambda m: m.pop("simulation_parameters"), r"the model has no 'simulation_parameters'"),
    "lengths": (
        lambda m: values(m, 0).update(t=[0.0, 1.0]),
        r"boundary condition 'IN'\] 't' and 'Q' differ in length \(value: 2 times, 3 samples\)",
    ),
    "no times": (lambda m: values(m, 0).pop("t"), r"'Q' has samples but no times"),
    "falling times": (lambda m: values(m, 0).update(t=[0.0, 1.0, 0.5]), r"'t' does not rise"),
    "late samples": (
        lambda m: values(m, 0).update(t=[0.1, 0.5, 1.1]),
        r"first time of samples that repeat is not 0",
    ),
    "not a number": (
        lambda m: values(m, 0).update(Q=[1.0, float("nan"), 1.0]),
        r"'Q\[1\]' is not a number \(value: nan\)",
    ),
    "text": (lambda m: values(m, 1).update(R="20"), r"boundary condition 'OUT'\] 'R.*is not a number"),
    "negative compliance": (
        lambda m: m["vessels"][0]["zero_d_element_values"].update(C=-1e-3),
        r"vessel 'v0'\] 'C' is too small \(value: -0.001\); expected a number of at least 0",
    ),
    "negative resistance": (
        lambda m: values(m, 1).update(R=-20.0),
        r"boundary condition 'OUT'\] 'R' is too small \(value: -20.0\)",
    ),
    "vessel id": (
        lambda m: by_id(m, [0], [1, 7]),
        r"junction 'J'\] the vessel id 7 belongs to no vessel; expected one of the ids 0, 1, 2",
    ),
    "block": (
        lambda m: m["junctions"][0].update(outlet_blocks=["v1", "v3"]),
        r"junction 'J'\] unknown block 'v3'; expected one of IN, J, OUT, RCR, v0, v1, v2",
    ),
    "boundary condition": (
        lambda m: m["vessels"][0]["boundary_conditions"].update(inlet="INN"),
        r"vessel 'v0'\] unknown block 'INN'; did you mean 'IN'\?",
    ),
    "loose vessel": (
        lambda m: m["vessels"][1].update(boundary_conditions={}),
        r"vessel 'v1'\] 'v1' is not connected as it must be \(value: 1 at its inlet, 0 at its outlet\)",
    ),
    "no ends": (
        lambda m: m["junctions"][0].pop("outlet_blocks"),
        r"junctions\[0\] 'J'\] expected either 'inlet_vessels' and 'outlet_vessels' or",
    ),
    "name used twice": (lambda m: m["vessels"][1].update(vessel_name="v0"), r"the name 'v0' is used twice"),
    "periods": (
        lambda m: m["simulation_parameters"].update(cardiac_period=0.8),
        r"boundary condition 'IN'\] the period of the heart is not the same everywhere \(value: 1 here, 0.8",
    ),
    "no period": (
        lambda m: m["simulation_parameters"].update(cardiac_period=0.0),
        r"simulation_parameters.cardiac_period\].*greater than 0",
    ),
    "resistances of a junction": (
        lambda m: m["junctions"][0].update(
            junction_type="resistive_junction", junction_values={"R": [1.0, 1.0]}
        ),
        r"junction 'J'\] 'R' does not have one resistance for each vessel \(value: 2 resistances\)",
    ),
    "vessels of a junction": (
        lambda m: m["junctions"][0].update(
            junction_type="BloodVesselJunction",
            junction_values={"R_poiseuille": [1.0], "L": [0.0, 0.0], "stenosis_coefficient": [0.0, 0.0]},
        ),
        r"'R_poiseuille' does not have one number for each outlet",
    ),
    "weights": (
        lambda m: m["boundary_conditions"].__setitem__(1, boundary("OUT", "IMPEDANCE", z=[1.0, 2.0])),
        r"boundary condition 'OUT'\] 'z' does not have one weight for each time step.*2 weights\); expected 10",
    ),
    "formula": (
        lambda m: m["boundary_conditions"].__setitem__(0, boundary("IN", "FLOW", fn="sine(t)")),
        r"boundary condition 'IN'\] 'fn' cannot be understood .*sine\(t\)",
    ),
    "formula and samples": (lambda m: values(m, 0).update(fn="t"), r"both 'Q' and 'fn' are given"),
    "coronary without a heart": (
        lambda m: m["boundary_conditions"].__setitem__(
            1, boundary("OUT", "ClosedLoopCoronaryLeft", Ra=1.0, Ram=1.0, Rv=1.0, Ca=1.0, Cim=1.0)
        ),
        r"boundary condition 'OUT'\] 'OUT' is not connected as it must be",
    ),
    "valve without a side": (
        lambda m: m.update(
            valves=[
                {"name": "V", "type": "ValveTanh", "params": {"Rmax": 1.0, "Rmin": 0.0, "Steepness": 1.0}}
            ]
        ),
        r"valve 'V'\] 'upstream_block' is missing",
    ),
    "type of valve": (
        lambda m: m.update(valves=[valve("V", "ValveTan", "v0", "v1", Rmax=1.0, Rmin=0.0)]),
        r"valve 'V'\] unknown type 'ValveTan'; did you mean 'ValveTanh'\?",
    ),
    "type of activation": (
        lambda m: m.update(
            chambers=[
                {
                    "name": "H",
                    "type": "LinearElastanceChamber",
                    "values": {"Emax": 1.0, "Epass": 1.0, "Vrest": 0.0},
                    "activation_function": {"type": "half_cosin"},
                }
            ]
        ),
        r"chamber 'H', activation\] unknown type of activation 'half_cosin'; did you mean 'half_cosine'\?",
    ),
}


def test_sound_file_runs() -> None:
    assert run(parse_model(copy.deepcopy(SOUND))).cycles == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told(fault: str) -> None:
    spoil, message = FAULTS[fault]
    content = copy.deepcopy(SOUND)
    spoil(content)
    with pytest.raises(CaseError, match=message):
        run(parse_model(content, "case"), "case")


def test_samples_of_a_coupling_cover_the_run() -> None:
    content = copy.deepcopy(SOUND)
    content["boundary_conditions"] = content["boundary_conditions"][1:]
    content["vessels"][0]["boundary_conditions"] = {}
    samples = {"t": [0.0, 0.4], "Q": [1.0, 1.0]}
    content["external_solver_coupling_blocks"] = [
        {
            "name": "X",
            "type": "FLOW",
            "location": "inlet",
            "connected_block": "v0",
            "periodic": False,
            "values": {**samples, "Q": [1.0, 2.0]},
        }
    ]
    with pytest.raises(
        CaseError, match=r"external coupling 'X'\] the samples of 'Q' do not cover the run.*0 to 1"
    ):
        run(parse_model(content))


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"vessels": NaN}'])
def test_file_that_is_no_model(tmp_path: Path, text: str) -> None:
    path = tmp_path / "case.json"
    path.write_text(text)
    with pytest.raises(CaseError, match="case.json"):
        read_model(path)


def test_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot read the model.*No such file"):
        read_model(tmp_path / "none.json")


def test_folder_that_is_missing(tmp_path: Path) -> None:
    content = parse_model(copy.deepcopy(SOUND))
    with pytest.raises(ResourceError, match="cannot write the model"):
        write_model(tmp_path / "none" / "case.json", content)
    with pytest.raises(ResourceError, match="cannot write the result"):
        write_csv(tmp_path / "none" / "result.csv", run(content))


def test_circuit_that_does_not_determine_its_pressures() -> None:
    """Two prescribed flows say nothing of the pressure."""
    content = model(
        [vessel(0, {"R_poiseuille": 10.0}, inlet="IN", outlet="OUT")],
        [steady("IN", "FLOW", 1.0), steady("OUT", "FLOW", 1.0)],
    )
    with pytest.raises(DivergenceError, match=r"the equations are singular.*pressure"):
        run(parse_model(content))


def test_iterations_that_do_not_suffice() -> None:
    content = copy.deepcopy(SOUND)
    content["vessels"][0]["zero_d_element_values"]["stenosis_coefficient"] = 5.0
    content["simulation_parameters"]["maximum_nonlinear_iterations"] = 2
    with pytest.raises(DivergenceError, match=r"no convergence at t = 0.1.*after 2 iterations"):
        run(parse_model(content))
    content["simulation_parameters"]["max_iter_error_to_warning"] = True
    assert run(parse_model(content)).unconverged > 0


def test_start_of_what_is_not_there_is_reported() -> None:
    content = copy.deepcopy(SOUND)
    content["initial_condition"] = {
        "_from": "rest",
        "pressure_all": 5.0,
        "pressure:v0:J": 6.0,
        "flow:v9:J": 1.0,
    }
    result = run(parse_model(content))
    assert result.unused == ("flow:v9:J",)
    assert result.series("pressure:v0:J")[0] == 6.0
    assert result.series("pressure:J:v1")[0] == 5.0


def test_misspelt_quantity_of_a_result() -> None:
    result = run(parse_model(copy.deepcopy(SOUND)))
    with pytest.raises(CaseError, match=r"unknown quantity 'flow:J:v'; did you mean 'flow:J:v\d'\?"):
        result.series("flow:J:v")


# Fits


def fit() -> Entry:
    """Observations of a flow that rises and falls through a vessel of R = 30, C = 0, L = 2 and S = 0.5."""
    flows, rates = [1.0, 2.0, 3.0, 2.0, -1.0], [1.0, 2.0, 0.0, -1.0, -3.0]
    drops = [30.0 * q + 2.0 * dq + 0.5 * q * abs(q) for q, dq in zip(flows, rates, strict=True)]
    behind, still = [50.0] * 5, [0.0] * 5
    y = {
        "flow:IN:v0": flows,
        "flow:v0:OUT": flows,
        "pressure:IN:v0": [p + 50.0 for p in drops],
        "pressure:v0:OUT": behind,
    }
    dy = {
        "flow:IN:v0": rates,
        "flow:v0:OUT": rates,
        "pressure:IN:v0": [1.0, 3.0, -2.0, 0.0, 1.0],
        "pressure:v0:OUT": still,
    }
    start = {"R_poiseuille": 1.0, "C": 0.0, "L": 0.0, "stenosis_coefficient": 0.0}
    return {
        "vessels": [vessel(0, start, inlet="IN", outlet="OUT")],
        "boundary_conditions": [],
        "junctions": [],
        "calibration_parameters": {},
        "y": y,
        "dy": dy,
    }


def test_fit_finds_the_vessel() -> None:
    found = calibrate(parse_model(fit()))
    fitted = found.model.vessels[0].zero_d_element_values
    assert found.converged
    assert found.model.y is None
    assert [fitted[key] for key in ("R_poiseuille", "L", "stenosis_coefficient")] == pytest.approx(
        [30.0, 2.0, 0.5]
    )
    assert fitted["C"] == pytest.approx(0.0, abs=1e-12)


def test_fit_of_chosen_parameters() -> None:
    """The list of the vessel counts before that of the file; what is not fitted stays."""
    content = fit()
    content["calibration_parameters"] = {"calibrate": ["C"], "calibrate_stenosis_coefficient": False}
    content["vessels"][0] |= {"calibrate": ["R_poiseuille", "stenosis_coefficient"]}
    content["vessels"][0]["zero_d_element_values"] |= {"L": 2.0, "stenosis_coefficient": 0.5}
    fitted = calibrate(parse_model(content)).model.vessels[0].zero_d_element_values
    assert fitted["R_poiseuille"] == pytest.approx(30.0)
    assert (fitted["L"], fitted["stenosis_coefficient"], fitted["C"]) == (2.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: m.pop("y"), "nothing to be fitted to"),
        (lambda m: m["y"].pop("flow:IN:v0"), "'y' lacks the observation 'flow:IN:v0'"),
        (lambda m: m["dy"]["flow:IN:v0"].append(1.0), "observations differ in length"),
        (lambda m: m["calibration_parameters"].update(calibrate=[]), "no parameter is to be fitted"),
    ],
)
def test_fit_without_what_it_needs(spoil: Callable[[Entry], object], message: str) -> None:
    content = fit()
    spoil(content)
    with pytest.raises(CalibrationError, match=message):
        calibrate(parse_model(content))


def test_fit_of_an_unknown_parameter() -> None:
    content = fit()
    content["calibration_parameters"]["calibrate"] = ["R"]
    with pytest.raises(CaseError, match="unknown parameter 'R' in 'calibrate'"):
        calibrate(parse_model(content))
