"""Openings found on anatomies whose openings are known, on a scan that cuts vessels off, and on a published surface."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.idealised.catalogue import build
from geometry.idealised.triangulation import to_surface
from geometry.openings.finding import Kind, find_openings, from_patches
from geometry.surfaces.raw import as_raw
from geometry.surfaces.surface import WALL_TAG, Surface, from_polydata
from hemoplan.case import Case

MM = 1.0e-3


@pytest.mark.parametrize(
    "family", ["straight_tube", "bend", "bifurcation", "coarctation", "blalock_taussig_shunt"]
)
def test_round_tips_are_found_and_cut_where_the_vessel_is_full(family: str) -> None:
    """A tube of an anatomy ends in half a sphere around its last point, so it is full just there."""
    anatomy = build(family)
    found = find_openings(to_surface(anatomy, size=0.5 * MM, openings=()))
    assert len(found) == len(anatomy.openings)
    for opening in anatomy.openings:
        each = min(found, key=lambda each: float(np.linalg.norm(each.centre - opening.centre)))
        assert each.kind is Kind.TIP
        assert each.confidence == 1.0
        assert np.linalg.norm(each.centre - opening.centre) < 0.15 * opening.radius, opening.name
        assert each.radius == pytest.approx(opening.radius, rel=0.02), opening.name
        assert each.axis @ opening.axis > np.cos(np.radians(5.0)), opening.name


def test_a_blind_sac_is_no_tube() -> None:
    found = find_openings(to_surface(build("saccular_aneurysm"), size=0.5 * MM, openings=()))
    [sac] = [each for each in found if each.confidence < 1.0]
    assert sac.axis[1] > 0.9
    assert "no tube behind it" in sac.reason


def test_vessels_that_leave_the_image(closed_surface: Surface, case: Case) -> None:
    found = find_openings(closed_surface)
    kinds = {}
    for entry in case.openings:
        each = min(found, key=lambda each: float(np.linalg.norm(each.tip - np.array(entry.near))))
        kinds[entry.name] = each.kind
    assert kinds.pop("ascending_aorta") is Kind.TIP  # ends within the image
    assert set(kinds.values()) == {Kind.BORDER}


@pytest.mark.parametrize("tilt", [0.0, 30.0, 45.0])
def test_an_oblique_face_is_cut_across_the_vessel(tilt: float) -> None:
    """The face crosses the axis at 38 mm, so its near edge lies 3.5 mm tan(tilt) deeper; the cut may lose 2 %."""
    anatomy = build("straight_tube")
    inlet, outlet = anatomy.openings
    angle = np.radians(tilt)
    face = replace(
        outlet, centre=np.array([0.0, 0.0, 38.0 * MM]), axis=np.array([np.sin(angle), 0.0, np.cos(angle)])
    )
    closed = to_surface(anatomy, size=0.5 * MM, openings=(inlet, face))
    closed = replace(closed, patch_id=np.full(len(closed.triangles), WALL_TAG), patches=())
    found = find_openings(closed)
    [upper] = [each for each in found if each.tip[2] > 20.0 * MM]
    assert upper.kind is Kind.BORDER or tilt > 30.0
    assert upper.confidence == 1.0
    assert upper.axis[2] > np.cos(np.radians(1.0))
    assert upper.centre[2] < (38.0 - 3.5 * np.tan(angle) + 0.3) * MM
    assert upper.centre[2] > (38.0 - 3.5 * np.tan(angle) - 1.3 * 3.5) * MM
    assert np.linalg.norm(upper.centre[:2]) < 0.1 * MM
    assert upper.radius == pytest.approx(3.5 * MM, rel=0.01)


def test_open_rims_and_a_closed_tip(closed_surface: Surface, open_surface: Surface) -> None:
    """The caps taken off, the rims are where the caps were; an inside-out surface has the same openings."""
    kept = open_surface.patch_id == WALL_TAG
    raw = as_raw(open_surface)
    for turn in (1, -1):
        open_ended = replace(
            raw, triangles=raw.triangles[kept][:, ::turn], patch_id=raw.patch_id[kept], groups=()
        )
        found = find_openings(open_ended)
        assert [each.kind for each in found] == [Kind.RIM] * 5
        for patch in open_surface.openings:
            each = min(found, key=lambda each: float(np.linalg.norm(each.centre - patch.centre)))
            assert np.linalg.norm(each.centre - patch.centre) < 0.05 * MM
            assert each.axis @ np.array(patch.normal) > 0.9999
            assert np.pi * each.radius**2 == pytest.approx(patch.area, rel=1e-3)


def test_caps_are_openings(open_surface: Surface) -> None:
    found = find_openings(open_surface)
    assert [each.kind for each in found] == [Kind.CAP] * 5
    by_patch = sorted(from_patches(open_surface.openings), key=lambda each: -each.radius)
    for one, other in zip(found, by_patch, strict=True):
        assert one.centre == pytest.approx(other.centre, abs=1e-12)


def test_published_aorta(shared_data: Path) -> None:
    """The published surface with open ends was cut by hand; found on the one with closed ends, within 1 mm of it."""
    folder = shared_data / "vmtk_aorta"
    rims = find_openings(as_raw(_load(folder / "aorta-surface-open-ends.stl")))
    tips = find_openings(_load(folder / "aorta-surface.vtp"))
    assert [each.kind for each in rims] == [Kind.RIM] * 3
    assert len(tips) == 3
    for rim in rims:
        tip = min(tips, key=lambda each: float(np.linalg.norm(each.centre - rim.centre)))
        assert np.linalg.norm(tip.centre - rim.centre) < 1.0 * MM
        assert tip.axis @ rim.axis > 0.85
        assert tip.radius == pytest.approx(rim.radius, rel=0.05)


def _load(path: Path) -> Surface:
    mesh = pv.read(path).triangulate().clean()
    mesh.points = np.asarray(mesh.points, dtype=np.float64) * MM
    return from_polydata(mesh)
