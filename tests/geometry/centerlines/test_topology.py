"""Several inlets, loops, closed ways, and what is refused."""

import logging
import sys
from dataclasses import replace

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial import cKDTree

from geometry.centerlines import vmtk_tracer
from geometry.centerlines.branches import find_branches
from geometry.centerlines.centerline import compute_centerline
from geometry.centerlines.loops import count_loops, find_untraced
from geometry.centerlines.voronoi_tracer import trace
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role
from tests.geometry.centerlines.shapes import MM, capped, constant, hairpin, known_tube, level_set, with_roles
from tests.geometry.vessels import fork, name_patches, straight

TRACERS = [
    "voronoi",
    pytest.param("vmtk", marks=pytest.mark.skipif(not vmtk_tracer.is_installed(), reason="no vmtk")),
]
both = pytest.mark.parametrize("tracer", TRACERS)


def _ring(points: FloatArray) -> FloatArray:
    """A ring of radius 8 mm and thickness 4 mm in the xz plane, between two vessels along x; negative inside."""
    x, y, z = points.T
    ring = np.hypot(np.hypot(x, z) - 8 * MM, y) - 2 * MM
    stem = np.where(np.abs(x) > 8 * MM, np.hypot(y, z), np.inf) - 2.5 * MM
    return np.asarray(np.minimum(ring, stem))


@pytest.fixture(scope="module")
def ring() -> Surface:
    """The stems leave the box; one way round is held a little narrower by nothing, so both are as wide."""
    shell = level_set(_ring, np.array([-18, -4, -12]) * MM, np.array([18, 4, 12.1]) * MM, 0.4 * MM)
    ends = {
        "left": (np.array([-18, 0, 0]) * MM, Role.INLET),
        "right": (np.array([18, 0, 0]) * MM, Role.OUTLET),
    }
    return capped(shell, ends)


@both
def test_two_inlets_and_an_outlet(tracer):
    surface = with_roles(fork(size=0.6 * MM), inlet=Role.OUTLET, left=Role.INLET, right=Role.INLET)
    lines = compute_centerline(surface, tracer=tracer)
    assert lines.inlet == "left"
    assert set(lines.outlets) == {"inlet", "right"}
    across, down = lines.branch("right"), lines.branch("inlet")
    assert across.inlet == down.inlet == "left"
    for line in (across, down):
        ends = [np.array(surface.patch(name).centre) for name in ("left", line.outlet)]
        assert line.points[[0, -1]] == pytest.approx(np.array(ends), abs=1e-9)
    lowest = across.points[across.points[:, 2].argmin()]
    assert abs(lowest[0]) < 0.5 * MM
    assert 5 * MM < lowest[2] < 14 * MM
    assert {branch.outlets for branch in find_branches(lines)} == {("inlet", "right"), ("inlet",), ("right",)}


def test_a_tree_has_no_loop(ring):
    assert count_loops(fork(size=0.8 * MM)) == 0
    assert count_loops(known_tube(straight(20 * MM), constant(3 * MM), size=1 * MM).surface) == 0
    torus = pv.ParametricTorus(ringradius=0.01, crosssectionradius=0.003).triangulate().clean()
    closed = Surface(
        points=np.asarray(torus.points, dtype=np.float64),
        triangles=np.asarray(torus.regular_faces, dtype=np.int64),
        patch_id=np.ones(torus.n_cells, dtype=np.int64),
    )
    assert count_loops(closed) == 1
    assert count_loops(ring) == 1


