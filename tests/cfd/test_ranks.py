"""The number of ranks and an interruption change nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run(out: Path, pair: str, ranks: int, *arguments: str) -> dict[str, np.ndarray]:
    command = [sys.executable, "-m", "tests.cfd.tube_program", str(out), pair, *arguments]
    if ranks > 1:
        if shutil.which("mpirun") is None:
            pytest.skip("there is no mpirun")
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        return dict(file)


@pytest.fixture(scope="module", params=["P1-P1", "P2-P1"])
def pair(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def serial(tmp_path_factory, pair) -> dict[str, np.ndarray]:
    return run(tmp_path_factory.mktemp("serial") / "out.npz", pair, 1)


def assert_same(one, other):
    for name, values in one.items():
        scale = np.abs(values).max()
        assert scale > 0.0
        np.testing.assert_allclose(other[name] / scale, values / scale, atol=1e-8, err_msg=name)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_agree(serial, pair, tmp_path, ranks):
    assert_same(serial, run(tmp_path / "out.npz", pair, ranks))


def test_resumed_run_equals_uninterrupted_run(serial, pair, tmp_path):
    assert_same(serial, run(tmp_path / "out.npz", pair, 1, str(tmp_path / "state.npz")))


@pytest.mark.mpi
def test_resume_on_two_ranks(serial, pair, tmp_path):
    assert_same(serial, run(tmp_path / "out.npz", pair, 2, str(tmp_path / "state.npz")))
