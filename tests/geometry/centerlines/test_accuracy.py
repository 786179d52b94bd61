"""Lines against the exact middle and inscribed radius of analytic vessels, for both tracers."""

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial import cKDTree

from geometry.centerlines import vmtk_tracer
from geometry.centerlines.centerline import Line, compute_centerline
from geometry.centerlines.centring import Wall
from geometry.idealised.anatomy import Anatomy
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role
from tests.geometry.centerlines.shapes import (
    MM,
    Known,
    arc_tube,
    capped,
    cone,
    constant,
    hairpin,
    known_tube,
    open_arch,
    oval,
    roughened,
    s_tube,
    stenosis,
    straight_tube,
)
from tests.geometry.vessels import bend, fork, straight

TRACERS = [
    "voronoi",
    pytest.param("vmtk", marks=pytest.mark.skipif(not vmtk_tracer.is_installed(), reason="no vmtk")),
]
both = pytest.mark.parametrize("tracer", TRACERS)


def _away(line: Line, known: Known) -> FloatArray:
    """Distances of a line's points from the exact middle, either way [m]."""
    there = cKDTree(known.middle).query(line.points)[0]
    assert cKDTree(line.points).query(known.middle)[0].max() < 0.5 * known.radius.max()
    return there


@both
@pytest.mark.parametrize("shape", [straight_tube, arc_tube, s_tube, cone, stenosis, oval, hairpin])
def test_middle_and_radius_of_analytic_tubes(shape, tracer):
    known = shape()
    line = compute_centerline(known.surface, tracer=tracer).lines[0]
    assert _away(line, known).mean() < 0.05 * MM
    assert _away(line, known).max() < 0.1 * MM
    exact = known.radius[cKDTree(known.middle).query(line.points)[1]]
    inner = (line.arc > exact) & (line.length - line.arc > exact)
    error = np.abs(line.radius / exact - 1.0)[inner]
    assert error.mean() < 0.01
    assert error.max() < 0.02
    steps = np.linalg.norm(np.diff(known.middle, axis=0), axis=1)
    assert line.length == pytest.approx(steps.sum(), rel=2e-3)


def test_throat_has_its_radius():
    line = compute_centerline(stenosis().surface).lines[0]
    assert line.radius.min() == pytest.approx(0.75 * MM, rel=0.01)
    assert line.points[line.radius.argmin(), 2] == pytest.approx(12 * MM, abs=0.2 * MM)


@both
@pytest.mark.parametrize(("shape", "edge"), [(arc_tube, 0.35), (s_tube, 0.3), (oval, 0.3)])
def test_rough_walls_leave_the_middle_where_it_is(shape, edge, tracer):
    known = shape()
    line = compute_centerline(roughened(known.surface, 0.2 * edge * MM), tracer=tracer).lines[0]
    assert _away(line, known).mean() < 0.12 * MM
    exact = known.radius[cKDTree(known.middle).query(line.points)[1]]
    assert (line.radius / exact).mean() == pytest.approx(1.0, abs=4 * 0.2 * edge * MM / exact.min())


@both
def test_coarse_walls(tracer):
    known = known_tube(bend(8 * MM), constant(2.5 * MM), size=1.8 * MM)
    line = compute_centerline(known.surface, tracer=tracer).lines[0]
    assert _away(line, known).max() < 0.1 * MM
    across = 2.5 * MM * np.cos(np.pi / 9)  # the section is a nonagon
    assert line.radius[5:-5] == pytest.approx(across, rel=0.02)


@both
@pytest.mark.parametrize(("size", "amplitude"), [(0.5, 0.0), (0.9, 0.0), (0.5, 0.05)])
def test_no_short_cut_between_kissing_limbs(size, amplitude, tracer):
    known = hairpin(size=size * MM)
    line = compute_centerline(roughened(known.surface, amplitude * MM), tracer=tracer).lines[0]
    assert _away(line, known).max() < 0.1 * MM


def test_long_and_thin():
    known = known_tube(straight(200 * MM), constant(0.75 * MM), size=0.45 * MM)
    line = compute_centerline(known.surface).lines[0]
    assert _away(line, known).max() < 0.03 * MM
    assert line.length == pytest.approx(200 * MM, rel=1e-4)


