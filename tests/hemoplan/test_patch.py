from __future__ import annotations

from pathlib import Path

import pytest

from hemoplan.errors import MeshError
from hemoplan.patch import Patch, Role, read_patches, write_patches

PATCHES = (
    Patch(name="wall", role=Role.WALL, tag=1, area=1.2e-3, centre=(0.0, 0.0, 0.0), normal=(0.0, 0.0, 0.0)),
    Patch(
        name="aorta", role=Role.INLET, tag=2, area=5.0e-5, centre=(0.1, -0.2, 0.3), normal=(0.0, 0.0, -1.0)
    ),
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "patches.json"
    write_patches(path, PATCHES)
    assert read_patches(path) == PATCHES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"inlet"', '"inflow"'),
        ('"tag": 2', '"tag": "two"'),
        ('"area"', '"surface"'),
        ("]\n", ""),
        ("-1.0", '"down"'),
    ],
)
def test_damage_is_said_with_a_remedy(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "patches.json"
    write_patches(path, PATCHES)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(MeshError, match=r"patches.json\] cannot read the patches.*`hemoplan mesh CASE`"):
        read_patches(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="cannot read the patches"):
        read_patches(tmp_path / "absent.json")
