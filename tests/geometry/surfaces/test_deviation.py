"""Distances to triangles, radii and gaps against solids of known size."""

import numpy as np
import pytest
import pyvista as pv

from geometry.surfaces.deviation import closest_triangles, measure_deviation
from geometry.surfaces.raw import as_raw
from geometry.surfaces.surface import WALL_TAG, Surface
from geometry.surfaces.thickness import inscribed_radius, wall_gap
from tests.geometry.surfaces.shapes import MM, ball, cylinder, hairpin, joined
from tests.geometry.vessels import straight, tube


def test_distance_to_a_cube() -> None:
    """Outside of [-1, 1]³ it is |max(|p| - 1, 0)|, inside 1 - max |p|."""
    cube = pv.Cube(x_length=2, y_length=2, z_length=2).triangulate().clean()
    points = np.random.default_rng(0).uniform(-3, 3, size=(3000, 3))
    beyond = np.abs(points) - 1.0
    exact = np.where(
        (beyond < 0.0).all(axis=1), -beyond.max(axis=1), np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    )
    distance, closest = closest_triangles(points, np.asarray(cube.points, dtype=float), cube.regular_faces)
    assert np.abs(distance - exact).max() < 1e-12
    assert closest.min() >= 0
    assert closest.max() < 12


def test_deviation_of_a_larger_ball() -> None:
    small, large = ball(5 * MM, nsub=5), ball(5.5 * MM, nsub=4)
    deviation = measure_deviation(large.points, small.points, small.triangles)
    assert deviation.mean == pytest.approx(0.5 * MM, rel=0.005)
    assert deviation.largest == pytest.approx(0.5 * MM, rel=0.01)
    assert np.linalg.norm(deviation.place) == pytest.approx(5.5 * MM)


def test_radius_of_a_tube_that_narrows() -> None:
    surface = tube(
        straight(30 * MM),
        lambda t: (3 - 1.5 * np.exp(-(((t - 0.5) / 0.15) ** 2))) * MM,
        size=0.4 * MM,
        length=30 * MM,
    )
    radius = inscribed_radius(surface)
    wall = np.unique(surface.triangles[surface.patch_id == WALL_TAG])
    for height, exact, tolerance in ((4.0, 3.0, 0.02), (15.0, 1.5, 0.03), (26.0, 3.0, 0.02)):
        ring = wall[np.abs(surface.points[wall, 2] - height * MM) < 0.5 * MM]
        assert np.median(radius[ring]) == pytest.approx(exact * MM, rel=tolerance)


@pytest.mark.parametrize("gap", [0.3, 0.5, 1.0])
def test_gap_between_two_legs(gap: float) -> None:
    """The vertices do not sit exactly at the narrowest place, so the gap that they see is a little wider."""
    surface = hairpin(gap * MM, size=0.3 * MM)
    gaps = wall_gap(surface, widest=3 * MM)
    narrowest = int(gaps.argmin())
    assert gap * MM * 0.97 < gaps[narrowest] < gap * MM + 0.1 * MM
    assert np.linalg.norm(surface.points[narrowest] - [0.0, 0.0, 7 * MM]) < 1.5 * MM
    # The outer side of the legs faces nothing.
    outer = np.abs(surface.points[:, 0]) > 5 * MM
    assert np.isinf(gaps[outer]).mean() > 0.95


def test_gap_of_two_balls() -> None:
    both = joined(ball(5 * MM, nsub=4), ball(5 * MM, (11 * MM, 0.0, 0.0), nsub=4))
    surface = Surface(points=both.points, triangles=both.triangles, patch_id=both.patch_id)
    assert wall_gap(surface, widest=5 * MM).min() == pytest.approx(1 * MM, rel=0.03)
    assert np.isinf(wall_gap(surface, widest=0.5 * MM)).all()


def test_caps_do_not_count_for_the_radius() -> None:
    surface = cylinder(length=4 * MM)
    radius = inscribed_radius(surface)
    assert as_raw(surface).groups[0].name == "inlet"
    assert np.median(radius) == pytest.approx(3 * MM, rel=0.03)
