"""Surfaces of anatomies: on the exact shape, closed, with flat openings."""

from dataclasses import replace

import numpy as np
import pytest

from geometry.idealised.catalogue import build
from geometry.idealised.random_anatomies import random_anatomy
from geometry.idealised.roughness import decimate, roughen, seal, staircase, tilt
from geometry.idealised.triangulation import deviation, to_surface
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.remesh import measure_quality
from geometry.surfaces.surface import WALL_TAG, check_closed, enclosed_volume
from hemoplan.errors import SurfaceError

MM = 1.0e-3


def test_volume_and_openings_of_a_tube_are_exact() -> None:
    surface = to_surface(build("straight_tube", diameter=6e-3, length=30e-3), size=0.4 * MM)
    assert enclosed_volume(surface) == pytest.approx(np.pi * 9e-6 * 30e-3, rel=3e-3)
    for name, height in (("inlet", 0.0), ("outlet", 30.0 * MM)):
        patch = surface.patch(name)
        assert patch.area == pytest.approx(np.pi * 9e-6, rel=4e-3)
        assert patch.centre[2] == pytest.approx(height, abs=1e-12)
        assert abs(patch.normal[2]) == pytest.approx(1.0, abs=1e-12)


def test_volume_of_an_aneurysm_is_that_of_its_profile() -> None:
    anatomy = build("aneurysm", diameter=6e-3, dilation=2.0)
    tube = anatomy.branch("vessel")
    exact = np.trapezoid(np.pi * tube.radius(tube.arc_length) ** 2, tube.arc_length)
    assert enclosed_volume(to_surface(anatomy, size=0.4 * MM)) == pytest.approx(exact, rel=3e-3)


def test_volume_converges_with_the_second_order() -> None:
    anatomy = build("bend", diameter=6e-3)
    # Pappus: the area of the circle times the way of its centre.
    exact = np.pi * 9e-6 * anatomy.branch("vessel").length
    errors = [abs(enclosed_volume(to_surface(anatomy, size=size * MM)) / exact - 1.0) for size in (0.8, 0.4)]
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("name", ["coarctation", "pulmonary_arteries", "blalock_taussig_shunt"])
def test_surfaces_of_families_lie_on_the_shape_and_are_clean(name: str) -> None:
    anatomy = build(name)
    surface = to_surface(anatomy, size=0.3 * MM)
    check_closed(surface, where=name)
    crossing = self_intersections(surface.points, surface.triangles)
    assert not np.any(surface.patch_id[crossing] == WALL_TAG)
    assert measure_quality(surface).smallest > 0.05
    wall = np.unique(surface.triangles[surface.patch_id == WALL_TAG])
    thinnest = min(float(branch.station_radii.min()) for branch in anatomy.branches)
    assert np.abs(anatomy.distance(surface.points[wall])).max() < 0.01 * thinnest
    # Triangles cut the crease of a junction short; elsewhere they keep within a hundredth of the radius.
    assert np.quantile(np.abs(deviation(anatomy, surface)), 0.99) < 0.01 * thinnest
    assert [patch.name for patch in surface.openings] == [opening.name for opening in anatomy.openings]
    for patch, opening in zip(surface.openings, anatomy.openings, strict=True):
        assert patch.role is opening.role
        assert patch.area == pytest.approx(np.pi * opening.radius**2, rel=0.02)
        assert np.array(patch.normal) @ opening.axis == pytest.approx(1.0, abs=1e-9)
        on_cap = surface.points[surface.triangles[surface.patch_id == patch.tag]]
        assert np.abs((on_cap - opening.centre) @ opening.axis).max() < 1e-9


def test_a_slanted_cut_is_an_ellipse() -> None:
    anatomy = build("straight_tube", diameter=6e-3, length=30e-3)
    inlet, outlet = anatomy.openings
    slanted = tilt(outlet, np.radians(25.0), np.array([1.0, 0.0, 0.0]))
    surface = to_surface(anatomy, size=0.4 * MM, openings=(inlet, slanted))
    assert surface.patch("outlet").area == pytest.approx(np.pi * 9e-6 / np.cos(np.radians(25.0)), rel=5e-3)


def test_an_opening_beside_the_vessel_is_refused() -> None:
    anatomy = build("straight_tube")
    outlet = replace(anatomy.openings[1], centre=np.array([0.0, 0.0, 60e-3]))
    with pytest.raises(SurfaceError, match=r"openings.outlet.*\(0.0, 0.0, 60.0\) mm"):
        to_surface(anatomy, size=0.8 * MM, openings=(outlet,))
    middle = replace(anatomy.openings[1], centre=np.array([0.0, 0.0, 5e-3]))
    with pytest.raises(SurfaceError, match="the vessel goes on beyond the plane"):
        to_surface(anatomy, size=0.8 * MM, openings=(middle,))


def test_triangles_that_would_fuse_kissing_vessels_are_refused() -> None:
    with pytest.raises(SurfaceError, match="would fuse"):
        to_surface(random_anatomy(3, "kissing"), size=0.7 * MM)


def test_too_coarse_and_too_fine_triangles_are_refused() -> None:
    with pytest.raises(SurfaceError, match="at most its radius, 1.00 mm"):
        to_surface(build("straight_tube", diameter=2e-3), size=1.5 * MM)
    with pytest.raises(SurfaceError, match="too short for the anatomy"):
        to_surface(build("cavopulmonary_connection"), size=0.05 * MM)


def test_rough_walls_have_the_noise_that_is_asked_for_and_flat_openings() -> None:
    anatomy = build("straight_tube")
    smooth = to_surface(anatomy, size=0.5 * MM)
    rough = roughen(smooth, amplitude=0.1 * MM, seed=1)
    inner = np.setdiff1d(
        rough.triangles[rough.patch_id == WALL_TAG], rough.triangles[rough.patch_id != WALL_TAG]
    )
    assert anatomy.distance(rough.points[inner]).std() == pytest.approx(0.1 * MM, rel=0.05)
    caps = np.unique(rough.triangles[rough.patch_id != WALL_TAG])
    assert np.array_equal(rough.points[caps], smooth.points[caps])
    assert np.array_equal(roughen(smooth, amplitude=0.1 * MM, seed=1).points, rough.points)


def test_stepped_and_decimated_surfaces_are_closed_and_keep_their_volume() -> None:
    anatomy = build("stenosed_tube", diameter=6e-3, severity=0.5)
    exact = enclosed_volume(to_surface(anatomy, size=0.4 * MM, openings=()))
    stepped = staircase(anatomy, voxel=0.5 * MM)
    check_closed(stepped, where="staircase")
    assert enclosed_volume(stepped) == pytest.approx(exact, rel=0.04)
    few = decimate(seal(to_surface(anatomy, size=0.4 * MM)), 0.1)
    check_closed(few, where="decimated")
    assert len(few.triangles) < 0.12 * len(to_surface(anatomy, size=0.4 * MM).triangles)
    with pytest.raises(SurfaceError, match="Seal the surface first"):
        decimate(to_surface(anatomy, size=0.4 * MM), 0.5)
