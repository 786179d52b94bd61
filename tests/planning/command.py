"""Running the command line as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from planning.cli import main

CHECKOUT = Path(__file__).resolve().parents[2]
TUBE = CHECKOUT / "tests" / "cases" / "narrowed_tube"


def start(*arguments: str | Path, folder: Path) -> subprocess.Popen[str]:
    """Start `hemoplan ARGUMENTS` in a folder."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "planning", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command ended with."""

    code: int
    stdout: str
    stderr: str


def call(*arguments: str | Path) -> Answer:
    """The same in this process, which is faster; the two streams are caught, and are no terminal."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["hemoplan", *map(str, arguments)]),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return _checked(Answer(code, stdout.getvalue(), stderr.getvalue()))


def hemoplan(*arguments: str | Path, folder: Path) -> Answer:
    """Run `hemoplan ARGUMENTS` in a process of its own to its end."""
    process = start(*arguments, folder=folder)
    stdout, stderr = process.communicate(timeout=900.0)
    return _checked(Answer(process.returncode, stdout, stderr))


def _checked(answer: Answer) -> Answer:
    """No output may hold a traceback or, since it goes to no terminal, control characters."""
    assert "Traceback" not in answer.stdout + answer.stderr, answer.stderr
    assert "\x1b" not in answer.stdout + answer.stderr
    return answer
