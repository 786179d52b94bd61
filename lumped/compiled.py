"""How the kernels of the 0D circulation are compiled, and when their compiled code is thrown away.

numba keeps compiled kernels on disk, and compiles anew where the file of a kernel has changed. It does not look at the
files of the functions that the kernel calls, so a law that was changed would go on as it was: the index of every kernel
that was compiled before the newest source is removed when this module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from numba import njit

FOLDERS = ("blocks", "engine")


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel on its own."""
    made: Callable[P, R] = njit(cache=True, error_model="numpy", fastmath={"contract"})(function)
    return made


def unlocked[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """The same for a kernel that Python calls: other threads go on meanwhile."""
    made: Callable[P, R] = njit(cache=True, error_model="numpy", fastmath={"contract"}, nogil=True)(function)
    return made


def inlined[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel into its caller: for inner loops, where passing the arrays would cost more than the work."""
    made: Callable[P, R] = njit(cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)(
        function
    )
    return made


def drop_stale_code() -> None:
    """Remove the index of every kernel that was compiled before the newest source of laws and engine."""
    folders = [Path(__file__).resolve().parent / name for name in FOLDERS]
    newest = max(path.stat().st_mtime for folder in folders for path in folder.glob("*.py"))
    for folder in folders:
        for index in folder.glob("__pycache__/*.nbi"):
            try:
                if index.stat().st_mtime < newest:
                    index.unlink()
            except OSError:
                continue  # another process was faster, or the folder is read-only and its sources do not change


drop_stale_code()
