"""A closed circulation behind the openings: volume, ports, restart, and what is refused before the first step."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cfd.checkpoint_file import read_arrays
from hemoplan.results import read_ports
from lumped.boundary_file import read_boundary
from planning.solver.program import main
from tests.cfd.crossing import crossing_mesh
from tests.cfd.ranks import run_on_ranks
from tests.planning.small_circulation import newborn_boundary, write_closed_loop
from tests.planning.small_solve import FLOW, PERIOD, write_inflow, write_solve

BOUNDARY = 6
STATE = Path("checkpoint", "state.npz")


def kept(folder: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(folder / STATE)
    assert arrays is not None
    return arrays


def changed(folder: Path, **keys) -> None:
    path = folder / "circuit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


@pytest.fixture(scope="module")
def ten_beats(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ten")
    assert main([str(write_closed_loop(folder, cycles=10))]) == 0
    return folder


def test_blood_in_domain_and_circulation_is_conserved_over_ten_beats(ten_beats):
    """The domain is rigid: what is in the circulation stays there, at the solver's usual tolerances."""
    boundary = newborn_boundary()
    start = boundary.model.total_volume(boundary.initial_state())
    arrays = kept(ten_beats)
    assert boundary.model.total_volume(arrays["circuit"]) == pytest.approx(start, rel=1e-10)
    flows = arrays["record_flows"]
    assert np.abs(flows.sum(axis=1)).max() < 1e-9 * np.abs(flows).max()


def test_an_open_inlet_is_the_first_port_and_blood_enters_there(ten_beats):
    history = read_ports(ten_beats / "ports.csv")
    assert history.ports == ("inlet", "outlet")
    metrics = json.loads((ten_beats / "metrics.json").read_text())
    assert metrics["inlet"] == "inlet"
    assert metrics["ports"]["inlet"]["mean_flow"] < 0.0
    assert metrics["flow_split"] == {"outlet": pytest.approx(1.0, rel=1e-9)}
    assert metrics["health"]["periodicity_pressure"] < 1e-3
    last = history.cycle(newborn_boundary().model.period, -1)
    assert np.ptp(last.pressure("inlet")) > 1e3
    assert metrics["peak_velocity"] > 0.5


def test_a_prolonged_run_equals_an_uninterrupted_one(ten_beats, tmp_path):
    path = write_closed_loop(tmp_path, cycles=2)
    assert main([str(path)]) == 0
    write_closed_loop(tmp_path, cycles=4)
    assert main([str(path)]) == 0
    whole, resumed = kept(ten_beats), kept(tmp_path)
    assert len(resumed["record_flows"]) == 320
    for name in ("record_flows", "record_pressures"):
        scale = np.abs(whole[name]).max(axis=0)
        np.testing.assert_allclose(resumed[name] / scale, whole[name][:320] / scale, atol=1e-8)


def test_another_circulation_does_not_go_on_from_the_state(tmp_path, capsys):
    """The names of the files are the same; what the anatomy says is not."""
    path = write_closed_loop(tmp_path, cycles=2)
    assert main([str(path)]) == 0
    circulation = json.loads((tmp_path / "circuit.json").read_text())["circulation"]
    circulation["compartments"]["descending_aorta"]["compliance"] = "0.11 mL/mmHg"
    changed(tmp_path, circulation=circulation)
    assert main([str(path)]) == 0
    assert "it belongs to another request" in capsys.readouterr().err


def test_some_inlets_prescribed_and_another_a_port(tmp_path):
    """Two Windkessels behind outlets, one behind the second inlet; the first inlet has a waveform."""
    path = write_solve(tmp_path, mesh=crossing_mesh(), inflow={"inlet": "inflow.csv"}, distal="right")
    write_inflow(tmp_path, np.linspace(0.0, 1.0, 20, endpoint=False), np.full(20, 0.2 * FLOW))
    entry = json.loads((tmp_path / "circuit.json").read_text())["outlets"]["outlet"]
    entry |= {"proximal_resistance": 1e9, "distal_resistance": 1e9, "compliance": 1e-11}
    changed(
        tmp_path,
        outlets={"right": entry, "left": entry | {"distal_pressure": 5e3}, "outlet": entry},
    )
    assert main([str(path)]) == 0
    history = read_ports(tmp_path / "ports.csv")
    assert history.ports == ("inlet", "left", "outlet", "right")
    last = history.cycle(PERIOD, -1)
    assert last.flow("inlet") == pytest.approx(-0.2 * FLOW)
    assert last.flow("left").mean() < 0.0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    entering = -sum(metrics["ports"][name]["mean_flow"] for name in ("inlet", "left"))
    assert sorted(metrics["flow_split"]) == ["outlet", "right"]
    assert sum(metrics["flow_split"].values()) == pytest.approx(1.0, rel=1e-6)
    assert metrics["flow_split"]["right"] * entering == pytest.approx(
        metrics["ports"]["right"]["mean_flow"], rel=1e-9
    )


def edited(*names, **changes):
    """Change the content of `circuit.json` at a place."""

    def spoil(folder: Path) -> None:
        path = folder / "circuit.json"
        content = json.loads(path.read_text())
        place = content
        for name in names:
            place = place[name]
        for key, value in changes.items():
            if value is None:
                del place[key]
            else:
                place[key] = value
        path.write_text(json.dumps(content))

    return spoil


