from dataclasses import replace

import numpy as np
import pytest

from geometry.centerlines.centerline import compute_centerline, read_centerline, write_centerline
from geometry.centerlines.stations import inward_bend, narrowest, nearest
from hemoplan.errors import SurfaceError
from tests.geometry.vessels import bend, fork, straight, tube

BEND = 12e-3
LENGTH = np.pi * BEND


def _throat(t):
    return 3e-3 * (1.0 - 0.6 * np.exp(-(((t - 0.5) / 0.06) ** 2)))


@pytest.fixture(scope="module")
def narrowed():
    return compute_centerline(tube(bend(BEND), _throat, size=3.5e-4, length=LENGTH))


@pytest.fixture(scope="module")
def forked():
    return compute_centerline(fork(size=6e-4))


def test_straight_tube_gives_its_axis_and_radius():
    line = compute_centerline(
        tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=5e-4, length=2e-2)
    ).branch("outlet")
    assert line.points[0] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert line.points[-1] == pytest.approx([0.0, 0.0, 2e-2], abs=1e-6)
    assert np.hypot(line.points[:, 0], line.points[:, 1]).max() < 1e-5
    assert line.radius == pytest.approx(np.full(len(line.radius), 3e-3), rel=5e-3)
    assert line.length == pytest.approx(2e-2, rel=1e-3)


def test_bend_keeps_its_curvature(narrowed):
    line = narrowed.branch("outlet")
    assert np.hypot(line.points[:, 0], line.points[:, 2]) == pytest.approx(BEND, abs=0.1e-3)
    assert line.length == pytest.approx(LENGTH, rel=5e-3)


def test_throat_is_found_with_its_radius(narrowed):
    place = narrowest(narrowed, np.array([2e-3, 0.0, BEND]))
    assert place.radius == pytest.approx(1.2e-3, rel=0.03)
    assert place.point == pytest.approx([0.0, 0.0, BEND], abs=3e-4)
    assert abs(place.tangent @ [1.0, 0.0, 0.0]) > 0.99


def test_steps_are_uniform(narrowed):
    steps = np.diff(narrowed.branch("outlet").arc)
    assert steps[:-3] == pytest.approx(np.median(steps), rel=0.05)


def test_inner_side_of_the_bend_is_its_centre(narrowed):
    inward = inward_bend(narrowest(narrowed, np.array([0.0, 0.0, BEND])), reach=5e-3)
    assert inward is not None
    assert inward @ [0.0, 0.0, -1.0] > 0.99


def test_straight_line_has_no_inner_side():
    line = compute_centerline(tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=8e-4, length=2e-2))
    assert inward_bend(nearest(line, np.array([0.0, 0.0, 1e-2])), reach=4e-3) is None


def test_fork_has_two_lines_that_share_the_trunk(forked):
    left, right = forked.branch("left"), forked.branch("right")
    assert forked.outlets == ("left", "right")
    assert left.points[-1][0] < 0.0 < right.points[-1][0]
    shared = np.flatnonzero((left.points[:40] != right.points[:40]).any(axis=1))[0]
    assert left.arc[shared] > 5e-3
    assert left.radius[-10:] == pytest.approx(2.2e-3, rel=0.03)


def test_point_off_the_vessels_is_refused(forked):
    with pytest.raises(SurfaceError, match=r"\[variant.a.near\] the point lies outside the vessels.*RAS"):
        nearest(forked, np.array([0.0, 0.05, 0.01]), where="variant.a.near")


def test_unknown_outlet_is_refused(forked):
    with pytest.raises(SurfaceError, match="left, right"):
        forked.branch("middle")


def test_file_gives_back_the_same_lines(forked, tmp_path):
    write_centerline(tmp_path / "c.vtp", forked)
    again = read_centerline(tmp_path / "c.vtp")
    assert again.outlets == forked.outlets
    assert np.array_equal(again.points, forked.points)
    assert np.array_equal(again.radius, forked.radius)
    assert np.array_equal(again.offsets, forked.offsets)
    assert np.array_equal(again.branch_id, forked.branch_id)
    assert again.inlet == "inlet"
    assert again.loops == 0


def test_file_without_branches_and_inlet_is_read(forked, tmp_path):
    write_centerline(tmp_path / "c.vtp", replace(forked, branch_id=np.empty(0, dtype=np.int64), inlet=""))
    again = read_centerline(tmp_path / "c.vtp")
    assert len(again.branch_id) == 0
    assert again.inlet == ""
    assert len(again.branch("left").branch_id) == 0


@pytest.mark.filterwarnings("ignore:The VTK reader")
@pytest.mark.parametrize("content", [None, "no vtp"])
def test_missing_or_damaged_file_is_an_error(tmp_path, content):
    path = tmp_path / "c.vtp"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SurfaceError, match="cannot read the centreline"):
        read_centerline(path)


def test_surface_without_openings_is_refused():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=1e-3, length=2e-2)
    with pytest.raises(SurfaceError, match="0 inlets, 0 outlets"):
        compute_centerline(replace(surface, patches=surface.patches[:1]))
