"""Edits that narrow or close a vessel: band and ligation."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.centerlines.centerline import compute_centerline, read_centerline, write_centerline
from geometry.centerlines.loops import number_bodies
from geometry.edits import achieved_diameter, apply_variant, edit_for
from geometry.idealised.anatomy import open_end
from geometry.idealised.triangulation import to_surface
from geometry.idealised.vessel import assemble, vessel
from geometry.measurements.sections import cut
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.topology import count_pieces, face_neighbours
from geometry.surfaces.surface import check_closed, enclosed_volume
from hemoplan.case import Band, Ligation
from hemoplan.errors import SurfaceError, VariantError
from hemoplan.patch import Role

MM = 1e-3
BRIDGE = 4.0 * MM
APART = 16.0 * MM
SIZES = {"size": 1.0 * MM, "min_size": 0.35 * MM, "edges_per_radius": 5.0}
MIDDLE = ("8 mm", "0 mm", "10 mm")


@pytest.fixture(scope="module")
def bridged():
    """Two straight arteries of 5 mm along z, joined by a bridge of 4 mm along x: an arch and a trunk with a duct."""
    left = vessel("left", MM * np.array([[0, 0, -2], [0, 0, 22.0]]), 5.0 * MM)
    right = vessel("right", MM * np.array([[16.0, 0, -2], [16.0, 0, 22.0]]), 5.0 * MM)
    bridge = vessel("bridge", MM * np.array([[8, 0, 10], [16.0, 0, 10]]), BRIDGE, start=(left, 12.0 * MM))
    openings = (
        open_end(left, "left_in", Role.INLET, first=True),
        open_end(left, "left_out", Role.OUTLET),
        open_end(right, "right_in", Role.INLET, first=True),
        open_end(right, "right_out", Role.OUTLET),
    )
    return to_surface(assemble("bridged", (left, right, bridge), openings), size=0.6 * MM)


@pytest.fixture(scope="module")
def line(bridged):
    return compute_centerline(bridged)


def band(**changes) -> Band:
    given = {"near": MIDDLE, "diameter": "2 mm", "length": "2 mm"} | changes
    return Band.model_validate({"name": "b", "kind": "band", **given})


def ligation(**changes) -> Ligation:
    return Ligation.model_validate({"name": "l", "kind": "ligation", "near": MIDDLE, **changes})


@pytest.fixture(scope="module")
def tied(bridged, line):
    return apply_variant(bridged, line, ligation(), **SIZES)


def test_band_narrows_to_its_diameter(bridged, line):
    before = achieved_diameter(bridged, line, band())
    assert before == pytest.approx(BRIDGE, rel=0.02)
    edited = edit_for(band())(bridged, line)
    assert achieved_diameter(edited, line, band()) == pytest.approx(2.0 * MM, rel=5e-3)
    result = apply_variant(bridged, line, band(), **SIZES)
    middle = cut(result, MM * np.array([8.0, 0.0, 10.0]), np.array([1.0, 0.0, 0.0]))
    assert middle.area == pytest.approx(np.pi * MM**2, rel=0.02 + 0.02)  # a polygon of 18 corners lacks 2 %
    for old, new in zip(bridged.openings, result.openings, strict=True):
        assert new.area == pytest.approx(old.area, rel=0.01)


def test_band_leaves_the_rest_alone(bridged, line):
    edited = edit_for(band())(bridged, line)
    moved = np.linalg.norm(edited.points - bridged.points, axis=1)
    beyond = np.abs(bridged.points[:, 0] - 8.0 * MM) > 1.0 * MM + 0.5 * BRIDGE + 0.3 * MM
    assert moved[beyond].max() == 0.0
    assert moved.max() == pytest.approx(1.0 * MM, rel=0.15)


def test_band_as_wide_as_the_vessel_is_refused(bridged, line):
    with pytest.raises(VariantError, match=r"\[variant\.b\].*would not narrow it.*5\.00 mm.*less than"):
        apply_variant(bridged, line, band(diameter="5 mm"), **SIZES)


def test_ligation_parts_the_lumen(bridged, line, tied):
    check_closed(tied, where="test")
    bodies = number_bodies(tied)
    assert len(np.unique(bodies)) == 2
    home = {patch.name: bodies[np.argmax(tied.patch_id == patch.tag)] for patch in tied.openings}
    assert home["left_in"] == home["left_out"] != home["right_in"] == home["right_out"]
    assert [patch.name for patch in tied.patches] == [patch.name for patch in bridged.patches]
    assert achieved_diameter(bridged, line, ligation()) == pytest.approx(BRIDGE, rel=0.02)
    assert achieved_diameter(tied, line, ligation()) == 0.0


def test_ligation_ends_in_half_balls_and_leaves_the_rest_alone(bridged, line):
    """What is lost is a cylinder of the length and of a radius at each end, less half a ball at each."""
    edited = edit_for(ligation())(bridged, line)
    r = 0.5 * BRIDGE
    lost = np.pi * r**2 * (2.0 * MM + 2.0 * r) - 4.0 / 3.0 * np.pi * r**3
    assert enclosed_volume(bridged) - enclosed_volume(edited) == pytest.approx(lost, rel=0.05)
    tips = edited.points[np.abs(edited.points[:, 2] - 10.0 * MM) < 0.3 * MM, 0]
    free = np.abs(tips - 8.0 * MM)
    assert free.min() == pytest.approx(1.0 * MM, abs=0.15 * MM)
    beyond = np.abs(bridged.points[:, 0] - 8.0 * MM) > 1.0 * MM + r + 0.3 * MM
    kept = {tuple(point) for point in edited.points}
    assert beyond.sum() > 1000
    assert all(tuple(point) in kept for point in bridged.points[beyond])


def test_each_lumen_has_its_own_lines_and_cells(tied, tmp_path):
    centerline = compute_centerline(tied)
    assert centerline.outlets == ("left_out", "right_out")
    assert centerline.starts == ("left_in", "right_in")
    write_centerline(tmp_path / "lines.vtp", centerline)
    read = read_centerline(tmp_path / "lines.vtp")
    assert read.starts == centerline.starts
    left, right = read.bodies
    assert (left.inlet, right.inlet) == ("left_in", "right_in")
    assert np.abs(right.branch("right_out").points[:, 0] - APART).max() < 0.3 * MM
    assert read.body("right_out").inlet == "right_in"
    assert set(left.branch_id) == {0}
    assert set(right.branch_id) == {1}
    mesh = tetrahedralise(tied, **SIZES)
    assert count_pieces(face_neighbours(mesh.tetrahedra, len(mesh.points))) == 2


def test_a_tube_that_is_tied_off_has_no_way_left(bridged, line):
    """The body with the inlet has no other opening."""
    edited = apply_variant(bridged, line, ligation(near=("0 mm", "0 mm", "17 mm"), length="1 mm"), **SIZES)
    with pytest.raises(SurfaceError, match="'left_out' at .*an inlet and another opening on each"):
        compute_centerline(edited)


def test_ligation_over_an_opening_is_refused(bridged, line):
    with pytest.raises(VariantError, match="runs over an opening"):
        apply_variant(bridged, line, ligation(near=("0 mm", "0 mm", "20 mm"), length="6 mm"), **SIZES)