def doubled(folder: Path) -> None:
    path = folder / "circuit.json"
    path.write_text(path.read_text().replace('"ports": {', '"ports": {"outlet": {"node": "aortic_arch"},', 1))


def prescribed(folder: Path) -> None:
    """A flow at the inlet of a circulation that no blood leaves."""
    edited("ports", inlet=None)(folder)
    edited("start", "drives", inlet=None)(folder)
    write_inflow(folder, np.linspace(0.0, 1.0, 20, endpoint=False), np.full(20, FLOW))
    path = folder / "solve.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"inflow": "inflow.csv"}))


def inflow_at_a_port(folder: Path) -> None:
    write_inflow(folder, np.linspace(0.0, 1.0, 40, endpoint=False), np.tile([1e-6, -1e-6], 20))
    path = folder / "solve.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"inflow": "inflow.csv"}))


FAULTS = {
    "port_without_patch": (
        edited("ports", arch={"node": "aortic_arch"}),
        "a boundary condition names no opening of the mesh (value: arch)",
    ),
    "patch_without_port": (
        edited("ports", outlet=None),
        "an outlet has no boundary condition (value: outlet)",
    ),
    "inlet_without_port": (
        edited("ports", inlet=None),
        "an inlet has neither a prescribed flow nor a port of the circuit (value: inlet)",
    ),
    "two_ports_on_a_patch": (doubled, "has two ports on one patch, or another name twice (value: outlet)"),
    "no_state": (edited(start=None), "circuit.json: start] the circulation has no initial state"),
    "no_volume": (
        edited("start", "unknowns", left_ventricle=None),
        "start.unknowns.left_ventricle.volume] a value of the initial state is missing",
    ),
    "unknown_block": (
        edited("start", "unknowns", left_ventrikle={"volume": 1.0}),
        "no unknown belongs to 'left_ventrikle'; did you mean 'left_ventricle'?",
    ),
    "state_nan": (
        edited("start", "unknowns", left_ventricle={"volume": float("nan")}),
        "starts from values that are not numbers (value: volume of left_ventricle)",
    ),
    "period": (
        edited("circulation", heart_rate="100 /min"),
        "cycle has another length than the simulation's (value: 0.6 s)",
    ),
    "blood_gathers": (prescribed, "blood that is prescribed to flow in gathers in a closed circulation"),
    "inflow_at_a_port": (inflow_at_a_port, "a flow is prescribed, and all inlets are ports of the circuit"),
    "unknown_node": (
        edited("ports", "outlet", node="descending_aorte"),
        "did you mean 'descending_aorta'?",
    ),
    "drive": (edited("ports", "outlet", drive="presure"), "did you mean 'pressure'?"),
    "pressure_into_a_vessel": (
        edited("ports", "outlet", drive="pressure"),
        "a pressure drives a reservoir, not a",
    ),
    "kind_of_pressure": (
        edited("ports", "outlet", pressure="dynamic"),
        "ports.outlet.pressure] unknown kind of pressure (value: dynamic); expected total or static",
    ),
    "key_of_a_port": (edited("ports", "outlet", nod="x"), "unknown key 'nod'; did you mean 'node'?"),
    "no_circulation": (edited(circulation=None), "the circulation is missing"),
    "kind": (edited(kind="circulations"), "cannot read the circuit"),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faulty")
    for name, (spoil, _) in FAULTS.items():
        write_closed_loop(folder / name)
        spoil(folder / name)
    return folder


@pytest.mark.parametrize("fault", list(FAULTS))
def test_fault_is_named_before_the_first_step(faulty, fault, capsys):
    code = main([str(faulty / fault / "solve.json")])
    shown = capsys.readouterr().err
    assert FAULTS[fault][1] in shown
    assert code in (2, BOUNDARY)
    assert "Traceback" not in shown
    assert not (faulty / fault / "progress.jsonl").exists()


def test_a_circulation_without_solution_names_block_and_time(tmp_path, capsys):
    """The ventricle starts with more blood than there are atoms; no pressure answers to that."""
    path = write_closed_loop(tmp_path)
    edited("start", "unknowns", left_ventricle={"volume": 1e30})(tmp_path)
    assert main([str(path)]) == BOUNDARY
    shown = capsys.readouterr().err
    assert "circuit.json: volume of ascending_aorta] a time step of the circulation has no solution" in shown
    assert "t = 0 s" in shown
    assert "Traceback" not in shown


@pytest.mark.mpi
def test_two_ranks_take_the_same_course(ten_beats, tmp_path):
    write_closed_loop(tmp_path / "loop", cycles=2)
    run_on_ranks(2, "tests.planning.solve_program", tmp_path, tmp_path.parent / "codes.json")
    one, two = kept(ten_beats), kept(tmp_path / "loop")
    for name in ("record_flows", "record_pressures"):
        scale = np.abs(one[name]).max(axis=0)
        np.testing.assert_allclose(two[name] / scale, one[name][:160] / scale, atol=2e-3)


def test_the_file_comes_back(tmp_path):
    write_closed_loop(tmp_path)
    read, given = read_boundary(tmp_path / "circuit.json"), newborn_boundary()
    assert read.ports == given.ports
    assert (read.initial_state() == given.initial_state()).all()
    assert (read.model.parameters == given.model.parameters).all()
