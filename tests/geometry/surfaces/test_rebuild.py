"""Distance fields, flat cuts and rebuilt surfaces against solids of known volume."""

import numpy as np
import pytest

from geometry.surfaces.flat_caps import Plane, cap_ends, cut_flat, flatness, named
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.rebuild import choose_voxel, rebuild, zero_level
from geometry.surfaces.surface import check_closed, enclosed_volume
from geometry.surfaces.topology import euler_characteristic, find_edges
from hemoplan.errors import SurfaceError
from tests.geometry.surfaces.shapes import MM, ball, cylinder, hairpin, joined, open_cylinder


def handles(surface: RawSurface) -> int:
    return 1 - euler_characteristic(find_edges(surface.triangles), len(surface.points)) // 2


def test_zero_level_of_a_ball() -> None:
    """Linear interpolation of an exact distance leaves an error of about h²/(8 R)."""
    radius, voxel = 5 * MM, 0.5 * MM
    level = zero_level(*_of(ball(radius, (0.01, -0.02, 0.03), nsub=6)), voxel)
    check_closed(named(level), where="test")
    distance = np.linalg.norm(level.points - [0.01, -0.02, 0.03], axis=1) - radius
    assert abs(distance.mean()) < voxel**2 / (8 * radius)
    assert np.abs(distance).max() < voxel**2 / (2 * radius)


def test_zero_level_of_balls_that_overlap_is_their_union() -> None:
    """V = 2 · 4/3 pi R³ - pi (2 R - d)² (d + 4 R) d / (12 d) for two balls of radius R at distance d."""
    radius, apart = 5 * MM, 7 * MM
    both = joined(ball(radius, nsub=5), ball(radius, (apart, 0.0, 0.0), nsub=5))
    level = zero_level(*_of(both), 0.25 * MM)
    check_closed(named(level), where="test")
    lens = np.pi * (4 * radius + apart) * (2 * radius - apart) ** 2 / 12.0
    exact = 8.0 / 3.0 * np.pi * radius**3 - lens
    assert enclosed_volume(named(level)) == pytest.approx(exact, rel=2e-3)


def test_cut_halves_a_cylinder() -> None:
    surface = as_raw(cylinder())
    whole = enclosed_volume(named(surface))
    plane = Plane(
        origin=np.array([0.2, -0.1, 10.0]) * MM, axis=np.array([0.0, 0.0, 1.0]), radius=3 * MM, tag=3
    )
    cut = named(cut_flat(surface, plane, where="test"))
    check_closed(cut, where="test")
    # Vertices near the cut are moved onto it, which shifts a sliver of the wall.
    assert enclosed_volume(cut) == pytest.approx(0.5 * whole, rel=0.01)
    assert cut.patch("outlet").centre == pytest.approx((0.0, 0.0, 10 * MM), abs=1e-5)
    assert cut.patch("outlet").normal == pytest.approx((0.0, 0.0, 1.0), abs=1e-9)
    assert flatness(cut) < 1e-15


def test_cut_that_misses_the_vessel_is_refused() -> None:
    plane = Plane(
        origin=np.array([0.0, 0.0, 50.0]) * MM, axis=np.array([0.0, 0.0, 1.0]), radius=3 * MM, tag=3
    )
    with pytest.raises(
        SurfaceError, match=r"cannot be cut flat.*at \(0\.0, 0\.0, 50\.0\) mm.*Part the vessel"
    ):
        cut_flat(as_raw(cylinder()), plane, where="test")


def test_open_rims_get_flat_caps_by_size() -> None:
    surface, done = cap_ends(open_cylinder(), where="test")
    closed = named(surface)
    check_closed(closed, where="test")
    assert [patch.name for patch in closed.openings] == ["end_1", "end_2"]
    assert all("flat rim at (" in what for what in done)
    assert enclosed_volume(closed) == pytest.approx(enclosed_volume(cylinder()), rel=1e-9)


def test_ragged_rim_is_cut_behind_its_deepest_notch() -> None:
    surface = open_cylinder(size=0.4 * MM)
    middle = surface.points[surface.triangles].mean(axis=1)
    kept = middle[:, 2] < 17 * MM + 1.2 * MM * np.sin(3.0 * np.arctan2(middle[:, 1], middle[:, 0]))
    ragged = surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])
    closed, done = cap_ends(ragged, where="test")
    result = named(closed)
    check_closed(result, where="test")
    assert sum("ragged" in what for what in done) == 1
    top = max(patch.centre[2] for patch in result.openings)
    assert 14.5 * MM < top < 16 * MM
    assert flatness(result) < 1e-12


def test_rebuilt_tube_keeps_names_planes_and_volume() -> None:
    before = cylinder(size=0.3 * MM)
    after = named(rebuild(as_raw(before), size=0.3 * MM, min_size=0.2 * MM, where="test").surface)
    check_closed(after, where="test")
    # Chords of the grid lie h²/(8 R) inside of the wall, on which the volume loses 2/R of its share: 0.25 %.
    assert enclosed_volume(after) == pytest.approx(enclosed_volume(before), rel=4e-3)
    for old, new in zip(before.patches, after.patches, strict=True):
        assert (old.name, old.role, old.tag) == (new.name, new.role, new.tag)
    for old, new in zip(before.openings, after.openings, strict=True):
        assert new.centre == pytest.approx(old.centre, abs=2e-5)
        assert new.normal == pytest.approx(old.normal, abs=1e-9)
        assert new.area == pytest.approx(old.area, rel=5e-3)


def test_kissing_legs_half_a_millimetre_apart_do_not_fuse() -> None:
    before = as_raw(hairpin(0.5 * MM))
    anew = rebuild(before, size=0.8 * MM, min_size=0.25 * MM, where="test")
    assert handles(anew.surface) == 0
    assert anew.voxel <= 0.19 * MM
    assert "may have closed" not in anew.finding


def test_a_gap_that_is_too_narrow_is_said() -> None:
    voxel, finding = choose_voxel(as_raw(hairpin(0.1 * MM)), size=0.8 * MM, min_size=0.25 * MM)
    assert voxel == pytest.approx(0.1 * MM)
    assert "gaps under 0.30 mm may have closed" in finding


def test_legs_that_overlap_become_one_lumen_with_a_handle() -> None:
    before = as_raw(hairpin(-0.5 * MM))
    assert len(self_intersections(before.points, before.triangles)) > 0
    anew = rebuild(before, size=0.8 * MM, min_size=0.25 * MM, where="test")
    check_closed(named(anew.surface), where="test")
    assert handles(anew.surface) == 1


def _of(surface: RawSurface) -> tuple[np.ndarray, np.ndarray]:
    return surface.points, surface.triangles
