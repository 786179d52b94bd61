"""Every kind of defect is counted and located, and the safe repairs undo what they can."""

from dataclasses import replace

import numpy as np
import pytest

from geometry.surfaces.defects import Kind, diagnose
from geometry.surfaces.mending import mend
from geometry.surfaces.raw import RawSurface, as_raw, no_triangles, wall_only
from hemoplan.arrays import IntArray
from tests.geometry.surfaces.shapes import MM, ball, cylinder, joined, open_cylinder, with_triangles


def count(surface: RawSurface, kind: Kind) -> int:
    defect = diagnose(surface).find(kind)
    return defect.count if defect else 0


def volume(surface: RawSurface) -> float:
    a, b, c = (surface.points[surface.triangles[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def test_sound_surfaces_have_none() -> None:
    for surface in (ball(5 * MM), as_raw(cylinder())):
        diagnosis = diagnose(surface)
        assert diagnosis.sound
        assert diagnosis.defects == ()
        assert diagnosis.text.endswith("no defects")
        assert mend(surface).repairs == ()


def test_no_triangles() -> None:
    assert diagnose(no_triangles()).text.endswith("no triangles")


def test_not_finite() -> None:
    sound = ball(5 * MM)
    points = sound.points.copy()
    points[[3, 9]] = np.nan
    assert "2 (the first is point 3)" in diagnose(wall_only(points, sound.triangles)).text


def test_open_rims_are_measured() -> None:
    rims = diagnose(open_cylinder(size=0.4 * MM)).rims
    assert len(rims) == 2
    for rim in rims:
        assert rim.perimeter == pytest.approx(2.0 * np.pi * 3 * MM, rel=0.005)
        assert rim.area == pytest.approx(np.pi * (3 * MM) ** 2, rel=0.01)
        assert rim.flat
        assert not rim.torn
        assert not rim.pinhole
        # Out of the vessel: down at z = 0, up at the other end.
        assert rim.normal[2] == pytest.approx(1.0 if rim.centre[2] > 10 * MM else -1.0)
    heights = sorted(float(rim.centre[2]) for rim in rims)
    assert heights == pytest.approx([0.0, 20 * MM], abs=1e-9)


def test_hole_in_the_wall_is_told_from_a_vessel_end() -> None:
    surface = as_raw(cylinder(size=0.4 * MM))
    middle = surface.points[surface.triangles].mean(axis=1)
    kept = np.linalg.norm(middle - [3 * MM, 0.0, 10 * MM], axis=1) > 1.5 * MM
    (rim,) = diagnose(surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])).rims
    assert rim.torn
    assert np.linalg.norm(rim.centre - [3 * MM, 0.0, 10 * MM]) < 0.5 * MM


def test_small_holes_are_closed_and_large_ones_left() -> None:
    surface = as_raw(cylinder(size=0.4 * MM))
    middle = surface.points[surface.triangles].mean(axis=1)
    gap = np.linalg.norm(middle - [3 * MM, 0.0, 10 * MM], axis=1)
    for reach, rims in ((0.3, 0), (0.6, 0), (1.6, 1)):
        kept = gap > reach * MM
        holed = surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])
        mended = mend(holed)
        assert len(diagnose(mended.surface).rims) == rims
        if not rims:
            assert "small holes at (3.0, " in mended.repairs[0]
            assert volume(mended.surface) == pytest.approx(volume(surface), rel=2e-3)


@pytest.mark.parametrize("turned", [1, 100, 700])
def test_winding(turned: int) -> None:
    sound = ball(5 * MM)
    triangles = sound.triangles.copy()
    triangles[:turned] = triangles[:turned, ::-1]
    wrong = with_triangles(sound, triangles)
    assert count(wrong, Kind.WINDING) >= 3
    mended = mend(wrong)
    assert mended.repairs == (f"turned {turned} triangles against their neighbours",) or turned > 640
    assert diagnose(mended.surface).sound
    assert volume(mended.surface) == pytest.approx(volume(sound), rel=1e-12)


def test_inside_out() -> None:
    sound = ball(5 * MM)
    wrong = with_triangles(sound, sound.triangles[:, ::-1])
    assert count(wrong, Kind.INSIDE_OUT) == len(sound.triangles)
    mended = mend(wrong)
    assert mended.repairs == ("turned the surface inside out",)
    assert volume(mended.surface) == pytest.approx(volume(sound), rel=1e-12)


