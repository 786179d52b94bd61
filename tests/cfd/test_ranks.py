"""The number of ranks and an interruption change nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


ALIKE = {"windkessel": 1e-8, "circulation": 1e-6}
"""What may differ on another number of ranks, as a share of the largest value."""


def run(out: Path, pair: str, circuit: str, ranks: int, *arguments: str) -> dict[str, np.ndarray]:
    command = [sys.executable, "-m", "tests.cfd.tube_program", str(out), pair, circuit, *arguments]
    if ranks > 1:
        if shutil.which("mpirun") is None:
            pytest.skip("there is no mpirun")
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        return dict(file)


@pytest.fixture(
    scope="module",
    params=[("P1-P1", "windkessel"), ("P2-P1", "windkessel"), ("P1-P1", "circulation")],
    ids="-".join,
)
def kind(request) -> tuple[str, str]:
    """The pair of elements and the circuit."""
    return request.param


@pytest.fixture(scope="module")
def serial(tmp_path_factory, kind) -> dict[str, np.ndarray]:
    return run(tmp_path_factory.mktemp("serial") / "out.npz", *kind, 1)


def assert_same(one, other, share=1e-8):
    for name, values in one.items():
        scale = np.abs(values).max()
        assert scale > 0.0
        np.testing.assert_allclose(other[name] / scale, values / scale, atol=share, err_msg=name)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_agree(serial, kind, tmp_path, ranks):
    assert_same(serial, run(tmp_path / "out.npz", *kind, ranks), ALIKE[kind[1]])


def test_resumed_run_equals_uninterrupted_run(serial, kind, tmp_path):
    assert_same(serial, run(tmp_path / "out.npz", *kind, 1, str(tmp_path / "state.npz")))


@pytest.mark.mpi
def test_resume_on_two_ranks(serial, kind, tmp_path):
    resumed = run(tmp_path / "out.npz", *kind, 2, str(tmp_path / "state.npz"))
    assert_same(serial, resumed, ALIKE[kind[1]])
