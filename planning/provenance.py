"""Where the numbers of a run come from: inputs, versions, command, machine, times."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import hemoplan
from planning.digest import digest_code, digest_file

PACKAGES = (
    "fenics-dolfinx",
    "petsc4py",
    "mpi4py",
    "numpy",
    "scipy",
    "numba",
    "vtk",
    "vmtk",
    "pyvista",
    "SimpleITK",
    "scikit-image",
    "gmsh",
    "mmgpy",
    "meshio",
)
"""Packages that the numbers depend on, by their names on the package index."""
ROOMS = ("hemoplan", "geometry", "lumped", "cfd", "planning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is known of a run when it starts.

    Attributes:
        command: The command line.
        ranks: MPI processes of the solver.
        inputs: Files that the run reads, by what they are.
    """

    command: Sequence[str]
    ranks: int
    inputs: Mapping[str, Path]


def write_provenance(
    path: Path, provenance: Provenance, *, started: datetime, finished: datetime | None
) -> None:
    """Write `provenance.json`; `finished` is None while the run goes on."""
    content = {
        "command": " ".join(provenance.command),
        "started": started.isoformat(timespec="seconds"),
        "finished": None if finished is None else finished.isoformat(timespec="seconds"),
        "ranks": provenance.ranks,
        "inputs": {
            name: {"path": str(file), "sha256": digest_file(file)} for name, file in provenance.inputs.items()
        },
        "versions": {
            "hemoplan": hemoplan.__version__,
            "python": platform.python_version(),
            **installed_versions(),
        },
        "code": {"commit": git_commit(), "sources": digest_code(*ROOMS)},
        "platform": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def command_line() -> list[str]:
    """The command that is running, as a user would type it."""
    return ["hemoplan", *sys.argv[1:]]


def installed_versions() -> dict[str, str]:
    """Versions of the packages that the numbers depend on; those that are absent are left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit of the checkout that runs, with `+` where files were changed; None outside of a checkout."""
    folder = Path(hemoplan.__file__).parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10.0
    )
    return answer.stdout.strip()
