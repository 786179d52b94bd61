"""Beats corrected by the solver: as the request asks, across restarts and ranks, and with messages for wrong files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from cfd.checkpoint_file import read_arrays
from cfd.fluid import Fluid
from cfd.stepper import build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.results import read_metrics
from hemoplan.waveform import read_waveform
from lumped.beat_map import BeatMap, circulation_beat_map, windkessel_beat_map, write_beat_map
from lumped.circuit_file import read_circuit
from lumped.stand_in import stand_in_beat
from lumped.surrogate import Branch, Surrogate
from lumped.windkessel import Windkessel, WindkesselBank
from planning.solver.acceleration import Accelerator
from planning.solver.program import main
from tests.cfd.ranks import run_on_ranks
from tests.cfd.tube import tube
from tests.planning.small_circulation import newborn_boundary, write_closed_loop
from tests.planning.small_solve import PERIOD, STEPS, write_resistance, write_solve

STAR = Surrogate(inlet="inlet", outlets=("outlet",), branches=(Branch(resistance=5e6, inertance=7e5),))


def slow_tube(folder: Path, **changes: object) -> Path:
    """A tube whose Windkessel empties in three beats, starting from half of its pressure."""
    path = write_solve(folder, **({"beat_map": "map.json"} | changes))
    write_resistance(folder, 1e9, compliance=3.0 * PERIOD / 1e9)
    inflow = read_waveform(folder / "inflow.csv", PERIOD)
    bank = read_circuit(folder / "circuit.json")
    write_beat_map(folder / "map.json", windkessel_beat_map(STAR, bank, inflow))
    return path


def course(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pressures and flows of all steps at all ports."""
    arrays = read_arrays(folder / "checkpoint" / "state.npz")
    assert arrays is not None
    return arrays["record_pressures"], arrays["record_flows"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert main([str(slow_tube(folder, cycles=5))]) == 0
    return folder


def test_the_third_beat_is_periodic(whole):
    pressures = course(whole)[0].reshape(5, STEPS, -1)
    span = np.ptp(pressures[-1])
    assert np.abs(pressures[1] - pressures[0]).max() > 0.5 * span
    assert np.abs(pressures[2] - pressures[1]).max() < 0.01 * span
    assert np.abs(pressures[2] - pressures[-1]).max() < 0.01 * span
    assert json.loads((whole / "metrics.json").read_text())["health"]["periodicity_pressure"] < 1e-4


def test_without_the_map_it_is_not(tmp_path):
    assert main([str(slow_tube(tmp_path, cycles=3, beat_map=None))]) == 0
    pressures = course(tmp_path)[0].reshape(3, STEPS, -1)
    assert np.abs(pressures[2] - pressures[1]).max() > 0.2 * np.ptp(pressures[-1])


def test_a_run_that_is_prolonged_beat_by_beat_equals_an_uninterrupted_one(whole, tmp_path):
    for cycles in (2, 3, 5):
        assert main([str(slow_tube(tmp_path, cycles=cycles))]) == 0
    for found, wanted in zip(course(tmp_path), course(whole), strict=True):
        assert found == pytest.approx(wanted, rel=0.0, abs=1e-8 * np.abs(wanted).max())


def test_a_single_beat_is_not_called_periodic(tmp_path):
    """As a round of the tuning simulates it: there is nothing to compare it with."""
    assert main([str(slow_tube(tmp_path, cycles=1))]) == 0
    health = read_metrics(tmp_path / "metrics.json").health
    assert np.isnan(health.periodicity_pressure)
    assert not health.periodic


@pytest.mark.mpi
def test_two_ranks_take_the_same_course(whole, tmp_path):
    slow_tube(tmp_path / "tube", cycles=5)
    run_on_ranks(2, "tests.planning.solve_program", tmp_path, tmp_path.parent / "codes.json")
    for found, wanted in zip(course(tmp_path / "tube"), course(whole), strict=True):
        assert found == pytest.approx(wanted, rel=0.0, abs=1e-3 * np.abs(wanted).max())


def test_no_blood_is_lost_to_corrections_of_a_closed_loop(tmp_path):
    """The left lung starts with a fifth of the blood of the systemic veins."""
    boundary = newborn_boundary()
    assert boundary.start is not None
    beat = stand_in_beat(boundary, [STAR])
    path = write_closed_loop(tmp_path, cycles=3, beat_map="map.json")
    write_beat_map(tmp_path / "map.json", circulation_beat_map(beat))
    content = json.loads((tmp_path / "circuit.json").read_text())
    volumes = content["start"]["unknowns"]
    moved = 0.2 * volumes["lower_veins"]["volume"]
    volumes["lower_veins"]["volume"] -= moved
    volumes["left_lung"]["volume"] += moved
    (tmp_path / "circuit.json").write_text(json.dumps(content))
    assert main([str(path)]) == 0
    arrays = read_arrays(tmp_path / "checkpoint" / "state.npz")
    assert arrays is not None
    before = boundary.model.total_volume(boundary.initial_state())
    assert boundary.model.total_volume(arrays["circuit"]) == pytest.approx(before, rel=1e-10)
    health = json.loads((tmp_path / "metrics.json").read_text())["health"]
    assert health["periodicity_pressure"] < 0.01
    assert health["periodicity_flow"] < 0.01


def driven_past(accelerator: Accelerator, beats: range, ends: np.ndarray) -> np.ndarray:
    """Where the beats start that follow the given ends."""
    stepper = build_stepper(tube(2e-3, 8e-3, 2, 2), Fluid(density=1060.0, viscosity=0.004), "P1-P1")
    state = stepper.initial_state(FixedPressures(ports=("outlet",)))
    return np.array([accelerator(replace(state, circuit=ends[beat]), beat).circuit for beat in beats])


@pytest.mark.parametrize(("steps", "first"), [(35, 2), (40, 2), (41, 3)])
def test_it_remembers_what_lies_before_the_checkpoint_and_nothing_else(tmp_path, steps, first):
    """Stopped in the second beat of twenty steps, at its end, and after it."""
    bank = WindkesselBank.of(
        {"outlet": Windkessel(proximal_resistance=1e8, compliance=1.2e-9, distal_resistance=1e9)}
    )
    matrix = np.array([[0.7, 1e7], [0.0, 0.0]])
    beat_map = BeatMap(
        names=("pressure behind outlet", "flow at outlet"),
        matrix=matrix,
        scales=np.array([1e3, 1e-6]),
        slow=(True, False),
        positive=False,
        invariants=np.zeros((0, 2)),
    )
    ends = np.array([[1e3, 0.0], [4e3, 1e-6], [6e3, 2e-6], [6.2e3, 2e-6], [6.3e3, 2e-6]])

    def made() -> Accelerator:
        path = tmp_path / "beats.npz"
        return Accelerator(beat_map, bank, path, fingerprint="a", comm=MPI.COMM_WORLD)

    through = driven_past(made(), range(5), ends)
    again = made()
    again.resume(steps, 20)
    assert driven_past(again, range(first, 5), ends) == pytest.approx(through[first:], rel=1e-14)
    other = Accelerator(beat_map, bank, tmp_path / "beats.npz", fingerprint="b", comm=MPI.COMM_WORLD)
    other.resume(steps, 20)
    assert driven_past(other, range(first, first + 1), ends)[0] == pytest.approx(ends[first], rel=0.0)


def test_wrong_maps_are_named_before_the_first_step(tmp_path, capsys):
    path = slow_tube(tmp_path)
    (tmp_path / "map.json").unlink()
    assert main([str(path)]) != 0
    assert "cannot read the map over a beat" in capsys.readouterr().err
    path = slow_tube(tmp_path)
    text = (tmp_path / "map.json").read_text()
    (tmp_path / "map.json").write_text(text.replace("flow at outlet", "flow at aorta"))
    assert main([str(path)]) == 6
    assert "the map over a beat is that of another circuit (value: flow at aorta)" in capsys.readouterr().err
    content = json.loads(text)
    content["matrix"][0][0] = float("nan")
    (tmp_path / "map.json").write_text(json.dumps(content))
    assert main([str(path)]) != 0
    shown = capsys.readouterr().err
    assert "holds values that are not numbers" in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "progress.jsonl").exists()
