import numpy as np
import pytest

from geometry.measurements.sections import cut, cut_all, diameters
from geometry.measurements.slicing import index_surface
from geometry.surfaces.surface import Surface
from hemoplan.errors import SurfaceError
from tests.geometry.vessels import bend, straight, tube


def _ellipse(angle):
    """Polar radius of an ellipse with half axes 1.5 and 1, in units of the minor."""
    return 1.5 / np.hypot(np.cos(angle), 1.5 * np.sin(angle))


def test_area_and_perimeter_of_an_elliptic_tube():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 2e-3), size=2e-4, length=2e-2, shape=_ellipse)
    section = cut(surface, np.array([5e-4, 1e-4, 9.3e-3]), np.array([0.0, 0.0, 1.0]))
    assert section.area == pytest.approx(np.pi * 3e-3 * 2e-3, rel=5e-3)
    # Ramanujan's second approximation
    assert section.perimeter == pytest.approx(
        np.pi * (5e-3) * (1 + 3 * 0.04 / (10 + np.sqrt(4 - 0.12))), rel=5e-3
    )
    assert section.equivalent_diameter == pytest.approx(2.0 * np.sqrt(6e-6), rel=3e-3)
    assert section.centre == pytest.approx([0.0, 0.0, 9.3e-3], abs=2e-5)


def test_oblique_cut_is_larger_by_the_cosine():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=2e-4, length=2e-2)
    tilted = cut(surface, np.array([0.0, 0.0, 1e-2]), np.array([0.0, np.sin(0.5), np.cos(0.5)]))
    assert tilted.area == pytest.approx(np.pi * 9e-6 / np.cos(0.5), rel=3e-3)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_plane_through_both_legs_of_a_bend_takes_the_leg_around_the_point(side):
    surface = tube(bend(1e-2), lambda t: 2e-3 + 1e-3 * t, size=3e-4, length=np.pi * 1e-2)
    radius = 2e-3 + 1e-3 * (0.05 if side < 0 else 0.95)
    angle = 0.05 * np.pi
    middle = np.array([side * 1e-2 * np.cos(angle), 0.0, 1e-2 * np.sin(angle)])
    section = cut(surface, middle, np.array([0.0, 0.0, 1.0]))
    assert section.centre[0] == pytest.approx(middle[0], abs=3e-4)
    assert section.area == pytest.approx(np.pi * radius**2 / np.cos(angle), rel=2e-2)


def test_plane_beside_the_surface_is_an_error():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=1e-3, length=2e-2)
    assert isinstance(surface, Surface)
    with pytest.raises(SurfaceError, match="misses the surface"):
        cut(surface, np.array([0.0, 0.0, 5e-2]), np.array([0.0, 0.0, 1.0]))


def test_the_outline_runs_once_around():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 2e-3), size=2e-4, length=2e-2, shape=_ellipse)
    section = cut(surface, np.array([5e-4, 1e-4, 9.3e-3]), np.array([0.0, 0.0, 1.0]))
    assert section.whole
    assert section.outline[:, 2] == pytest.approx(9.3e-3, abs=1e-12)
    steps = np.roll(section.outline, -1, axis=0) - section.outline
    assert np.linalg.norm(steps, axis=1).max() < 2e-4
    arms = section.outline - section.centre
    turned = np.unwrap(np.arctan2(arms[:, 1], arms[:, 0]))
    assert abs(turned[-1] - turned[0]) == pytest.approx(2.0 * np.pi, abs=0.2)
    assert np.all(np.diff(turned) > 0.0) or np.all(np.diff(turned) < 0.0)


def test_diameters_of_an_ellipse_are_its_axes():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 2e-3), size=1e-4, length=2e-2, shape=_ellipse)
    found = diameters(cut(surface, np.array([0.0, 0.0, 9.3e-3]), np.array([0.0, 0.0, 1.0])))
    assert found.greatest == pytest.approx(6e-3, rel=3e-3)
    assert found.least == pytest.approx(4e-3, rel=3e-3)
    assert found.inscribed == pytest.approx(4e-3, rel=3e-3)
    assert found.eccentricity == pytest.approx(np.sqrt(1.0 - 4.0 / 9.0), rel=3e-3)
    assert found.inscribed < found.hydraulic < found.equivalent


def test_a_plane_over_an_opening_is_not_whole():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=3e-4, length=2e-2)
    tilted = np.array([0.0, np.sin(0.6), np.cos(0.6)])
    assert cut(surface, np.array([0.0, 0.0, 1e-2]), tilted).whole
    assert not cut(surface, np.array([0.0, 0.0, 1.9e-2]), tilted).whole


def test_a_loop_that_ends_at_a_rim_is_not_whole():
    closed = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=3e-4, length=2e-2)
    wall = closed.patch_id == 1
    surface = Surface(points=closed.points, triangles=closed.triangles[wall], patch_id=closed.patch_id[wall])
    assert cut(surface, np.array([0.0, 0.0, 1e-2]), np.array([0.0, 0.0, 1.0])).whole
    along = cut_all(surface, np.array([0.0, 0.0, 1e-2]), np.array([0.0, 1.0, 0.0]))
    assert len(along) == 2  # the two sides of the tube
    assert not any(loop.whole for loop in along)


def test_both_limbs_of_a_bend_are_loops_of_their_own():
    surface = tube(bend(1e-2), lambda t: 2e-3 + 1e-3 * t, size=3e-4, length=np.pi * 1e-2)
    loops = cut_all(surface, np.array([0.0, 0.0, 2e-3]), np.array([0.0, 0.0, 1.0]))
    assert len(loops) == 2
    assert sorted(np.sign(loop.centre[0]) for loop in loops) == [-1.0, 1.0]


def test_an_index_gives_the_same_section_as_the_surface():
    surface = tube(bend(1e-2), lambda t: 2e-3 + 1e-3 * t, size=3e-4, length=np.pi * 1e-2)
    point, normal = np.array([-1e-2, 0.0, 1e-3]), np.array([0.1, 0.2, 1.0]) / np.sqrt(1.05)
    one, other = cut(surface, point, normal), cut(index_surface(surface), point, normal)
    assert one.area == other.area


def test_winding_of_the_triangles_does_not_matter():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=4e-4, length=2e-2)
    mixed = surface.triangles.copy()
    mixed[::3] = mixed[::3, [0, 2, 1]]
    point, normal = np.array([0.0, 0.0, 1.03e-2]), np.array([0.0, 0.0, 1.0])
    turned = Surface(points=surface.points, triangles=mixed, patch_id=surface.patch_id)
    assert cut(turned, point, normal).area == pytest.approx(cut(surface, point, normal).area, rel=1e-12)
