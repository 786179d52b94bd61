"""A case that begins with a surface made elsewhere: open or closed, in millimetres, RAS or LPS."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.surfaces.surface import WALL_TAG, read_surface, to_polydata
from tests.geometry.vessels import fork
from tests.planning.command import call

CASE = Path(__file__).resolve().parents[1] / "cases" / "narrowed_tube" / "case.toml"


def write_case(folder: Path, source: str, points: dict[str, np.ndarray]) -> Path:
    """The small case with a surface in the place of the phantom, its openings at the given points."""
    head, rest = CASE.read_text().split("[image]")
    openings = "\n".join(
        f'[[openings]]\nname = "{name}"\nrole = "{"inlet" if name == "entry" else "outlet"}"\n'
        f"near = {[f'{1e3 * value:.3f} mm' for value in point]}\n"
        for name, point in points.items()
    )
    tail = "[inflow]" + rest.split("[inflow]")[1].split("[[variants]]")[0]
    variants = '[[variants]]\nname = "baseline"\nkind = "baseline"\n'
    path = folder / "case.toml"
    path.write_text(f"{head}[image]\n{source}\n\n{openings}\n{tail}{variants}")
    return path


@pytest.fixture
def forked() -> tuple[pv.PolyData, dict[str, np.ndarray]]:
    """A Y in metres, and the centres of its ends."""
    surface = fork(size=0.6e-3)
    names = dict(zip(("entry", "side", "far"), surface.openings, strict=True))
    return to_polydata(surface), {name: np.array(patch.centre) for name, patch in names.items()}


@pytest.mark.parametrize(("frame", "signs"), [("RAS", (1.0, 1.0, 1.0)), ("LPS", (-1.0, -1.0, 1.0))])
def test_an_open_surface_is_capped_and_named(forked, tmp_path: Path, frame: str, signs) -> None:
    mesh, points = forked
    wall = mesh.extract_cells(np.asarray(mesh.cell_data["patch_id"]) == WALL_TAG).extract_surface(
        algorithm=None
    )
    wall.points = 1e3 * np.asarray(wall.points) * signs
    wall.save(tmp_path / "wall.stl")
    case = write_case(tmp_path, f'surface = "wall.stl"\nunit = "mm"\nframe = "{frame}"', points)
    answer = call("mesh", case, "--out", tmp_path / "run")
    assert answer.code == 0, answer.stderr
    made = read_surface(tmp_path / "run" / "surface.vtp")
    assert [patch.name for patch in made.openings] == ["entry", "side", "far"]
    for patch in made.openings:
        assert np.array(patch.centre) == pytest.approx(points[patch.name], abs=0.1e-3)
    rungs = json.loads((tmp_path / "run" / "conditioning.json").read_text())["rungs"]
    assert all(rung["passed"] for rung in rungs)


def test_millimetres_taken_for_metres_are_noticed(forked, tmp_path: Path) -> None:
    mesh, points = forked
    mesh.points = 1e3 * np.asarray(mesh.points)
    mesh.save(tmp_path / "wall.stl")
    case = write_case(tmp_path, 'surface = "wall.stl"\nunit = "m"', points)
    answer = call("mesh", case, "--out", tmp_path / "run")
    assert answer.code == 4
    assert "mm" in answer.stderr


def test_a_surface_needs_its_unit_and_no_segmentation(forked, tmp_path: Path) -> None:
    case = write_case(tmp_path, 'surface = "wall.stl"', forked[1])
    answer = call("mesh", case, "--out", tmp_path / "run")
    assert answer.code == 2
    assert "unit = 'mm'" in answer.stderr
    with_seed = case.read_text().replace(
        "[inflow]", '[segmentation]\nseed = ["0 mm", "0 mm", "0 mm"]\n\n[inflow]', 1
    )
    case.write_text(with_seed.replace('"wall.stl"', '"wall.stl"\nunit = "mm"'))
    answer = call("mesh", case, "--out", tmp_path / "run")
    assert answer.code == 2
    assert "[segmentation]" in answer.stderr
