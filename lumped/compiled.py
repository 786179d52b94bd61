"""How the kernels of the 0D circulation are compiled, and where their compiled code is kept.

numba keeps compiled kernels on disk, and compiles anew where the file of a kernel has changed. It does not look at the
files of the functions that the kernel calls, so a law that was changed would go on as it was. Here the folder of the
compiled code carries a stamp of all sources that hold kernels: other sources, another folder.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import config

KERNELS = "lumped.compiled"
"""What a source that holds kernels has in it."""
KEPT = 7 * 24 * 3600.0
"""Seconds that compiled code of other sources is kept without being used."""


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel on its own."""
    return _made(function)


def unlocked[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """The same for a kernel that Python calls: other threads go on meanwhile."""
    return _made(function, nogil=True)


def inlined[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel into its caller: for inner loops, where passing the arrays would cost more than the work."""
    return _made(function, forceinline=True)


def _made[**P, R](function: Callable[P, R], **options: Any) -> Callable[P, R]:
    usual = config.CACHE_DIR
    config.CACHE_DIR = str(_folder(usual))
    try:
        made: Callable[P, R] = njit(cache=True, error_model="numpy", fastmath={"contract"}, **options)(
            function
        )
    finally:
        config.CACHE_DIR = usual
    return made


@cache
def _folder(usual: str) -> Path:
    """Folder of the compiled code of these sources; those of others that nobody used for long are removed."""
    room = Path(__file__).resolve().parent
    stamp = hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        text = path.read_bytes()
        if KERNELS.encode() in text:
            stamp.update(text)
    base = Path(usual) if usual else room / "__pycache__"
    for other in base.glob("lumped-*"):
        if time.time() - other.stat().st_mtime > KEPT:
            shutil.rmtree(other, ignore_errors=True)
    return base / f"lumped-{stamp.hexdigest()[:16]}"
