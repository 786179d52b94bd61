"""Use the Python that calls, where it has DOLFINx already (Debian 13, conda, a container, a cluster)."""

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec

from environment.definition import Definition, Requirement

OLDEST = (0, 9)
"""The oldest DOLFINx that hemoplan runs with."""


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``"0.9.0.post1"`` -> ``(0, 9, 0)``."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def origin() -> str | None:
    """Where the caller's Python would load DOLFINx from, without loading it."""
    spec = find_spec("dolfinx")
    return None if spec is None else spec.origin


def version() -> str | None:
    """The version of the caller's DOLFINx where it can really be imported; takes a second."""
    program = "import dolfinx; print(dolfinx.__version__)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def usable() -> bool:
    """Whether the caller's DOLFINx imports and is new enough."""
    if origin() is None:
        return False
    found = version()
    return found is not None and release(found) >= OLDEST


def missing(definition: Definition) -> tuple[Requirement, ...]:
    """The packages that the caller's Python lacks, or has too old."""
    return tuple(requirement for requirement in definition.pypi if not _satisfied(requirement))


def _satisfied(requirement: Requirement) -> bool:
    if find_spec(requirement.module) is None:
        return False
    try:
        return release(metadata.version(requirement.name)) >= release(requirement.minimum)
    except metadata.PackageNotFoundError:
        return True  # conda packages some libraries without PyPI's metadata


def circumstances(lacking: Sequence[Requirement]) -> tuple[str, ...]:
    """What a venv on top of the caller's Python depends on."""
    return (sys.executable, sys.version, str(origin()), *(requirement.name for requirement in lacking))
