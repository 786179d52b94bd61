"""What keeps a run folder sound: one run at a time, enough room on the disk, and signals that end a run in order."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hemoplan.errors import ResourceError

BASE_BYTES = 100_000_000
"""Room that the scan, the report and the figures take at most."""
VARIANT_BYTES = 400_000_000
"""Room that one variant takes: mesh, checkpoint, and the fields of one cycle over time."""


@contextmanager
def guard_folder(folder: Path) -> Iterator[int]:
    """Make a run folder and hold its lock, which the solver inherits, so that two runs never write the same files.

    Yields:
        The descriptor of the lock.

    Raises:
        ResourceError: The folder cannot be written, or another run is at work in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ResourceError(
            "cannot write the run folder",
            where=str(folder),
            value=error.strerror,
            remedy="choose another with --out",
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise ResourceError(
            "another run is at work in the folder",
            where=str(folder),
            remedy="wait for it to end, stop it, or choose another folder with --out",
        ) from None
    finally:
        os.close(descriptor)


def check_room(folder: Path, variants: int) -> None:
    """Make sure that the results fit on the disk.

    Raises:
        ResourceError: They do not.
    """
    free, needed = shutil.disk_usage(folder).free, BASE_BYTES + variants * VARIANT_BYTES
    if free < needed:
        raise ResourceError(
            "there is not enough room on the disk",
            where=str(folder),
            value=f"{free / 1e6:,.0f} MB free",
            expected=f"{needed / 1e6:,.0f} MB for {variants} variants",
            remedy="free some disk space, or choose another folder with --out",
        )


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, as a cluster or a service manager sends it, end the run as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


@contextmanager
def signals_kept() -> Iterator[None]:
    """Put the handlers of SIGINT and SIGTERM in place again: Mmg, which remeshes, leaves the system's own behind it."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def disk_full(error: OSError, folder: Path) -> ResourceError | None:
    """The error for the user where the disk or the quota is exhausted; None for any other cause."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return ResourceError(
        "the disk is full",
        where=str(error.filename or folder),
        value=f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB free",
        remedy="free some disk space and run the same command again; finished stages are kept",
    )
