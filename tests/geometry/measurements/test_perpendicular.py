"""The section across a vessel does not depend on the direction that the search begins with."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from geometry.measurements.outlines import plane_axes
from geometry.measurements.perpendicular import cut_perpendicular
from geometry.measurements.sections import cut
from geometry.measurements.slicing import index_surface
from geometry.surfaces.surface import Surface
from tests.geometry.vessels import bend, straight, tube

MM = 1e-3
AXIS = np.array([0.0, 0.0, 1.0])


def tilted(normal, degrees):
    """Six normals at an angle to one."""
    first, second = plane_axes(normal)
    angle = np.radians(degrees)
    for turn in 2.0 * np.pi * (np.arange(6) + 0.3) / 6:
        yield np.cos(angle) * normal + np.sin(angle) * (np.cos(turn) * first + np.sin(turn) * second)


def throat(t):
    """Radius 3 mm, in the middle 0.75 mm, over 2 mm to both sides."""
    return 3.0 * MM - 2.25 * MM * np.exp(-(((t - 0.5) * 30.0 / 2.0) ** 2))


VESSELS = {
    "circle": (straight(30 * MM), lambda t: np.full_like(t, 3 * MM), 30 * MM, None, 6.0 * MM),
    "oval": (
        straight(30 * MM),
        lambda t: np.full_like(t, 2 * MM),
        30 * MM,
        lambda angle: 1.5 / np.hypot(np.cos(angle), 1.5 * np.sin(angle)),
        2.0 * np.sqrt(6.0) * MM,
    ),
    "taper": (straight(30 * MM), lambda t: (4.0 - 2.5 * t) * MM, 30 * MM, None, 5.5 * MM),
    "throat of 1.5 mm": (straight(30 * MM), throat, 30 * MM, None, 1.5 * MM),
}


@pytest.mark.parametrize("vessel", VESSELS)
@pytest.mark.parametrize("degrees", [0.0, 15.0, 25.0])
def test_a_tilted_start_gives_the_section_across(vessel, degrees):
    curve, radius, length, shape, diameter = VESSELS[vessel]
    index = index_surface(tube(curve, radius, size=0.25 * MM, length=length, shape=shape))
    middle = np.array([0.05 * MM, 0.05 * MM, 15.0 * MM])
    for start in tilted(AXIS, degrees):
        found = cut_perpendicular(index, middle, start)
        assert found.settled
        assert found.section.equivalent_diameter == pytest.approx(diameter, rel=0.01)
        assert found.section.normal @ AXIS > np.cos(np.radians(2.0))
        assert found.tilt == pytest.approx(np.radians(degrees), abs=np.radians(2.0))


def test_a_tight_bend_is_cut_across():
    index = index_surface(
        tube(bend(9 * MM), lambda t: np.full_like(t, 3 * MM), size=0.3 * MM, length=28.3 * MM)
    )
    along = np.array([1.0, 0.0, 0.0])
    for start in tilted(along, 15.0):
        found = cut_perpendicular(index, np.array([0.0, 0.0, 9.0 * MM]), start)
        assert found.section.equivalent_diameter == pytest.approx(6.0 * MM, rel=0.005)
        assert found.section.normal @ along > np.cos(np.radians(1.0))


def test_on_the_shoulder_of_an_abrupt_narrowing_the_given_plane_is_kept():
    """There r'' < -1 / r, so the section across the vessel is not the least one."""

    def shoulder(t):
        return 3.0 * MM - 1.6 * MM / (1.0 + np.exp(-(t - 0.5) * 30.0 / 0.35))

    index = index_surface(tube(straight(30 * MM), shoulder, size=0.2 * MM, length=30 * MM))
    found = cut_perpendicular(index, np.array([0.0, 0.0, 14.55 * MM]), AXIS)
    assert not found.settled
    assert found.section.normal == pytest.approx(AXIS)
    assert found.tilt == 0.0


def test_turning_the_anatomy_turns_the_section():
    surface = tube(bend(12 * MM), lambda t: (3.0 - t) * MM, size=0.3 * MM, length=12 * np.pi * MM)
    turn = Rotation.from_rotvec([0.7, -1.1, 0.4]).as_matrix()
    shift = np.array([0.03, -0.05, 0.11])
    turned = Surface(
        points=surface.points @ turn.T + shift, triangles=surface.triangles, patch_id=surface.patch_id
    )
    point = np.array([-12.0 * np.cos(1.0), 0.0, 12.0 * np.sin(1.0)]) * MM
    normal = np.array([np.sin(1.0), 0.2, np.cos(1.0)]) / np.hypot(1.0, 0.2)
    one = cut_perpendicular(index_surface(surface), point, normal).section
    other = cut_perpendicular(index_surface(turned), turn @ point + shift, turn @ normal).section
    assert other.area == pytest.approx(one.area, rel=1e-4)
    assert other.centre == pytest.approx(turn @ one.centre + shift, abs=2e-6)
    assert other.normal @ (turn @ one.normal) > np.cos(np.radians(0.5))


@pytest.mark.parametrize("size", [0.2, 0.35, 0.6])
def test_the_mesh_hardly_matters(size):
    index = index_surface(tube(straight(30 * MM), throat, size=size * MM, length=30 * MM))
    at = np.array([0.0, 0.0, 12.0 * MM])
    expected = 2.0 * float(throat(np.array(0.4)))
    found = cut_perpendicular(index, at, next(tilted(AXIS, 10.0)))
    assert found.section.equivalent_diameter == pytest.approx(expected, rel=0.02)


def test_without_the_search_a_tilt_of_25_degrees_is_five_percent():
    """What the search is for: a cylinder's section grows with 1 / cos."""
    surface = tube(straight(30 * MM), lambda t: np.full_like(t, 3 * MM), size=0.25 * MM, length=30 * MM)
    start = next(tilted(AXIS, 25.0))
    raw = cut(surface, np.array([0.0, 0.0, 15.0 * MM]), start)
    assert raw.equivalent_diameter == pytest.approx(6.0 * MM / np.sqrt(np.cos(np.radians(25.0))), rel=2e-3)
