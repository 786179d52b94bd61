"""Curves of known curvature."""

import numpy as np
import pytest

from geometry.centerlines.centerline import Line
from geometry.measurements.arch_shape import measure_arch_shape
from geometry.measurements.curvature import duct_shape, measure_course
from hemoplan.errors import SurfaceError

MM = 1e-3


def line(points, radius=1.5 * MM):
    points = np.asarray(points, dtype=float)
    return Line(outlet="duct", points=points, radius=np.full(len(points), radius))


def arc(radius, angle, count=200):
    t = np.linspace(0.0, angle, count)
    return radius * np.column_stack([np.cos(t), np.sin(t), 0.0 * t])


def wave(*, bends, radius=4 * MM, angle=np.pi):
    """Arcs of a circle in a plane, that bend to the left and to the right in turn."""
    step = 0.05 * MM
    directions = [0.0]
    for number in range(bends):
        count = round(radius * angle / step)
        directions += [directions[-1] + (-1) ** number * step / radius * each for each in range(1, count + 1)]
    heading = np.array(directions)
    return np.vstack(
        [
            np.zeros(3),
            np.cumsum(step * np.column_stack([np.cos(heading), np.sin(heading), 0 * heading]), axis=0),
        ]
    )


def test_half_a_circle():
    course = measure_course(line(arc(10 * MM, np.pi)))
    assert course.length == pytest.approx(np.pi * 10 * MM, rel=1e-4)
    assert course.tortuosity == pytest.approx(np.pi / 2 - 1, abs=1e-3)
    middle = slice(40, -40)
    assert course.curvature[middle] == pytest.approx(1.0 / (10 * MM), rel=0.02)
    # The spline is straight at its ends, over about a radius of the vessel.
    assert course.turning == pytest.approx(np.pi, abs=0.15)
    assert course.angle == pytest.approx(np.pi, abs=0.15)
    assert course.turns == pytest.approx((np.pi,), abs=0.15)


def test_noise_of_the_centreline_is_no_curvature():
    rng = np.random.default_rng(1)
    points = arc(10 * MM, np.pi, count=100) + rng.normal(scale=0.005 * MM, size=(100, 3))
    course = measure_course(line(points))
    assert course.greatest_curvature == pytest.approx(1.0 / (10 * MM), rel=0.25)
    assert len(course.turns) == 1


def test_a_helix_turns_less_than_its_projection():
    """Curvature r / (r² + c²) of the helix (r cos t, r sin t, c t)."""
    t = np.linspace(0.0, 4.0 * np.pi, 800)
    r, c = 6 * MM, 3 * MM
    course = measure_course(line(np.column_stack([r * np.cos(t), r * np.sin(t), c * t])))
    assert np.median(course.curvature) == pytest.approx(r / (r * r + c * c), rel=0.02)
    assert course.length == pytest.approx(4.0 * np.pi * np.hypot(r, c), rel=1e-4)


def test_a_part_of_a_line():
    course = measure_course(line(arc(10 * MM, np.pi)), begin=0.0, end=5.0 * np.pi * MM)
    assert course.tortuosity == pytest.approx((np.pi / 2) / np.sqrt(2.0) - 1.0, abs=1e-3)


@pytest.mark.parametrize(("bends", "kind"), [(1, "II"), (2, "III"), (3, "III")])
def test_kinds_of_duct_by_their_turns(bends, kind):
    shape = duct_shape(measure_course(line(wave(bends=bends, angle=np.radians(120.0)), radius=1.0 * MM)))
    assert shape.kind == kind
    assert len(shape.course.turns) == bends


def test_a_straight_duct_is_of_kind_one_and_class_one():
    straight = np.column_stack([np.linspace(0.0, 12 * MM, 60), np.zeros(60), np.zeros(60)])
    shape = duct_shape(measure_course(line(straight)))
    assert (shape.kind, shape.curvature_class) == ("I", "I")
    assert shape.course.tortuosity == pytest.approx(0.0, abs=1e-9)
    assert shape.course.turns == ()


def test_a_class_is_given_only_where_both_readings_of_the_index_agree():
    """Half a circle: L / D - 1 = 0.57 is class IV, 1 - D / L = 0.36 is class III."""
    assert duct_shape(measure_course(line(arc(5 * MM, np.pi)))).curvature_class is None
    assert duct_shape(measure_course(line(arc(5 * MM, 1.6 * np.pi)))).curvature_class == "IV"


def test_a_stretch_of_nothing_is_refused():
    with pytest.raises(SurfaceError, match="too short"):
        measure_course(line(arc(10 * MM, np.pi)), begin=1.0 * MM, end=1.1 * MM)
    ring = arc(10 * MM, 2.0 * np.pi)
    ring[-1] = ring[0]
    with pytest.raises(SurfaceError, match="ends where it begins"):
        measure_course(line(ring))


def arch(height, half_width, limbs=20 * MM):
    """Half an ellipse on two straight limbs, from right (x > 0) to left."""
    t = np.linspace(0.0, np.pi, 400)
    top = np.column_stack([half_width * np.cos(t), 0 * t, height * np.sin(t)])
    rise = np.linspace(-limbs, 0.0, 100, endpoint=False)
    up = np.column_stack([np.full_like(rise, half_width), 0 * rise, rise])
    down = np.column_stack([np.full_like(rise, -half_width), 0 * rise, rise[::-1]])
    return line(np.vstack([up, top, down]))


@pytest.mark.parametrize(
    ("height", "ratio", "angle"), [(12, 0.5, 90.0), (20, 20 / 24, 61.93), (6, 0.25, 126.87)]
)
def test_height_over_width_of_elliptic_arches(height, ratio, angle):
    shape = measure_arch_shape(arch(height * MM, 12 * MM), level=0.0)
    assert shape.ratio == pytest.approx(ratio, rel=2e-3)
    assert np.degrees(shape.apex_angle) == pytest.approx(angle, abs=0.3)
    assert shape.width == pytest.approx(24 * MM, rel=1e-3)


def test_the_level_by_default_is_half_way_up():
    shape = measure_arch_shape(arch(12 * MM, 12 * MM))
    assert shape.level == pytest.approx(0.5 * (-20 + 12) * MM, abs=0.1 * MM)
    assert shape.height == pytest.approx(16 * MM, abs=0.1 * MM)


def test_an_arch_that_is_cut_above_the_level_is_refused():
    with pytest.raises(SurfaceError, match="does not reach down"):
        measure_arch_shape(arch(12 * MM, 12 * MM, limbs=5 * MM), level=-8 * MM)
