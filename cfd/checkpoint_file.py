"""Named arrays in one file that a kill, a full disk or a faulty disk cannot turn into wrong numbers.

A new file is written beside the old one, forced to the disk, and then takes its place; the old one becomes the
previous one. So whenever the process dies, the last or the one before is whole. Each array carries a checksum
(CRC-32 of the zip format that numpy uses), and so does the list of their names, since damage to the zip file's own
directory can hide an array; both are verified before anything is believed.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoplan.errors import ResourceError

type Arrays = dict[str, NDArray[Any]]

CONTENTS = "contents"
"""The array that lists the names of the others."""

_DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    OverflowError,
    MemoryError,
    RuntimeError,  # a flipped bit can say that the file is encrypted
    NotImplementedError,  # … or compressed in an unknown way
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class DamagedFileError(Exception):
    """The file is there and is not what was written."""


def previous_of(path: Path) -> Path:
    """Where the file before the last lies."""
    return path.with_stem(f"{path.stem}.previous")


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a file; the file that was there becomes the previous one.

    Raises:
        ResourceError: The disk is full or the folder cannot be written; what was there is untouched.
    """
    temporary = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays, **{CONTENTS: np.array(sorted(arrays))})
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.replace(previous_of(path))
        temporary.replace(path)
        _force_names(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ResourceError(
            "cannot write the checkpoint",
            where=str(path),
            value=error.strerror,
            remedy="free some disk space; the last complete checkpoint is kept, and the same command resumes from it",
        ) from error


def read_arrays(path: Path) -> Arrays | None:
    """Read a file whole; None where there is none.

    Raises:
        DamagedFileError: Its content is not what was written.
        ResourceError: It may not be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise DamagedFileError(f"the checksum of {damaged} is wrong")
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        if arrays.pop(CONTENTS).tolist() != sorted(arrays):
            raise DamagedFileError("an array is missing")
        return arrays
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ResourceError("cannot read the checkpoint", where=str(path), value=error.strerror) from error
    except _DAMAGE as error:
        raise DamagedFileError(str(error) or type(error).__name__) from error


def read_newest(
    path: Path, *, refusal: Callable[[Arrays], str | None], tell: Callable[[str], None]
) -> Arrays | None:
    """Read the last file, or the previous one where the last is damaged or refused; None where neither will do.

    Args:
        path: The last file.
        refusal: Says why a file that is whole cannot be used, or None.
        tell: Hears of every file that was passed over.
    """
    for candidate in (path, previous_of(path)):
        try:
            arrays = read_arrays(candidate)
        except DamagedFileError as error:
            tell(f"[{candidate}] the checkpoint is damaged and is passed over ({error})")
            continue
        if arrays is None:
            continue
        reason = refusal(arrays)
        if reason is None:
            return arrays
        tell(f"[{candidate}] the checkpoint is passed over: {reason}")
    return None


def _force_names(folder: Path) -> None:
    """Force the new names to the disk, where the system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
