import numpy as np

from geometry.surfaces.intersection import self_intersections
from tests.geometry.vessels import bend, straight, tube


def test_clean_tube_has_none():
    surface = tube(bend(9e-3), lambda t: np.full_like(t, 3e-3), size=1e-3, length=np.pi * 9e-3)
    assert len(self_intersections(surface.points, surface.triangles)) == 0


def test_two_crossing_triangles_of_unequal_size_are_found():
    points = np.array(
        [[-9, -9, 0], [9, -9, 0], [0, 9, 0], [0, 0, -0.1], [0.1, 0, 0.1], [0, 0.1, 0.1]], dtype=float
    )
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    assert self_intersections(points, triangles).tolist() == [[0, 1]]
    apart = points + np.array([[0, 0, 0]] * 3 + [[0, 0, 0.5]] * 3)
    assert len(self_intersections(apart, triangles)) == 0


def test_wall_pushed_through_the_opposite_wall_is_found():
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=1e-3, length=2e-2)
    points = surface.points.copy()
    points[np.linalg.norm(points - [3e-3, 0.0, 1e-2], axis=1) < 1.5e-3, 0] -= 7e-3
    assert len(self_intersections(points, surface.triangles)) > 0
