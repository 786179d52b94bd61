"""Crossings: constructed pairs, and soups of triangles against linear programming."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from geometry.surfaces.intersection import self_intersections
from hemoplan.arrays import FloatArray
from tests.geometry.surfaces.shapes import MM, ball, cylinder, hairpin, joined
from tests.geometry.vessels import bend, straight, tube


def pairs_of(points: list[list[float]], triangles: list[list[int]]) -> list[list[int]]:
    return self_intersections(np.array(points, dtype=float), np.array(triangles)).tolist()


def have_common_point(one: FloatArray, other: FloatArray) -> bool:
    """Whether two triangles have a point in common: weights a, b >= 0 of sum 1 with one·a = other·b exist."""
    rows = np.vstack([np.hstack([one.T, -other.T]), [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    return linprog(np.zeros(6), A_eq=rows, b_eq=[0, 0, 0, 1, 1], bounds=(0, None)).status == 0


def test_clean_tube_has_none() -> None:
    surface = tube(bend(9e-3), lambda t: np.full_like(t, 3e-3), size=1e-3, length=np.pi * 9e-3)
    assert len(self_intersections(surface.points, surface.triangles)) == 0


def test_two_crossing_triangles_of_unequal_size_are_found() -> None:
    points = np.array(
        [[-9, -9, 0], [9, -9, 0], [0, 9, 0], [0, 0, -0.1], [0.1, 0, 0.1], [0, 0.1, 0.1]], dtype=float
    )
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    assert self_intersections(points, triangles).tolist() == [[0, 1]]
    apart = points + np.array([[0, 0, 0]] * 3 + [[0, 0, 0.5]] * 3)
    assert len(self_intersections(apart, triangles)) == 0


def test_wall_pushed_through_the_opposite_wall_is_found() -> None:
    surface = tube(straight(2e-2), lambda t: np.full_like(t, 3e-3), size=1e-3, length=2e-2)
    points = surface.points.copy()
    points[np.linalg.norm(points - [3e-3, 0.0, 1e-2], axis=1) < 1.5e-3, 0] -= 7e-3
    assert len(self_intersections(points, surface.triangles)) > 0


@pytest.mark.parametrize(("seed", "size"), [(0, 1.0), (1, 0.4), (2, 3.0)])
def test_soups_of_triangles_against_linear_programming(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    count = 40
    corners = rng.uniform(size=(count, 1, 3)) + size * rng.uniform(-0.5, 0.5, size=(count, 3, 3))
    expected = [[i, j] for i, j in combinations(range(count), 2) if have_common_point(corners[i], corners[j])]
    found = self_intersections(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3))
    assert found.tolist() == expected
    assert expected


def test_pair_with_a_common_vertex() -> None:
    square = [[0, 0, 0], [4, 0, 0], [0, 4, 0]]
    through = [[2, 2, 1], [1, 1, -1]]  # from the common corner up, and back down through the first triangle
    beside = [[2, 2, 1], [-1, -1, 1]]
    assert pairs_of(square + [[1, 1, 1], [1.2, 1, -1]], [[0, 1, 2], [0, 3, 4]]) == [[0, 1]]
    assert pairs_of(square + beside, [[0, 1, 2], [0, 3, 4]]) == []
    assert pairs_of(square + through, [[0, 1, 2], [0, 3, 4]]) == [[0, 1]]


def test_pair_in_one_plane() -> None:
    corner = [[0, 0, 0], [4, 0, 0], [0, 4, 0]]
    assert pairs_of(corner + [[1, 1, 0], [5, 5, 0], [1, 5, 0]], [[0, 1, 2], [3, 4, 5]]) == [[0, 1]]
    assert pairs_of(corner + [[3, 3, 0], [5, 5, 0], [3, 5, 0]], [[0, 1, 2], [3, 4, 5]]) == []
    # With a common vertex the wedges decide.
    assert pairs_of(corner + [[2, 1, 0], [1, 2, 0]], [[0, 1, 2], [0, 3, 4]]) == [[0, 1]]
    assert pairs_of(corner + [[-2, 1, 0], [-1, -2, 0]], [[0, 1, 2], [0, 3, 4]]) == []


def test_pair_with_a_common_edge() -> None:
    hinge = [[0, 0, 0], [1, 0, 0], [0.5, 1, 0]]
    for angle, expected in ((180.0, []), (90.0, []), (1.0, []), (0.0, [[0, 1]])):
        tip = [0.5, 0.7 * np.cos(np.radians(angle)), 0.7 * np.sin(np.radians(angle))]
        assert pairs_of([*hinge, tip], [[0, 1, 2], [1, 0, 3]]) == expected, angle


def test_the_same_triangle_twice() -> None:
    assert pairs_of([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2], [1, 0, 2]]) == [[0, 1]]


def test_flat_caps_do_not_cross() -> None:
    surface = cylinder()
    assert len(self_intersections(surface.points, surface.triangles)) == 0


@pytest.mark.parametrize(("gap", "crosses"), [(0.5, False), (0.1, False), (-0.1, True), (-0.5, True)])
def test_kissing_vessels(gap: float, crosses: bool) -> None:
    surface = hairpin(gap * MM)
    assert bool(len(self_intersections(surface.points, surface.triangles))) is crosses


def test_place_and_scale_do_not_matter() -> None:
    """Two balls that overlap by a hundredth of the radius, in metres and in nanometres, near and far."""
    both = joined(ball(1.0), ball(1.0, (1.99, 0.0, 0.0)))
    expected = self_intersections(both.points, both.triangles)
    assert len(expected) > 0
    assert np.array_equal(self_intersections(1e-9 * both.points, both.triangles), expected)
    far = 1e-3 * both.points + np.array([0.5, -0.3, 1.7])
    assert np.array_equal(self_intersections(far, both.triangles), expected)
