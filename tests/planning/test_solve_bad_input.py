"""What the solver is given and cannot compute: found before the first step, one message, on every number of ranks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from planning.solver.program import main
from tests.cfd.ranks import run_on_ranks
from tests.cfd.tube_mesh import tube_mesh
from tests.planning.small_solve import FLOW, PERIOD, REQUEST, write_inflow, write_resistance, write_solve

CASE, BOUNDARY, MESH, DIVERGENCE = 2, 6, 5, 7
EVEN = np.linspace(0.0, 1.0, 40, endpoint=False)
WAVE = FLOW * (1.0 - np.cos(2.0 * np.pi * EVEN))

CHANGED: dict[str, tuple[dict[str, object], int, str]] = {
    "viscosity_0": (
        {"viscosity": 0.0},
        CASE,
        "viscosity] a value of the simulation is out of range (value: 0 Pa s)",
    ),
    "viscosity_negative": (
        {"viscosity": -0.004},
        CASE,
        "viscosity] a value of the simulation is out of range",
    ),
    "viscosity_nan": ({"viscosity": float("nan")}, CASE, "(value: nan Pa s)"),
    "viscosity_in_mpas": ({"viscosity": 4.0}, CASE, "expected 1e-05 to 1 Pa s"),
    "density_0": ({"density": 0.0}, CASE, "density] a value of the simulation is out of range"),
    "density_in_g_per_ml": ({"density": 1.06}, CASE, "(value: 1.06 kg/m³); expected 100 to 10000 kg/m³"),
    "density_infinite": ({"density": float("inf")}, CASE, "(value: inf kg/m³)"),
    "density_text": ({"density": "1060"}, CASE, "of the wrong kind (value: '1060'); expected float"),
    "dt_0": ({"time_step": 0.0}, CASE, "time_step] a value of the simulation is out of range"),
    "dt_negative": ({"time_step": -1e-3}, CASE, "time_step] a value of the simulation is out of range"),
    "dt_nan": ({"time_step": float("nan")}, CASE, "time_step] a value of the simulation is out of range"),
    "dt_over_the_period": ({"time_step": 0.5}, CASE, "too large for the length of the cycle (value: 0.5 s"),
    "dt_an_eighth": ({"time_step": PERIOD / 8.0}, CASE, "too large for the length of the cycle"),
    "period_0": ({"period": 0.0}, CASE, "period] a value of the simulation is out of range"),
    "no_cycle": ({"cycles": 0}, CASE, "cycles] a value of the simulation is out of range"),
    "half_a_cycle": ({"cycles": 2.5}, CASE, "of the wrong kind (value: 2.5); expected int"),
    "elements": ({"elements": "P3-P2"}, CASE, "expected 'P1-P1' or 'P2-P1'"),
    "courant": ({"courant": -1.0}, CASE, "courant] a value of the simulation is out of range"),
    "proximal": (
        {"proximal": "arch"},
        CASE,
        "[proximal] the pressure gradient is asked for at an unknown opening",
    ),
    "wall": ({"distal": "wall"}, CASE, "[distal] the pressure gradient is asked for at an unknown opening"),
    "same": ({"distal": "inlet"}, CASE, "needs two different openings"),
    "unknown_key": ({"viscocity": 0.004}, 1, "cannot read the request"),
    "no_start": ({"warm_start": "nothing.npz"}, 1, "cannot start from the checkpoint"),
}


def negative(folder: Path) -> None:
    write_inflow(folder, EVEN, -WAVE)


def with_value(value: float) -> Callable[[Path], None]:
    return lambda folder: write_inflow(folder, EVEN, np.where(np.arange(40) == 7, value, WAVE))


def start_from(folder: Path, value: float) -> None:
    path = folder / "circuit.json"
    content = json.loads(path.read_text())
    content["outlets"]["outlet"]["start_pressure"] = value
    path.write_text(json.dumps(content))


SPOILT: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "inflow_nan": (with_value(np.nan), CASE, "a value that is not a number"),
    "inflow_inf": (with_value(np.inf), CASE, "a value that is not a number"),
    "inflow_0": (
        lambda folder: write_inflow(folder, EVEN, 0.0 * EVEN),
        BOUNDARY,
        "there is no flow through the inlet",
    ),
    "inflow_negative": (
        negative,
        BOUNDARY,
        "the flow through the inlet leaves the vessel (value: -120 mL/min",
    ),
    "inflow_in_seconds": (
        lambda folder: write_inflow(folder, PERIOD * EVEN, WAVE),
        BOUNDARY,
        "the phases of the inflow look like seconds",
    ),
    "inflow_in_milliseconds": (
        lambda folder: write_inflow(folder, 1e3 * PERIOD * EVEN, WAVE),
        CASE,
        "must increase and lie within one cycle",
    ),
    "inflow_in_ml": (
        lambda folder: write_inflow(folder, EVEN, 1e6 * WAVE),
        BOUNDARY,
        "the outlets cannot take the inflow",
    ),
    "inflow_too_fast": (
        lambda folder: (write_inflow(folder, EVEN, 1e3 * WAVE), write_resistance(folder, 1e5)),
        BOUNDARY,
        "faster than any flow in the body",
    ),
    "no_inflow": (lambda folder: (folder / "inflow.csv").unlink(), CASE, "cannot read the waveform"),
    "outlets_closed": (
        lambda folder: write_resistance(folder, 1e30, compliance=1e-30),
        BOUNDARY,
        "the outlets cannot take the inflow",
    ),
    "outlet_infinite": (
        lambda folder: (folder / "circuit.json").write_text(
            (folder / "circuit.json").read_text().replace("1000000000.0", "Infinity")
        ),
        BOUNDARY,
        "the distal resistance of a Windkessel is impossible",
    ),
    "outlet_bare": (
        lambda folder: write_resistance(folder, 1e9, outlet="arch"),
        BOUNDARY,
        "an outlet has no boundary condition (value: outlet)",
    ),
    "start_nan": (
        lambda folder: start_from(folder, np.nan),
        BOUNDARY,
        "starts from values that are not numbers",
    ),
    "no_request": (lambda folder: (folder / "solve.json").unlink(), 1, "cannot read the request"),
    "no_json": (lambda folder: (folder / "solve.json").write_text("{"), 1, "cannot read the request"),
    "no_mesh": (lambda folder: (folder / "mesh" / "mesh.h5").unlink(), MESH, "is missing"),
    "dt_for_the_flow": (
        lambda folder: (
            write_solve(folder, time_step=PERIOD / 10.0),
            write_inflow(folder, EVEN, 20.0 * WAVE),
            write_resistance(folder, 1e8),
        ),
        DIVERGENCE,
        "the time step is too large for the flow",
    ),
    "no_inner_node": (
        lambda folder: write_solve(folder, mesh=tube_mesh(across=1, along=20)),
        BOUNDARY,
        "no node inside its rim",
    ),
}
EXPECTED = {name: (code, text) for cases in (CHANGED, SPOILT) for name, (_, code, text) in cases.items()}


def write_all(folder: Path) -> Path:
    for name, (changes, _, _) in CHANGED.items():
        write_solve(folder / name, **changes)
    for name, (spoil, _, _) in SPOILT.items():
        write_solve(folder / name)
        spoil(folder / name)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return write_all(tmp_path_factory.mktemp("serial"))


@pytest.mark.parametrize("fault", list(EXPECTED))
def test_fault_is_named_before_the_first_step(folders, fault, capsys):
    code, text = EXPECTED[fault]
    assert main([str(folders / fault / "solve.json")]) == code
    shown = capsys.readouterr().err
    assert text in shown
    assert "Traceback" not in shown
    assert shown.count("\n") == 1
    assert json.loads((folders / fault / "error.json").read_text())["message"] in shown
    assert not (folders / fault / "progress.jsonl").exists()


@pytest.mark.mpi
def test_two_ranks_say_the_same_once(folders, tmp_path):
    whole = write_all(tmp_path / "parallel")
    done = run_on_ranks(2, "tests.planning.solve_program", whole, tmp_path / "codes.json")
    first, second = json.loads((tmp_path / "codes.json").read_text())
    assert first == second == {name: code for name, (code, _) in EXPECTED.items()}
    assert "Traceback" not in done.stderr
    for name, (_, text) in EXPECTED.items():
        note = json.loads((whole / name / "error.json").read_text())
        assert text in note["message"]
        assert done.stderr.count(note["message"]) == sum(
            json.loads((whole / other / "error.json").read_text())["message"] == note["message"]
            for other in EXPECTED
        )


def test_the_request_that_all_others_are_made_from_is_sound(tmp_path):
    assert main([str(write_solve(tmp_path))]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["variant"] == REQUEST.variant
    assert not (tmp_path / "error.json").exists()
