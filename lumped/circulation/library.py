"""The anatomies that ship with hemoplan, by name."""

from __future__ import annotations

from pathlib import Path

from hemoplan.errors import CaseError
from hemoplan.spelling import hint

FOLDER = Path(__file__).parent / "anatomies"


def anatomies() -> tuple[str, ...]:
    """Their names, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def anatomy_path(name: str, *, where: str = "anatomy") -> Path:
    """The file of an anatomy.

    Raises:
        CaseError: There is none of this name.
    """
    if name not in anatomies():
        raise CaseError(f"there is no anatomy '{name}'; {hint(name, anatomies())}", where=where)
    return FOLDER / f"{name}.toml"