def test_moebius_strip_has_no_inside() -> None:
    turns = np.linspace(0.0, 2.0 * np.pi, 30, endpoint=False)
    out = np.column_stack([np.cos(turns), np.sin(turns), 0 * turns])
    across = np.cos(turns / 2)[:, None] * out + np.sin(turns / 2)[:, None] * [0.0, 0.0, 1.0]
    points = np.vstack([9 * MM * out + 2 * MM * across, 9 * MM * out - 2 * MM * across])
    rows: list[tuple[int, int, int]] = []
    for k in range(30):
        a, b = k, k + 30
        c, d = (k + 1, k + 31) if k < 29 else (30, 0)
        rows += [(a, c, b), (b, c, d)]
    assert count(wall_only(points, np.array(rows)), Kind.MOEBIUS) == 60


def test_duplicate_and_degenerate_triangles() -> None:
    sound = ball(5 * MM)
    triangles = np.vstack([sound.triangles, sound.triangles[[5, 6]], [[0, 0, 1]]])
    wrong = with_triangles(sound, triangles)
    assert count(wrong, Kind.DUPLICATE) == 2
    assert count(wrong, Kind.DEGENERATE) == 1
    mended = mend(wrong)
    assert diagnose(mended.surface).sound
    assert len(mended.surface.triangles) == len(sound.triangles)


def test_points_of_each_triangle_of_its_own() -> None:
    sound = ball(5 * MM)
    loose = wall_only(
        sound.points[sound.triangles].reshape(-1, 3), np.arange(sound.triangles.size).reshape(-1, 3)
    )
    assert count(loose, Kind.LOOSE_CORNERS) == sound.triangles.size - len(sound.points)
    mended = mend(loose)
    assert diagnose(mended.surface).sound
    assert len(mended.surface.points) == len(sound.points)


def test_crowded_edge_is_located_and_a_loose_sheet_dropped() -> None:
    sound = ball(5 * MM)
    a, b = sound.triangles[0, :2]
    tip = 1.1 * sound.points[a]
    wrong = wall_only(
        np.vstack([sound.points, tip]), np.vstack([sound.triangles, [[a, b, len(sound.points)]]])
    )
    defect = diagnose(wrong).find(Kind.CROWDED_EDGE)
    assert defect is not None
    assert defect.count == 1
    assert np.allclose(defect.places[0], sound.points[[a, b]].mean(axis=0), atol=1e-9)
    mended = mend(wrong)
    assert mended.repairs == ("dropped 1 triangles of loose sheets",)
    assert diagnose(mended.surface).sound


def test_two_balls_that_touch_at_a_vertex() -> None:
    one = ball(5 * MM)
    top = int(one.points[:, 2].argmax())
    touch = one.points[top]
    other = replace(one, points=one.points * [1, 1, -1] + 2 * touch * [0, 0, 1])
    count_points = len(one.points)
    triangles = np.where(other.triangles == top, top, other.triangles + count_points)[:, ::-1]
    both = wall_only(np.vstack([one.points, other.points]), np.vstack([one.triangles, triangles]))
    defect = diagnose(both).find(Kind.SPLIT_VERTEX)
    assert defect is not None
    assert defect.count == 1
    assert np.allclose(defect.places[0], touch)


def test_bodies_are_listed_and_crumbs_dropped() -> None:
    both = joined(ball(5 * MM), ball(3 * MM, (20 * MM, 0.0, 0.0)), ball(0.3 * MM, (0.0, 9 * MM, 0.0)))
    defect = diagnose(both).find(Kind.BODIES)
    assert defect is not None
    assert defect.count == 2
    assert np.allclose(defect.places[0], [20 * MM, 0.0, 0.0], atol=1e-5)
    mended = mend(both)
    assert mended.repairs[0].startswith("dropped 1 crumbs of together 0.1")
    assert count(mended.surface, Kind.BODIES) == 1


def test_a_spun_numbering_changes_nothing() -> None:
    """The diagnosis does not depend on the order of triangles, points and corners."""
    surface = open_cylinder()
    rng = np.random.default_rng(3)
    order = rng.permutation(len(surface.points))
    renumber = np.argsort(order)
    triangles: IntArray = renumber[surface.triangles][rng.permutation(len(surface.triangles))]
    shuffled = wall_only(surface.points[order], np.roll(triangles, 1, axis=1))
    assert {d.kind: d.count for d in diagnose(shuffled).defects} == {
        d.kind: d.count for d in diagnose(surface).defects
    }
