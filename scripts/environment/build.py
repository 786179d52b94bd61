"""Build an environment: Debian's packages in a root file system, PyPI's in a venv, a check of both."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from environment import host, sandbox
from environment.cache import Entry
from environment.definition import Definition, Requirement
from environment.errors import SetupError
from environment.progress import Reader, apt_reader, pip_reader, run_step, silent_reader

TOOLS = {"mmdebstrap": "mmdebstrap", "bwrap": "bubblewrap"}
"""Programs that the root file system is built and entered with, and the Debian packages that hold them."""

UNUSED_FILES = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
"""What nobody reads inside; 200 MB. The licences in /usr/share/doc/*/copyright stay."""

ALTERNATIVES = """\
Other ways to the same environment:
  conda env create -f environment.yml && conda activate hemoplan
  docker build -t hemoplan .          apptainer build hemoplan.sif hemoplan.def
In each of them scripts/env uses the DOLFINx that it finds."""


def require_tools(environ: Mapping[str, str], log: Path, lock: int) -> None:
    """Have mmdebstrap and bubblewrap: install them where the user is root, else say how."""
    missing = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if platform.system() != "Linux":
        raise SetupError(f"The environment that builds itself needs Linux.\n{ALTERNATIVES}")
    if not missing:
        return
    packages = [*missing, "debian-archive-keyring"]
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"Missing here: {', '.join(missing)}. Install with your package manager.\n{ALTERNATIVES}"
        )
    if os.getuid() != 0:
        raise SetupError(
            f"Missing here: {', '.join(missing)}. Ask for them to be installed once:\n"
            f"  sudo apt-get update && sudo apt-get install {' '.join([*packages, 'uidmap'])}\n{ALTERNATIVES}"
        )
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    unattended = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    title = f"Installing {' and '.join(missing)}"

    def step(title: str, command: Sequence[str]) -> None:
        run_step(
            title,
            command,
            log=log,
            reader=apt_reader(),
            lock=lock,
            environ=unattended,
            advice=ALTERNATIVES,
            outlives=True,  # dpkg killed half-way would leave the user's system to be repaired
        )

    try:
        step(title, install)
    except SetupError:
        step("Updating apt's lists", ["apt-get", "update"])
        step(title, install)


def require_sandbox() -> None:
    """Find out before a long build whether the kernel lets bubblewrap work."""
    trial = ["bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--", "true"]
    result = subprocess.run(trial, capture_output=True, text=True)
    if result.returncode != 0:
        raise SetupError(
            f"bubblewrap cannot make a sandbox on this machine: {result.stderr.strip()}\n"
            "In a container, start it with --privileged or --security-opt seccomp=unconfined; on\n"
            f"Ubuntu 24.04 and newer, allow unprivileged user namespaces for bwrap.\n{ALTERNATIVES}"
        )


def rootfs_command(definition: Definition, target: Path, environ: Mapping[str, str]) -> list[str]:
    """The mmdebstrap command line; as a user the file system comes as a tar archive on standard output."""
    command = ["mmdebstrap", "--variant=apt", "--verbose", f"--include={','.join(definition.debian)}"]
    command += [f"--aptopt={option}" for option in ['Acquire::Retries "3";', *host.apt_options()]]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED_FILES]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    command += [definition.suite, str(target)]
    if mirror := environ.get("HEMOPLAN_DEBIAN_MIRROR"):
        command.append(mirror)
    return command


def build_rootfs(
    entry: Entry, definition: Definition, environ: Mapping[str, str], lock: int, title: str
) -> None:
    """Build the Debian root file system."""
    target = entry.rootfs
    if os.getuid() == 0:
        # In namespaces of its own, so that its mounts and processes vanish with it, however it ends.
        alone = "unshare --mount --pid --fork --mount-proc --kill-child".split()
        command = [*alone, *rootfs_command(definition, target, environ)]
    else:
        # The files of mmdebstrap belong to subordinate users and the caller could not delete them;
        # tar makes them the caller's.
        archive = rootfs_command(definition, Path("-"), environ)
        target.mkdir()
        unpack = 'tar -x -C "$folder" --no-same-owner --exclude="./dev/*"'
        script = f'set -o pipefail; folder=$1; shift; "$@" | {unpack}'
        command = ["bash", "-c", script, "mmdebstrap", str(target), *archive]
    run_step(
        title,
        command,
        log=entry.log,
        reader=apt_reader(0.15, 0.85),  # the essential packages, then all others
        lock=lock,
        environ=environ,
        advice=f"Another mirror: HEMOPLAN_DEBIAN_MIRROR=http://… scripts/env …\n{ALTERNATIVES}",
    )
    # Mount points must exist, since nothing can be made below /usr afterwards.
    (target / "usr/local/share/ca-certificates").mkdir(parents=True, exist_ok=True)
    (target / "usr/src").mkdir(exist_ok=True)


def build_in_sandbox(
    entry: Entry, definition: Definition, *, environ: Mapping[str, str], checkout: Path, lock: int
) -> None:
    """Build the whole environment in ``entry.folder``."""
    build_rootfs(entry, definition, environ, lock, f"[1/3] Debian packages ({definition.suite}), about 2 GB")
    python = sandbox.INSIDE / "venv" / "bin" / "python"

    def step(title: str, command: Sequence[str]) -> None:
        variables = sandbox.variables(entry, environ, checkout)
        # Neither the checkout nor the current folder matters, and pip keeps to the caller's own cache.
        for name in ("PYTHONPATH", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
            variables.pop(name)
        variables["PYTHONSAFEPATH"] = "1"
        if "XDG_CACHE_HOME" in environ:
            variables["XDG_CACHE_HOME"] = environ["XDG_CACHE_HOME"]
        wrapped = sandbox.wrapped(entry, command, environ=environ, checkout=checkout, writable=True)
        reader = pip_reader if "pip" in command else silent_reader
        run_step(
            title, wrapped, log=entry.log, reader=reader, lock=lock, environ=variables, advice=ALTERNATIVES
        )

    create_venv = f"/usr/bin/python3 -m venv --system-site-packages {sandbox.INSIDE}/venv"
    step("[2/3] Python packages: venv", create_venv.split())
    if host.site_configuration().is_file():
        shutil.copy(host.site_configuration(), entry.venv / "pip.conf")
    step("[2/3] Python packages from PyPI, about 2 GB", pip_install(str(python), definition.pypi))
    step("[3/3] Checking that all of it imports", [str(python), "-c", import_check(definition)])


def build_beside_python(
    entry: Entry,
    missing: Sequence[Requirement],
    definition: Definition,
    environ: Mapping[str, str],
    lock: int,
) -> None:
    """Make a venv that sees the caller's Python, which has DOLFINx, and adds what is missing there."""

    def step(title: str, command: Sequence[str], reader: Reader = silent_reader, advice: str = "") -> None:
        run_step(title, command, log=entry.log, reader=reader, lock=lock, environ=environ, advice=advice)

    create = [sys.executable, "-m", "venv", "--system-site-packages", str(entry.venv)]
    if not missing:
        step("[1/1] A venv on top of this Python", [*create, "--without-pip"])
        return
    step("[1/2] A venv on top of this Python", create, advice="On Debian: apt-get install python3-venv")
    # What DOLFINx was built with must not be shadowed by another version.
    constraints = entry.folder / "constraints.txt"
    constraints.write_text("\n".join(_installed(definition, missing)), encoding="utf-8")
    install = [*pip_install(str(entry.venv / "bin" / "python"), missing), f"--constraint={constraints}"]
    step("[2/2] Missing packages from PyPI", install, pip_reader)


def _installed(definition: Definition, missing: Sequence[Requirement]) -> list[str]:
    pins = []
    for requirement in definition.pypi:
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            continue
        if requirement not in missing:
            pins.append(f"{requirement.name}=={installed}")
    return pins


def pip_install(python: str, requirements: Sequence[Requirement]) -> list[str]:
    """The pip command line; wheels alone, since a compilation would fail late and unreadably."""
    pins = [requirement.pinned for requirement in requirements]
    options = ["--only-binary=:all:", "--progress-bar=off", "--no-input"]
    return [python, "-m", "pip", "install", *options, *pins]


def import_check(definition: Definition) -> str:
    """A Python program that imports everything and prints the version of DOLFINx."""
    modules = [
        "dolfinx",
        "mpi4py.MPI",
        "petsc4py.PETSc",
        *(r.module for r in definition.pypi if r.group != "dev"),
    ]
    imports = "; ".join(f"import {module}" for module in modules)
    return f"{imports}; print('DOLFINx', dolfinx.__version__)"
