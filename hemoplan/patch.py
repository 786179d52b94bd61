"""Patches: the named parts of a vessel's surface."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from hemoplan.arrays import Vec3
from hemoplan.errors import MeshError


class Role(StrEnum):
    """What a patch does in the simulation."""

    WALL = "wall"
    INLET = "inlet"
    OUTLET = "outlet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A named part of the boundary.

    Attributes:
        name: The name used in case files, results and reports, such as `descending_aorta`.
        role: Wall, inlet or outlet.
        tag: Integer that marks the patch's triangles in files; 1 is the wall.
        area: Area [m²].
        centre: Centroid [m].
        normal: Area-weighted unit normal, pointing out of the lumen. The zero vector for the wall.
    """

    name: str
    role: Role
    tag: int
    area: float
    centre: Vec3
    normal: Vec3


def write_patches(path: Path, patches: Sequence[Patch]) -> None:
    """Write patches as JSON (SI units)."""
    path.write_text(json.dumps([asdict(patch) for patch in patches], indent=1) + "\n", encoding="utf-8")


def read_patches(path: Path) -> tuple[Patch, ...]:
    """Read patches from JSON (SI units).

    Raises:
        MeshError: The file is missing or is not a list of patches.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Patch(
                name=str(entry["name"]),
                role=Role(entry["role"]),
                tag=int(entry["tag"]),
                area=float(entry["area"]),
                centre=_vector(entry["centre"]),
                normal=_vector(entry["normal"]),
            )
            for entry in entries
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeshError(
            "cannot read the patches of the mesh",
            where=str(path),
            value=error,
            expected="a JSON list with name, role, tag, area, centre and normal of each patch",
            remedy="make the mesh again with `hemoplan mesh CASE`",
        ) from error


def _vector(values: Sequence[float]) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