@both
def test_a_loop_is_traced_one_way_and_said(ring, tracer, caplog):
    with caplog.at_level(logging.WARNING):
        lines = compute_centerline(ring, tracer=tracer)
    assert lines.loops == 1
    assert "the lumen has 1 loop" in caplog.text
    top = lines.lines[0].points
    side = np.sign(top[len(top) // 2, 2])
    assert lines.lines[0].length == pytest.approx((2 * 10 + np.pi * 8) * MM, rel=0.05)
    untraced = find_untraced(ring, lines)
    assert np.sign(untraced[2]) == -side
    assert abs(untraced[2]) > 7 * MM
    x, _, z = 1e3 * untraced
    assert f"({x:.1f}, " in caplog.text
    assert f", {z:.1f}) mm" in caplog.text


def _two_tubes() -> Surface:
    """Two vessels beside each other, the outlet named `far` on the other one."""
    one = known_tube(straight(20 * MM), constant(3 * MM), size=0.8 * MM).surface
    points = np.vstack([one.points, one.points + [0.02, 0.0, 0.0]])
    triangles = np.vstack([one.triangles, one.triangles + len(one.points)])
    patch_id = np.concatenate([one.patch_id, np.array([0, 1, 4, 5])[one.patch_id]])
    roles = {
        1: ("wall", Role.WALL),
        2: ("inlet", Role.INLET),
        3: ("near", Role.OUTLET),
        4: ("beside", Role.OUTLET),
        5: ("far", Role.OUTLET),
    }
    return name_patches(points, triangles, patch_id, roles)


@both
def test_an_outlet_of_another_body_is_named_with_its_place(tracer):
    message = r"another body than the inlet.*'beside' at \(20\.0, (-)?0\.0, (-)?0\.0\) mm, 'inlet' at"
    with pytest.raises(SurfaceError, match=message):
        compute_centerline(_two_tubes(), tracer=tracer)


def test_the_tracer_tells_where_the_way_ends():
    surface = _two_tubes()
    wall = pv.PolyData.from_regular_faces(surface.points, surface.triangles[surface.patch_id == 1]).clean()
    ends = [np.array(surface.patch(name).centre) for name in ("inlet", "near", "far")]
    with pytest.raises(SurfaceError, match=r"no way.*'far'; the lumen is interrupted near \(10\.\d, .*\) mm"):
        trace(wall, ends[0], ends[1:], names=["near", "far"])


def test_missing_inlet_is_refused():
    surface = with_roles(fork(size=0.8 * MM), inlet=Role.OUTLET)
    with pytest.raises(SurfaceError, match=r"0 inlets, 3 outlets.*at least 1 inlet"):
        compute_centerline(surface)


def test_single_opening_is_refused():
    surface = fork(size=0.8 * MM)
    with pytest.raises(SurfaceError, match=r"1 inlets, 0 outlets"):
        compute_centerline(replace(surface, patches=surface.patches[:2]))


def test_hole_is_refused_with_its_place():
    surface = known_tube(straight(20 * MM), constant(3 * MM), size=0.8 * MM).surface
    middle = surface.points[surface.triangles].mean(axis=1)
    hole = int(np.linalg.norm(middle - np.array([3 * MM, 0.0, 10 * MM]), axis=1).argmin())
    kept = np.arange(len(surface.triangles)) != hole
    leaking = replace(surface, triangles=surface.triangles[kept], patch_id=surface.patch_id[kept])
    with pytest.raises(
        SurfaceError, match=r"\[centreline\] the surface is not watertight.*near \((2|3)\.\d, "
    ):
        compute_centerline(leaking)


def test_without_vmtk_the_own_tracer_steps_in(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "vmtk", None)
    surface = hairpin(size=0.9 * MM).surface
    with caplog.at_level(logging.WARNING):
        lines = compute_centerline(surface, tracer="vmtk")
    assert "vmtk is not installed" in caplog.text
    assert np.array_equal(lines.points, compute_centerline(surface).points)


def _cut_pulmonary_arteries(folder) -> Surface:
    """The normal pulmonary arteries of the atlas, cut above the valve and before their last branches."""
    mesh = pv.read(folder / "normal_PA.obj").triangulate().clean().scale(MM)
    for normal, origin in (((0, 0, 1), (0, 0, -6)), ((1, 0, 0), (-30, 0, 0)), ((-1, 0, 0), (44, 0, 0))):
        mesh = mesh.clip(normal=normal, origin=np.array(origin) * MM, invert=False)
        mesh = mesh.extract_surface(algorithm="dataset_surface").triangulate().clean().connectivity("largest")
        mesh = mesh.extract_surface(algorithm="dataset_surface")
    ends = {
        "main": (np.array([-17.3, 31.4, -5.6]) * MM, Role.INLET),
        "left": (np.array([44.0, 28.8, 26.1]) * MM, Role.OUTLET),
        "left_upper": (np.array([44.0, 50.1, 31.1]) * MM, Role.OUTLET),
        "right": (np.array([-30.0, 48.9, 39.7]) * MM, Role.OUTLET),
    }
    return capped(mesh, ends)


@pytest.mark.skipif(not vmtk_tracer.is_installed(), reason="no vmtk")
def test_tracers_agree_on_pulmonary_arteries_of_the_atlas(shared_data):
    surface = _cut_pulmonary_arteries(shared_data / "toronto_heart_atlas")
    ours = compute_centerline(surface)
    theirs = compute_centerline(surface, tracer="vmtk")
    for name in ours.outlets:
        one, other = ours.branch(name), theirs.branch(name)
        distance, nearest = cKDTree(other.points).query(one.points)
        assert (distance / other.radius[nearest]).mean() < 0.04, name
        assert one.radius.min() == pytest.approx(other.radius.min(), rel=0.02), name
    assert len(find_branches(ours)) == len(find_branches(theirs)) == 5