@both
def test_arms_of_a_fork_are_mirror_images(tracer):
    lines = compute_centerline(fork(size=0.5 * MM), tracer=tracer)
    left, right = lines.branch("left"), lines.branch("right")
    distance = cKDTree(left.points * [-1.0, 1.0, 1.0]).query(right.points)[0]
    assert distance.max() < 0.15 * MM
    upright = right.points[:, 2] > 21 * MM
    assert right.points[upright][:, 0] == pytest.approx(6.6 * MM, abs=0.05 * MM)
    assert right.radius[upright] == pytest.approx(2.2 * MM, rel=0.015)


@pytest.fixture(scope="module")
def arch(anatomy: Anatomy) -> Surface:
    return open_arch(anatomy)


@both
def test_newborn_arch_has_its_exact_middle(anatomy: Anatomy, arch: Surface, tracer):
    """The exact curves are sampled every 0.05 mm; at the start of a branch no middle is exact."""
    lines = compute_centerline(arch, tracer=tracer)
    aorta = cKDTree(anatomy.branch("aorta").centreline)
    for line in lines.lines:
        vessel = anatomy.branch(line.outlet)
        distance, nearest = cKDTree(vessel.centreline).query(line.points)
        sure = np.ones(len(distance), dtype=bool)
        if line.outlet != "aorta":
            sure = aorta.query(line.points)[0] > 5 * MM
        assert distance[sure].mean() < 0.05 * MM, line.outlet
        assert distance[sure].max() < 0.2 * MM, line.outlet
        arc = vessel.arc_length[nearest]
        even = sure & (line.length - line.arc > 3 * MM) & ((line.outlet != "aorta") | (arc > 57 * MM))
        assert line.radius[even] == pytest.approx(vessel.radius(arc[even]), rel=0.02), line.outlet
        assert (line.radius[even] / vessel.radius(arc[even])).mean() == pytest.approx(1.0, abs=0.01)
    assert lines.branch("aorta").radius.min() == pytest.approx(1.1 * MM, rel=0.02)


@both
def test_adult_aorta_agrees_with_the_published_centreline(shared_data, tracer):
    """The published radii are distances from the wall's vertices, 0.5 % more than from its triangles."""
    folder = shared_data / "vmtk_aorta"
    wall = pv.read(folder / "aorta-surface-open-ends.stl").clean().scale(MM)
    ends = {
        "aorta": (np.array([221.0, 178.0, 21.0]) * MM, Role.INLET),
        "left": (np.array([210.0, 103.0, 31.0]) * MM, Role.OUTLET),
        "right": (np.array([235.0, 102.0, 29.0]) * MM, Role.OUTLET),
    }
    surface = capped(wall, ends)
    ours = compute_centerline(surface, tracer=tracer)
    published = pv.read(folder / "aorta-centerline.vtp")
    cells = [published.get_cell(index).point_ids for index in range(published.n_cells)]
    columns = np.column_stack([published.points, published["MaximumInscribedSphereRadius"]]) * MM
    theirs = np.vstack([_finely(columns[cell]) for cell in cells])
    exact = Wall(surface.points, surface.triangles[surface.patch_id == 1]).distance(theirs[:, :3])
    for line in ours.lines:
        inner = (line.arc > 16 * MM) & (line.length - line.arc > 16 * MM)  # the published lines end inside
        distance, index = cKDTree(theirs[:, :3]).query(line.points[inner])
        assert distance.mean() < 0.1 * MM
        assert distance.max() < 0.25 * MM
        assert (line.radius[inner] / exact[index]).mean() == pytest.approx(1.0, abs=0.01)
        assert (line.radius[inner] / theirs[index, 3]).mean() == pytest.approx(1.0, abs=0.015)


def _finely(rows: FloatArray) -> FloatArray:
    at = np.linspace(0, len(rows) - 1, 20 * len(rows))
    return np.column_stack([np.interp(at, np.arange(len(rows)), column) for column in rows.T])
