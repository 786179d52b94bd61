"""How a simulation on several ranks ends: to the end, on a signal, or with a failure of one rank; never with a hang."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cfd.checkpoint_file import previous_of, read_arrays
from hemoplan.results import read_ports
from planning.solver.launch import mpi_command, mpi_environment
from planning.solver.program import main
from tests.cfd.ranks import ROOT, run_on_ranks
from tests.planning.small_solve import PERIOD, write_solve

STATE = Path("checkpoint", "state.npz")
FINE = PERIOD / 200


def start(path: Path, ranks: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        mpi_command(ranks, ["-m", "planning.solver.program", str(path)]),
        cwd=ROOT,
        env=mpi_environment(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(path: Path, ranks: int) -> str:
    process = start(path, ranks)
    stderr = process.communicate(timeout=120.0)[1]
    assert process.returncode == 0, stderr
    return stderr


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ranks_of(process: subprocess.Popen[str]) -> list[int]:
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def ports(folder: Path) -> np.ndarray:
    return np.genfromtxt(folder / "ports.csv", delimiter=",", skip_header=1)


def interrupt(path: Path, number: signal.Signals, ranks: slice) -> int:
    """Start on two ranks, and send a signal to some of them in the first cycle; returns the exit code."""
    process = start(path, 2)
    wait_for(path.parent / "progress.jsonl", process)
    for rank in ranks_of(process)[ranks]:
        os.kill(rank, number)
    stderr = process.communicate(timeout=60.0)[1]
    assert "Traceback" not in stderr
    assert stderr.count("the simulation was stopped") == 1
    return process.returncode


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("whole")
    finish(write_solve(folder, time_step=FINE), 1)
    return ports(folder)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("number", "ranks", "ranks_after"),
    [
        pytest.param(signal.SIGTERM, slice(None), 1, id="all ranks, as Slurm does"),
        pytest.param(signal.SIGTERM, slice(1), 2, id="one rank"),
        pytest.param(signal.SIGINT, slice(1, None), 1, id="another rank, interrupted"),
    ],
)
def test_signal_leaves_a_state_from_which_other_ranks_go_on(
    tmp_path, uninterrupted, number, ranks, ranks_after
):
    path = write_solve(tmp_path, time_step=FINE)
    assert interrupt(path, number, ranks) == 9
    assert json.loads((tmp_path / "error.json").read_text())["type"] == "InterruptedRunError"
    arrays = read_arrays(tmp_path / STATE)
    assert arrays is not None
    step = int(arrays["step"])
    assert 1 <= step < 400
    assert len(arrays["record_flows"]) == step
    finish(path, ranks_after)
    assert not (tmp_path / "error.json").exists()
    resumed = ports(tmp_path)
    assert resumed.shape == uninterrupted.shape == (400, uninterrupted.shape[1])
    scale = np.abs(uninterrupted).max(axis=0)
    # The solver's own tolerance; equality to 1e-8 is shown at tight tolerances in tests/cfd.
    np.testing.assert_allclose(resumed / scale, uninterrupted / scale, atol=2e-4)


def test_signal_before_the_first_step_is_remembered(tmp_path):
    path = write_solve(tmp_path, time_step=FINE)
    program = (
        "import os, signal, sys, cfd.domain, planning.solver.program as solve\n"
        "read = solve.read_domain\n"
        "def interrupted(*arguments, **options):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return read(*arguments, **options)\n"
        "solve.read_domain = interrupted\n"
        "sys.exit(solve.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    arrays = read_arrays(tmp_path / STATE)
    assert arrays is not None
    assert int(arrays["step"]) == 1


def test_damaged_state_is_told_and_the_run_starts_from_the_previous_one(tmp_path, capsys):
    path = write_solve(tmp_path)
    assert main([str(path)]) == 0
    whole = ports(tmp_path)
    state = tmp_path / STATE
    arrays = read_arrays(state)
    assert arrays is not None
    state.rename(previous_of(state))
    state.write_bytes(previous_of(state).read_bytes()[:-1000])
    write_solve(tmp_path, cycles=3)
    assert main([str(path)]) == 0
    assert f"[{state}] the checkpoint is damaged and is passed over" in capsys.readouterr().err
    assert len(ports(tmp_path)) == 60
    np.testing.assert_array_equal(ports(tmp_path)[:40], whole)


def test_damaged_states_are_told_and_the_run_starts_from_rest(tmp_path, capsys):
    path = write_solve(tmp_path)
    assert main([str(path)]) == 0
    whole = ports(tmp_path)
    (tmp_path / STATE).write_bytes(b"")
    assert main([str(path)]) == 0
    assert "the checkpoint is damaged and is passed over" in capsys.readouterr().err
    np.testing.assert_allclose(ports(tmp_path), whole, rtol=1e-12)


def test_a_state_behind_the_end_is_not_mistaken_for_the_result(tmp_path, capsys):
    path = write_solve(tmp_path, cycles=3)
    assert main([str(path)]) == 0
    write_solve(tmp_path, cycles=2)
    assert main([str(path)]) == 2
    assert "the checkpoint lies behind the end of the simulation (value: 3 cycles)" in capsys.readouterr().err


FAILURES = {
    "memory": (8, "[rank 1 of 2] there is not enough memory (value: Unable to allocate 1.00 TiB)"),
    "defect": (70, "[rank 1 of 2] the solver has a defect (value: ZeroDivisionError: division by zero)"),
    "disk": (8, "[fields/flow.bp] cannot read or write a file (value: No space left on device)"),
    "user": (8, "[progress.jsonl] cannot write the progress"),
}


@pytest.mark.mpi
@pytest.mark.parametrize("kind", list(FAILURES))
def test_failure_of_one_rank_ends_all_with_one_message(tmp_path, kind):
    code, text = FAILURES[kind]
    path = write_solve(tmp_path)
    done = run_on_ranks(2, "tests.planning.failing_solve", path, 1, kind, code=code, timeout=60.0)
    assert done.stderr.count(text) == 1
    assert done.stderr.count("Traceback") == (kind == "defect")
    note = json.loads((tmp_path / "error.json").read_text())
    assert note["message"].startswith(text)
    assert note["exit_code"] == code


@pytest.mark.mpi
def test_failure_of_all_ranks_is_told_once(tmp_path):
    done = run_on_ranks(
        2, "tests.planning.failing_solve", write_solve(tmp_path), -1, "defect", code=70, timeout=60.0
    )
    assert done.stderr.count("the solver has a defect") == 1
    assert done.stderr.count("Traceback") == 1
    assert "MPI_ABORT" not in done.stderr


def test_a_developed_profile_has_no_entrance_loss(tmp_path):
    """The mean of Womersley's profile is the parabola; a plug loses pressure until it has become one."""
    losses = {}
    for profile in ("plug", "parabolic", "womersley"):
        folder = tmp_path / profile
        folder.mkdir()
        assert main([str(write_solve(folder, profile=profile, time_step=PERIOD / 40))]) == 0
        cycle = read_ports(folder / "ports.csv").cycle(PERIOD, -1)
        losses[profile] = float((cycle.pressure("inlet") - cycle.pressure("outlet")).mean())
    assert losses["plug"] > 1.1 * losses["parabolic"]
    assert losses["womersley"] == pytest.approx(losses["parabolic"], rel=0.02)
