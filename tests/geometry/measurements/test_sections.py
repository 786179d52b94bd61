import numpy as np
import pytest

from geometry.measurements.sections import cut
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
