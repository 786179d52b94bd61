"""Checkpoints survive a kill in the middle of a write, and damage to them is noticed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cfd.checkpoint import read_checkpoint, read_velocity, write_checkpoint
from cfd.checkpoint_file import DamagedFileError, previous_of, read_arrays, read_newest, write_arrays
from cfd.cycle_statistics import CycleStatistics
from cfd.mesh_order import state_order
from cfd.simulation import Record
from hemoplan.errors import HemoplanError, ResourceError
from tests.cfd.ranks import ROOT, run_on_ranks
from tests.cfd.tube_program import build

ENDLESS_WRITER = """
import itertools, sys
from pathlib import Path
import numpy as np
from cfd.checkpoint_file import write_arrays
path = Path(sys.argv[1])
for step in itertools.count(int(sys.argv[2])):
    write_arrays(path, {"step": np.array(step), "velocity": np.full((200_000, 3), float(step))})
    print(step, flush=True)
"""


def content(step: int) -> dict[str, np.ndarray]:
    return {"step": np.array(step), "velocity": np.linspace(0.0, step, 50)}


def heard(path: Path) -> tuple[int | None, list[str]]:
    """The step of the newest usable file, and what was told on the way."""
    told: list[str] = []
    arrays = read_newest(path, refusal=lambda _: None, tell=told.append)
    return None if arrays is None else int(arrays["step"]), told


def test_kill_during_the_write_loses_at_most_one_interval(tmp_path):
    """A process writes 5 MB files without a pause, and is killed at a random time, fifteen times."""
    path, chance, step, partial = tmp_path / "state.npz", random.Random(1), 0, 0
    for _ in range(15):
        writer = subprocess.Popen(
            [sys.executable, "-c", ENDLESS_WRITER, str(path), str(step + 1)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == f"{step + 1}\n"  # it is at work
        time.sleep(chance.uniform(0.0, 0.15))
        writer.kill()
        lines = writer.communicate()[0].split()
        written = int(lines[-1]) if lines else step + 1
        partial += path.with_suffix(".partial").exists()
        found, told = heard(path)
        assert found in (written, written + 1)
        assert told == []
        arrays = read_arrays(path if path.exists() else previous_of(path))
        assert arrays is not None
        assert (arrays["velocity"] == float(found)).all()
        step = found
    assert partial > 3, "most kills should have hit the writer in the middle of a write"


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path):
    path, chance = tmp_path / "state.npz", random.Random(2)
    write_arrays(path, content(7))
    whole, expected = path.read_bytes(), content(7)
    noticed = 0
    for _ in range(600):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            arrays = read_arrays(path)
        except DamagedFileError:
            noticed += 1
            continue
        assert arrays is not None
        assert arrays.keys() == expected.keys()
        assert all(np.array_equal(arrays[name], expected[name]) for name in expected)
    assert noticed > 400  # dates and rights in the zip file's directory may change unnoticed


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_passed_over_for_the_previous_one(tmp_path, share):
    path = tmp_path / "state.npz"
    for step in (1, 2, 3):
        write_arrays(path, content(step))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    found, told = heard(path)
    assert found == 2
    assert len(told) == 1
    assert f"[{path}] the checkpoint is damaged" in told[0]


def test_between_the_two_renamings_the_previous_one_is_found(tmp_path):
    path = tmp_path / "state.npz"
    write_arrays(path, content(1))
    path.replace(previous_of(path))
    assert heard(path) == (1, [])


def test_nothing_usable(tmp_path):
    path = tmp_path / "state.npz"
    assert heard(path) == (None, [])
    path.write_bytes(b"no zip file")
    previous_of(path).write_bytes(b"")
    found, told = heard(path)
    assert found is None
    assert len(told) == 2


def test_full_disk_keeps_the_last_one(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    write_arrays(path, content(1))

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResourceError, match="No space left on device"):
        write_arrays(path, content(2))
    assert heard(path) == (1, [])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.npz"]


@pytest.fixture(scope="module")
def flow():
    """A tube after two steps: what a checkpoint is made of."""
    stepper, circuit, inflow = build("P1-P1")
    record, state, dt = Record(), stepper.initial_state(circuit), 0.02
    for _ in range(2):
        state, report = stepper.advance(state, dt, circuit, inflow(state.time + dt))
        record.add(report)
    return stepper, state, record


def save(path: Path, flow, *, step: int, fingerprint: str = "a") -> None:
    stepper, state, record = flow
    write_checkpoint(
        path,
        state_order(stepper),
        state,
        step=step,
        record=record,
        statistics=CycleStatistics(stepper, peak_step=1),
        statistics_cycle=1,
        fingerprint=fingerprint,
    )


def load(path: Path, flow, *, fingerprint: str = "a"):
    stepper, told = flow[0], []
    found = read_checkpoint(
        path,
        state_order(stepper),
        fingerprint=fingerprint,
        statistics=CycleStatistics(stepper, peak_step=1),
        tell=told.append,
    )
    return found, told


def test_state_comes_back(tmp_path, flow):
    save(tmp_path / "state.npz", flow, step=2)
    found, told = load(tmp_path / "state.npz", flow)
    assert told == []
    assert found.step == 2
    np.testing.assert_array_equal(found.state.velocity, flow[1].velocity)
    np.testing.assert_array_equal(found.state.pressure, flow[1].pressure)
    assert found.state.memory.keys() == flow[1].memory.keys()


def test_damage_is_told_and_the_previous_state_used(tmp_path, flow):
    path = tmp_path / "state.npz"
    save(path, flow, step=10)
    save(path, flow, step=20)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    found, told = load(path, flow)
    assert found.step == 10
    assert "damaged" in told[0]


def test_another_request_is_told_and_not_used(tmp_path, flow):
    save(tmp_path / "state.npz", flow, step=10, fingerprint="b")
    found, told = load(tmp_path / "state.npz", flow)
    assert found is None
    assert "belongs to another request" in told[0]


def test_an_older_layout_is_not_used(tmp_path, flow):
    path = tmp_path / "state.npz"
    save(path, flow, step=10)
    arrays = read_arrays(path)
    assert arrays is not None
    write_arrays(path, {name: values for name, values in arrays.items() if name != "pressure"})
    previous_of(path).unlink()
    found, told = load(path, flow)
    assert found is None
    assert "another version of hemoplan" in told[0]


def test_a_start_from_no_checkpoint_is_refused(tmp_path, flow):
    with pytest.raises(HemoplanError, match="cannot start from the checkpoint"):
        read_velocity(tmp_path / "state.npz", state_order(flow[0]).velocity)


PROGRAM = "tests.cfd.checkpoint_program"


@pytest.fixture(scope="module", params=["P1-P1", "P2-P1"])
def saved(request, tmp_path_factory) -> tuple[str, dict[int, Path], dict[str, np.ndarray]]:
    """The first half run on one and on two ranks, and the whole run on one."""
    folder, pair = tmp_path_factory.mktemp("half"), request.param
    files = {ranks: folder / f"{ranks}.npz" for ranks in (1, 2)}
    for ranks, file in files.items():
        run_on_ranks(ranks, PROGRAM, pair, file)
    run_on_ranks(1, PROGRAM, pair, files[1], folder / "out.npz")
    with np.load(folder / "out.npz") as whole:
        return pair, files, dict(whole)


@pytest.mark.mpi
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_another_number_of_ranks_goes_on(saved, tmp_path, before, after):
    pair, files, expected = saved
    run_on_ranks(after, PROGRAM, pair, files[before], tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        for name, values in expected.items():
            scale = np.abs(values).max()
            assert scale > 0.0
            np.testing.assert_allclose(found[name] / scale, values / scale, atol=1e-8, err_msg=name)
