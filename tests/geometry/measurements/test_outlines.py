import numpy as np
import pytest

from geometry.measurements.outlines import (
    area_and_centroid,
    caliper_diameters,
    flatten,
    inscribed_circle,
    plane_axes,
)


def ellipse(a, b, *, centre=(0.0, 0.0), turn=0.0, corners=720):
    angle = 2.0 * np.pi * np.arange(corners) / corners
    x, y = a * np.cos(angle), b * np.sin(angle)
    return np.column_stack(
        [
            centre[0] + np.cos(turn) * x - np.sin(turn) * y,
            centre[1] + np.sin(turn) * x + np.cos(turn) * y,
        ]
    )


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.9])
def test_ellipse(turn):
    polygon = ellipse(3.0, 1.0, centre=(5.0, -7.0), turn=turn)
    area, centroid = area_and_centroid(polygon)
    assert area == pytest.approx(3.0 * np.pi, rel=1e-4)
    assert centroid == pytest.approx([5.0, -7.0], abs=1e-9)
    least, greatest = caliper_diameters(polygon)
    assert least == pytest.approx(2.0, rel=1e-4)
    assert greatest == pytest.approx(6.0, rel=1e-4)
    centre, radius = inscribed_circle(polygon)
    assert radius == pytest.approx(1.0, abs=2e-3)
    assert centre == pytest.approx(
        [5.0, -7.0], abs=0.15
    )  # the ellipse is flat there: the radius hardly changes


def test_square_calipers_are_side_and_diagonal():
    least, greatest = caliper_diameters(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]))
    assert least == pytest.approx(2.0)
    assert greatest == pytest.approx(2.0 * np.sqrt(2.0))


def test_circle_in_an_l_touches_the_inner_corner():
    """Arms of width 1: it touches both outer walls and the inner corner (1, 1), so (1 - r) sqrt 2 = r."""
    polygon = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [1.0, 1.0], [1.0, 3.0], [0.0, 3.0]])
    centre, radius = inscribed_circle(polygon)
    assert radius == pytest.approx(2.0 - np.sqrt(2.0), abs=1e-3)
    assert centre == pytest.approx([radius, radius], abs=2e-3)
    area, centroid = area_and_centroid(polygon)
    assert area == pytest.approx(5.0)
    assert centroid == pytest.approx([(3 * 1.5 + 2 * 0.5) / 5, (3 * 0.5 + 2 * 2.0) / 5])


def test_orientation_does_not_matter():
    polygon = ellipse(2.0, 1.0, centre=(1.0, 1.0))
    assert area_and_centroid(polygon)[0] == pytest.approx(area_and_centroid(polygon[::-1])[0])


@pytest.mark.parametrize("normal", [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.6, -0.48, 0.64]])
def test_plane_axes_keep_lengths(normal):
    normal = np.array(normal)
    first, second = plane_axes(normal)
    assert np.cross(first, second) == pytest.approx(normal)
    points = np.random.default_rng(0).normal(size=(5, 3))
    across = points - (points @ normal)[:, None] * normal
    assert np.linalg.norm(flatten(points, np.zeros(3), normal), axis=1) == pytest.approx(
        np.linalg.norm(across, axis=1)
    )


def test_a_line_has_no_area():
    polygon = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert area_and_centroid(polygon)[0] == 0.0
    assert caliper_diameters(polygon) == pytest.approx((0.0, 2.0 * np.sqrt(2.0)))
    assert inscribed_circle(polygon)[1] == pytest.approx(0.0, abs=1e-3)
