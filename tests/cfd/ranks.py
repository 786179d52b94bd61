"""Running a test program on several ranks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_on_ranks(
    ranks: int, module: str, *arguments: object, code: int = 0, timeout: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` on so many ranks, more than there are cores too; it must end with the code."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    if ranks > 1:
        if shutil.which("mpirun") is None:
            pytest.skip("there is no mpirun")
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done
