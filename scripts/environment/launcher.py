"""The command ``scripts/env``: find or build the environment, and run a command in it."""

import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from environment import build, cache, definition, existing, sandbox
from environment.cache import Entry
from environment.definition import Definition
from environment.errors import SetupError

CHECKOUT = Path(__file__).resolve().parents[2]

OWN_FAILURE = 125
"""Exit code where the launcher fails, so that it is told from the command's; containers use the same."""

NOT_FOUND = 127

HELP = """\
usage: scripts/env [--rebuild] COMMAND [ARGUMENT …]
       scripts/env --path | --clean | --help

Runs a command in hemoplan's environment, and builds that first where it is missing.

  scripts/env python -c "import dolfinx; print(dolfinx.__version__)"
  scripts/env mpirun -n 2 python my_script.py
  scripts/env bash                     a shell inside
  scripts/hemoplan run cases/neonatal_coarctation    the command line of hemoplan
  scripts/test                         lint, types and tests

Where the python3 that you call has DOLFINx >= 0.9 (Debian 13, conda, a container, a cluster module), that
is used, and packages that it lacks go into a venv of their own. Elsewhere on Linux a Debian 13 file system
(2 GB) and the packages from PyPI (2 GB) are put into a cache folder once, in a few minutes, and entered with
bubblewrap. Your Python and your system stay as they are; only where mmdebstrap or bubblewrap is missing and
you are root, apt-get installs it.

  --rebuild   build anew, and run COMMAND then where one is given
  --path      print the folder of the environment
  --clean     remove the environments of older versions from the cache

  HEMOPLAN_CACHE          folder to keep environments in      (default: ~/.cache/hemoplan)
  HEMOPLAN_BIND           more folders to show inside, a:b:c  (the home, the current folder and all folders at
                          the top of the file system that are not the system's are shown anyway)
  HEMOPLAN_DEBIAN_MIRROR  Debian mirror to build from         (default: the official one)
The settings of pip (PIP_*, pip.conf), certificates (SSL_CERT_FILE, …) and proxies hold inside as outside.

Exit code: the command's; 125 where the environment cannot be had; 127 where there is no such command.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the launcher and return its exit code."""
    environ = dict(os.environ)
    try:
        return _dispatch(list(arguments), environ)
    except (SetupError, OSError) as error:
        print(f"hemoplan: {error}", file=sys.stderr)
        return OWN_FAILURE
    except KeyboardInterrupt:
        message = "interrupted; nothing half-built is left, and the same command starts again"
        print(f"hemoplan: {message}", file=sys.stderr)
        return 130


def _dispatch(arguments: list[str], environ: Mapping[str, str]) -> int:
    option = arguments[0] if arguments else "--help"
    if option in {"--help", "-h"}:
        print(HELP, end="")
        return 0
    packages = definition.load()
    inside = environ.get("HEMOPLAN_ENVIRONMENT") == definition.key(packages)
    if inside and option not in {"--rebuild", "--path", "--clean"}:
        return _execute(arguments, _with_checkout(environ))
    if inside:
        raise SetupError(f"{option} works outside the environment; leave it first (exit)")
    entry, construct = _choose(packages, environ)
    match option:
        case "--path":
            print(entry.folder)
            return 0
        case "--clean":
            for folder in cache.clean(entry):
                print(f"removed {folder}")
            return 0
        case "--rebuild":
            arguments = arguments[1:]
        case _ if option.startswith("-"):
            raise SetupError(f"unknown option {option!r}; scripts/env --help lists the options")
    ensure(entry, construct, anew=option == "--rebuild")
    return _run(entry, arguments, packages, environ) if arguments else 0


def _choose(packages: Definition, environ: Mapping[str, str]) -> tuple[Entry, Callable[[int], None]]:
    """The environment to use here, and what builds it where it is missing (given the lock's descriptor)."""
    folder = cache.chosen_cache(environ)
    if existing.origin() is not None:
        lacking = existing.missing(packages)
        entry = Entry(cache=folder, key=definition.key(packages, *existing.circumstances(lacking)))
        if entry.ready or existing.usable():

            def extend(lock: int) -> None:
                cache.require_room(entry.cache, cache.ROOM_GB / 2 if lacking else 0.1)
                build.build_beside_python(entry, lacking, packages, environ, lock)

            return entry, extend
    rootfs = Entry(cache=folder, key=definition.key(packages, "rootfs", platform.machine()))

    def construct(lock: int) -> None:
        build.require_tools(environ, rootfs.log, lock)
        build.require_sandbox()
        cache.require_room(rootfs.cache)
        rootfs.folder.mkdir()
        build.build_in_sandbox(rootfs, packages, environ=environ, checkout=CHECKOUT, lock=lock)

    return rootfs, construct


def ensure(entry: Entry, construct: Callable[[int], None], *, anew: bool = False) -> None:
    """Have the environment built: at once where it is, after another build where one is under way."""
    if entry.ready and not anew:
        return
    with cache.locked(entry) as lock:
        if entry.ready and not anew:
            return
        aside = entry.cache / f"old-{entry.key}"
        cache.remove(aside)
        if entry.ready:
            entry.folder.rename(aside)
        cache.remove(entry.folder)
        entry.log.unlink(missing_ok=True)
        print(f"hemoplan: building the environment, once, in {entry.folder}", file=sys.stderr)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _interrupt)
        try:
            construct(lock)
            entry.mark_ready()
        except BaseException:
            cache.remove(entry.folder)
            if aside.exists():
                aside.rename(entry.folder)
            raise
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == _interrupt:
                signal.signal(number, signal.SIG_DFL)
        cache.remove(aside)
    if stale := cache.others(entry):
        print(f"hemoplan: {len(stale)} older in the cache; scripts/env --clean removes them", file=sys.stderr)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(entry: Entry, command: Sequence[str], packages: Definition, environ: Mapping[str, str]) -> int:
    mark = {"HEMOPLAN_ENVIRONMENT": definition.key(packages)}
    if entry.rootfs.is_dir():
        if not _provides(entry, command[0]):
            return _not_found(command[0])
        return sandbox.run(entry, command, environ={**environ, **mark}, checkout=CHECKOUT)
    return _execute(command, {**beside_python(entry, environ), **mark})


def _provides(entry: Entry, program: str) -> bool:
    """Whether the sandbox has a program of that name; paths are left to the sandbox."""
    folders = [entry.venv / "bin", entry.rootfs / "usr/bin", entry.rootfs / "usr/local/bin"]
    return "/" in program or any(os.path.lexists(folder / program) for folder in folders)


def _execute(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Become the command."""
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        return _not_found(command[0])
    os.execvpe(command[0], list(command), dict(environ))


def _not_found(program: str) -> int:
    print(f"hemoplan: no command {program!r} in the environment", file=sys.stderr)
    return NOT_FOUND


def beside_python(entry: Entry, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a command that runs with the caller's DOLFINx; its MPI stays as it is set up."""
    folders = [str(entry.venv / "bin"), str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]
    return _with_checkout(environ) | {"PATH": ":".join(folders)} | sandbox.defaults(environ)


def _with_checkout(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with the checkout's packages importable."""
    own = [str(CHECKOUT), str(CHECKOUT / "scripts")]
    others = [path for path in environ.get("PYTHONPATH", "").split(":") if path and path not in own]
    return {**environ, "PYTHONPATH": ":".join([*own, *others])}
