"""The folder where built environments are kept: their names, their lock, and what an interruption leaves."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environment.errors import SetupError

ROOM_GB = 6.0
"""Disk space that a build takes at its peak, downloads included [1e9 bytes]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One environment in the cache: ``env-<key>`` is ready once the file ``complete`` lies in it.

    It is built in its final place, because the programs of a venv hold its path; the marker is written last.
    """

    cache: Path
    key: str

    @property
    def folder(self) -> Path:
        """Where the environment lies."""
        return self.cache / f"env-{self.key}"

    @property
    def rootfs(self) -> Path:
        """The Debian root file system, where there is one."""
        return self.folder / "rootfs"

    @property
    def venv(self) -> Path:
        """The packages from PyPI."""
        return self.folder / "venv"

    @property
    def log(self) -> Path:
        """What the tools said during the build; outlives a failed one."""
        return self.cache / f"build-{self.key}.log"

    @property
    def ready(self) -> bool:
        """Whether the build was finished."""
        return (self.folder / "complete").is_file()

    def mark_ready(self) -> None:
        """Declare the build finished."""
        partial = self.folder / "complete.partial"
        partial.write_text("", encoding="utf-8")
        os.replace(partial, self.folder / "complete")

    def compiled(self, environ: Mapping[str, str]) -> Path:
        """A writable folder for code compiled at run time (DOLFINx, numba), by preference in the cache."""
        shared = self.cache / f"compiled-{self.key}"
        if os.access(shared if shared.exists() else self.cache, os.W_OK):
            return shared
        return default_cache(environ) / f"compiled-{self.key}"


def default_cache(environ: Mapping[str, str]) -> Path:
    """The cache folder of a user who names none."""
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base).absolute() / "hemoplan"


def chosen_cache(environ: Mapping[str, str]) -> Path:
    """``HEMOPLAN_CACHE``, or the user's cache folder."""
    chosen = environ.get("HEMOPLAN_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else default_cache(environ)


@contextmanager
def locked(entry: Entry) -> Iterator[int]:
    """Hold the entry's lock, waiting for another build with a message; yields the lock's file descriptor.

    The tools of a build inherit the descriptor, so that the lock lasts as long as any of them still writes.
    """
    path = entry.cache / f"env-{entry.key}.lock"
    try:
        entry.cache.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SetupError(
            f"cannot write to the cache folder {entry.cache} ({error.strerror}).\n"
            "Name one that you can write to: HEMOPLAN_CACHE=/some/folder scripts/env …"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("hemoplan: this environment is being built already; waiting for that …", file=sys.stderr)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def require_room(folder: Path, needed_gb: float = ROOM_GB) -> None:
    """Refuse to start a build that the disk cannot hold."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < needed_gb:
        raise SetupError(
            f"{folder} has {free_gb:.1f} GB free, and building the environment takes {needed_gb:.0f} GB.\n"
            "Make room (scripts/env --clean removes older environments), or put it on another disk:\n"
            "  HEMOPLAN_CACHE=/some/folder scripts/env …"
        )


def remove(folder: Path) -> None:
    """Delete a folder with all in it, and refuse where something of the host is still mounted below it."""
    if not folder.exists():
        return
    mounts = Path("/proc/self/mountinfo")
    inside = f"{folder.resolve()}/"
    if mounts.exists():
        for line in mounts.read_text(encoding="utf-8").splitlines():
            where = line.split()[4].replace("\\040", " ")
            if where.startswith(inside):
                raise SetupError(f"{where} is still mounted; umount '{where}' and run the command again")
    shutil.rmtree(folder)


def others(entry: Entry) -> list[Path]:
    """Environments of other versions of the list, finished or not."""
    return sorted(path for path in entry.cache.glob("env-*") if path.is_dir() and path != entry.folder)


def clean(entry: Entry) -> list[Path]:
    """Remove the environments of other versions with what belongs to them; returns the folders removed."""
    removed = others(entry)
    for folder in removed:
        key = folder.name.removeprefix("env-")
        with locked(Entry(cache=entry.cache, key=key)):
            remove(folder)
            remove(entry.cache / f"compiled-{key}")
            (entry.cache / f"build-{key}.log").unlink(missing_ok=True)
        (entry.cache / f"env-{key}.lock").unlink(missing_ok=True)
    return removed
