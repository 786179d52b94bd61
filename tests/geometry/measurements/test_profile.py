"""Diameters along vessels: an exact throat, and the radii published with a real aorta."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.centerlines.centerline import Centerline, Line
from geometry.measurements.arch_diameters import measure_arch_diameters
from geometry.measurements.profile import compare_narrowing, measure_profile
from geometry.measurements.slicing import index_surface
from geometry.surfaces.surface import from_polydata
from hemoplan.errors import SurfaceError
from tests.geometry.vessels import straight, tube

MM = 1e-3


def radius(t):
    return 3.0 * MM - 1.5 * MM * np.exp(-(((t - 0.5) * 30.0 / 3.0) ** 2))


@pytest.fixture(scope="module")
def stenosed():
    surface = tube(straight(30 * MM), radius, size=0.3 * MM, length=30 * MM)
    z = np.linspace(0.0, 30 * MM, 121)
    line = Line(outlet="outlet", points=np.column_stack([0 * z, 0 * z, z]), radius=radius(z / (30 * MM)))
    return index_surface(surface), line


def test_profile_follows_the_exact_radius(stenosed):
    index, line = stenosed
    profile = measure_profile(index, line, begin=2 * MM, end=28 * MM, step=0.5 * MM)
    exact = 2.0 * radius(profile.arc / (30 * MM))
    assert len(profile.arc) == 53
    assert profile.equivalent == pytest.approx(exact, rel=0.015)
    assert profile.inscribed == pytest.approx(exact, rel=0.02)
    assert np.all(profile.inscribed <= profile.equivalent)


def test_outside_of_the_vessel_the_profile_has_no_value(stenosed):
    index, line = stenosed
    beyond = Line(
        outlet="outlet",
        points=np.vstack([line.points[0] - [0, 0, 2 * MM], line.points]),
        radius=np.append(line.radius[0], line.radius),
    )
    profile = measure_profile(index, beyond, step=1 * MM)
    assert np.isnan(profile.equivalent[:2]).all()
    assert np.isfinite(profile.equivalent[3:-1]).all()


def test_percent_narrowing_by_each_reference():
    found = compare_narrowing(least=2 * MM, proximal=5 * MM, distal=8 * MM)
    assert found.against_distal == pytest.approx(0.75)
    assert found.against_proximal == pytest.approx(0.6)
    assert found.against_mean == pytest.approx(1.0 - 2.0 / 6.5)
    assert found.area_against_distal == pytest.approx(0.9375)
    with pytest.raises(SurfaceError, match="three positive diameters"):
        compare_narrowing(least=0.0, proximal=5 * MM, distal=8 * MM)


def test_a_stretch_off_the_line_is_refused(stenosed):
    index, line = stenosed
    with pytest.raises(SurfaceError, match="no such stretch"):
        measure_profile(index, line, begin=2 * MM, end=40 * MM, step=1 * MM)


def test_the_real_aorta_has_the_published_radii(shared_data: Path):
    """Inscribed diameters against the published centreline's; only where the iliacs part does a section hold more."""
    index = index_surface(_metres(shared_data / "vmtk_aorta" / "aorta-surface.vtp"))
    published = pv.read(shared_data / "vmtk_aorta" / "aorta-centerline.vtp")
    for number in range(published.n_cells):
        ids = np.asarray(published.get_cell(number).point_ids)
        points = MM * np.asarray(published.points, dtype=np.float64)[ids]
        radii = MM * np.asarray(published["MaximumInscribedSphereRadius"], dtype=np.float64)[ids]
        moves = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-9])
        line = Line(outlet=str(number), points=points[moves], radius=radii[moves])
        profile = measure_profile(
            index, line, begin=line.radius[0], end=line.length - line.radius[-1], step=2 * MM
        )
        ratio = profile.inscribed / (2.0 * np.interp(profile.arc, line.arc, line.radius))
        assert np.isfinite(ratio).all()
        assert np.median(ratio) == pytest.approx(1.0, abs=0.005)
        assert np.mean(np.abs(ratio - 1.0) < 0.02) > 0.8
        assert 0.98 < ratio.min() < ratio.max() < 1.12


def _metres(path: Path):
    mesh = pv.read(path)
    mesh.points = MM * np.asarray(mesh.points, dtype=np.float64)
    return from_polydata(mesh)


HEADS = {"carotid": 0.02, "subclavian": 0.04}


def straight_arch(sides: Mapping[str, float] = HEADS) -> Centerline:
    """A straight 'arch' along x with side branches at 20 and 40 mm, radius 3 mm up to 50 mm, 4 mm beyond."""
    x = np.linspace(0.0, 0.1, 401)
    main = np.column_stack([x, 0.0 * x, 0.0 * x])
    wide = np.where(x < 0.05, 3e-3, 4e-3)
    lines, radii = [], []
    for start in sides.values():
        stem = main[x <= start]
        side = np.column_stack([np.full(60, start), np.zeros(60), np.linspace(0.0, 0.02, 61)[1:]])
        lines.append(np.concatenate([stem, side]))
        radii.append(np.concatenate([wide[x <= start], np.full(60, 1.5e-3)]))
    lines.append(main)
    radii.append(wide)
    return Centerline(
        points=np.concatenate(lines),
        radius=np.concatenate(radii),
        offsets=np.cumsum([0, *(len(line) for line in lines)]),
        outlets=(*sides, "descending"),
    )


def test_arch_diameters_are_those_of_the_arch():
    found = measure_arch_diameters(straight_arch(), distal="descending")
    assert found is not None
    assert found.transverse == pytest.approx(6e-3)
    assert found.descending == pytest.approx(8e-3)
    assert found.narrowest == pytest.approx(6e-3)
    assert measure_arch_diameters(straight_arch(), distal="nowhere") is None


def test_what_leaves_through_a_duct_is_no_head_vessel():
    with_duct = straight_arch({**HEADS, "left_pulmonary_artery": 0.09})
    assert measure_arch_diameters(with_duct, distal="descending") == measure_arch_diameters(
        straight_arch(), distal="descending"
    )
