"""The console that commands print to."""

from __future__ import annotations

import sys

from rich.console import Console

PLAIN_WIDTH = 120
"""Columns of the output where it goes to no terminal."""


def open_console(*, stderr: bool = False) -> Console:
    """As wide as the terminal, or of a fixed width where the output goes to a file."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PLAIN_WIDTH)
