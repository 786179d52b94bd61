"""Extended openings in a run: the mesh goes beyond the cut, and the pictures end at it."""

import json
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.openings.extension_cuts import CUTS_FILE, Cut, cuts_of_mesh, hidden, write_cuts
from geometry.surfaces.surface import read_surface
from hemoplan.patch import read_patches
from planning.report.extensions import hide_lines
from planning.report.fields import Field, VariantFields, read_fields
from planning.report.panels import camera_for
from planning.run_folder import RunFolder
from tests.planning.command import TUBE, call
from tests.planning.synthetic_run import LENGTH, PORTS, RADIUS

START = 0.8 * LENGTH
CUT = Cut(
    centre=(0.0, 0.0, START), normal=(0.0, 0.0, 1.0), length=LENGTH - START, radius=RADIUS, reach=RADIUS
)


@pytest.fixture
def shown(fresh_run: RunFolder) -> VariantFields:
    """A tube whose last fifth is the extension of the descending aorta."""
    write_cuts(fresh_run.variant("stent").mesh.path / CUTS_FILE, {PORTS[2]: CUT})
    [variant] = read_fields(fresh_run, ["stent"])
    return variant


def test_nothing_beyond_the_cut_is_shown(shown: VariantFields) -> None:
    for field in Field:
        points = np.asarray(shown.mesh(field).points)
        assert len(points) > 100
        assert points[:, 2].max() < START + 1e-3 * RADIUS, field
        assert points[:, 2].max() > START - 2e-3, field
        assert len(shown.values(field)) == len(points)
    camera = camera_for([shown])
    assert camera.focus[2] == pytest.approx(0.5 * START, abs=1e-6)


def test_the_lumen_is_closed_at_the_cut(shown: VariantFields, fresh_run: RunFolder) -> None:
    """The section has the area of the tube, and the pressure that the cells have there."""
    lumen = shown.lumen
    corners = np.asarray(lumen.points)[np.asarray(lumen.regular_faces)]
    in_plane = (np.abs(corners[:, :, 2] - START) < 1e-9).all(axis=1)
    a, b, c = corners[in_plane].transpose(1, 0, 2)
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
    assert area == pytest.approx(np.pi * RADIUS**2, rel=0.03)
    grid = pv.read(fresh_run.variant("stent").peak_field)
    section = np.asarray(grid.slice(normal="z", origin=CUT.centre).point_data["pressure"]).mean() / 133.322
    levels = shown.values(Field.PRESSURE)[np.abs(np.asarray(lumen.points)[:, 2] - START) < 1e-9]
    assert levels == pytest.approx(section, abs=0.02)


def test_names_stand_where_the_vessel_ends(shown: VariantFields) -> None:
    centres = {patch.name: patch.centre for patch in shown.openings}
    assert centres[PORTS[2]] == CUT.centre
    assert centres[PORTS[0]] == (0, 0, 0)


def test_a_line_that_comes_back_goes_on_as_another() -> None:
    heights = np.array([0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0])
    points = np.column_stack([0.1 * np.arange(7.0), np.zeros(7), heights])
    lines = pv.PolyData(points, lines=[7, *range(7), 2, 2, 3])
    lines.point_data["velocity"] = np.arange(7.0)
    cut = Cut(centre=(0.0, 0.0, 1.5), normal=(0.0, 0.0, 1.0), length=3.0, radius=2.0, reach=2.0)
    rest = hide_lines(lines, {"far": cut})
    assert np.asarray(rest.lines).tolist() == [2, 0, 1, 2, 2, 3]
    assert np.asarray(rest.point_data["velocity"]).tolist() == [0.0, 1.0, 5.0, 6.0]


def test_the_mesh_goes_beyond_the_cut_and_the_surface_does_not(tmp_path: Path) -> None:
    """From the case file to the mesh: `extension` of an opening, in its diameters."""
    wanted = ["--set", "openings.far.extension=1.5", "--set", "openings.entry.extension=1.0"]
    answer = call("mesh", TUBE, "--out", tmp_path / "run", *wanted)
    assert answer.code == 0, answer.stderr
    for name in ("baseline", "stent"):
        folder = RunFolder(tmp_path / "run").variant(name)
        surface, cuts = read_surface(folder.surface), cuts_of_mesh(folder.mesh.path)
        assert cuts.keys() == {"far", "entry"}
        assert not hidden(surface.points, cuts).any()
        ends = {patch.name: patch for patch in read_patches(folder.mesh.patches)}
        for opening, length in (("far", 1.5), ("entry", 1.0), ("side", 0.0)):
            old, new = surface.patch(opening), ends[opening]
            wide = 2.0 * np.sqrt(old.area / np.pi)
            moved = np.linalg.norm(np.array(new.centre) - np.array(old.centre))
            assert moved == pytest.approx(length * wide, abs=2e-3 * wide), opening
            assert new.area == pytest.approx(old.area, rel=0.01), opening
        quality = json.loads(folder.mesh.quality.read_text(encoding="utf-8"))
        assert quality["radius_ratio_min"] > 0.05
