import numpy as np
import pytest

from geometry.centerlines.centerline import compute_centerline
from geometry.edits import achieved_diameter, apply_variant, edit_for
from geometry.measurements.sections import cut
from hemoplan.case import Baseline, Stent, SurgicalPatch
from hemoplan.errors import SurfaceError, VariantError
from tests.geometry.vessels import bend, straight, tube

BEND = 15e-3
LENGTH = np.pi * BEND
THROAT = 1.2e-3
SETTINGS = {"size": 6e-4, "min_size": 3e-4, "edges_per_radius": 5.0}
NEAR = ("1 mm", "0 mm", "15 mm")


def _radius(t):
    return 3e-3 * (1.0 - 0.6 * np.exp(-(((t - 0.5) / 0.05) ** 2)))


@pytest.fixture(scope="module")
def vessel():
    return tube(bend(BEND), _radius, size=3.5e-4, length=LENGTH)


@pytest.fixture(scope="module")
def line(vessel):
    return compute_centerline(vessel)


def _stent(**changes):
    given = {"near": NEAR, "diameter": "5 mm", "length": "8 mm"} | changes
    return Stent.model_validate({"name": "s", "kind": "stent", **given})


def _patch(**changes):
    given = {"near": NEAR, "diameter": "5 mm", "length": "10 mm", "side": "outer"} | changes
    return SurgicalPatch.model_validate({"name": "p", "kind": "patch", **given})


def _tube_coordinates(points):
    """Exact arc length along the bend's axis, distance from it, and the outward component of the direction."""
    around = np.arctan2(points[:, 2], -points[:, 0])
    outward = np.hypot(points[:, 0], points[:, 2]) - BEND
    distance = np.hypot(outward, points[:, 1])
    return BEND * around, distance, outward / np.maximum(distance, 1e-12)


def test_baseline_is_returned_as_it_is(vessel, line):
    baseline = Baseline.model_validate({"name": "baseline", "kind": "baseline"})
    assert apply_variant(vessel, line, baseline, **SETTINGS) is vessel


def test_stented_throat_has_the_stents_radius(vessel, line):
    edited = edit_for(_stent())(vessel, line)
    arc, distance, _ = _tube_coordinates(edited.points)
    throat = (np.abs(arc - 0.5 * LENGTH) < 1e-3) & (edited.points[:, 2] > 0.0)
    assert throat.sum() > 50
    assert distance[throat] == pytest.approx(2.5e-3, abs=0.04e-3)
    assert achieved_diameter(edited, line, _stent()) == pytest.approx(5e-3, rel=2e-3)


@pytest.mark.parametrize(
    "variant", [_stent(), _patch(), _patch(side="inner")], ids=["stent", "outer", "inner"]
)
def test_edit_leaves_the_rest_alone(vessel, line, variant):
    edited = edit_for(variant)(vessel, line)
    moved = np.linalg.norm(edited.points - vessel.points, axis=1)
    arc, _, _ = _tube_coordinates(vessel.points)
    taper = 0.5 if variant.kind == "stent" else 0.75
    beyond = np.abs(arc - 0.5 * LENGTH) > 0.5 * variant.length + taper * variant.diameter + 0.5e-3
    assert beyond.sum() > 1000
    assert moved[beyond].max() == 0.0
    assert moved.max() > 1e-3


@pytest.mark.parametrize(
    "variant", [_stent(), _patch(), _patch(side="inner")], ids=["stent", "outer", "inner"]
)
def test_remeshed_result_is_as_wide_as_asked_and_keeps_its_openings(vessel, line, variant):
    result = apply_variant(vessel, line, variant, **SETTINGS)
    assert achieved_diameter(result, line, variant) == pytest.approx(5e-3, rel=0.02)
    for old, new in zip(vessel.patches, result.patches, strict=True):
        assert (new.name, new.role, new.tag) == (old.name, old.role, old.tag)
    for old, new in zip(vessel.openings, result.openings, strict=True):
        assert new.area == pytest.approx(old.area, rel=0.01)
        assert new.centre == pytest.approx(old.centre, abs=5e-5)
    far = np.array([-BEND * np.cos(0.8), 0.0, BEND * np.sin(0.8)])
    before, after = (
        cut(surface, far, np.array([np.sin(0.8), 0.0, np.cos(0.8)])) for surface in (vessel, result)
    )
    assert after.equivalent_diameter == pytest.approx(before.equivalent_diameter, rel=0.01)


@pytest.mark.parametrize(("side", "sign"), [("outer", 1.0), ("inner", -1.0)])
def test_patch_bulges_on_its_side_only(vessel, line, side, sign):
    edited = edit_for(_patch(side=side))(vessel, line)
    arc, _, outward = _tube_coordinates(vessel.points)
    moved = np.linalg.norm(edited.points - vessel.points, axis=1)
    throat = (np.abs(arc - 0.5 * LENGTH) < 1e-3) & (vessel.points[:, 2] > 0.0)
    assert moved[throat & (sign * outward < -0.9)].max() < 0.05e-3
    # A circle of 5 mm that touches the opposite wall of a 2.4 mm throat reaches 5 - 2.4 mm beyond the patch's side.
    assert moved[throat & (sign * outward > 0.98)].max() == pytest.approx(2.6e-3, abs=0.3e-3)


@pytest.mark.parametrize("make", [_stent, _patch])
def test_edit_over_an_opening_is_refused(vessel, line, make):
    with pytest.raises(
        VariantError, match=r"\[variant\.\w\] the edit runs over an opening.*is 2\d\.\d mm away"
    ):
        apply_variant(vessel, line, make(length="60 mm"), **SETTINGS)


@pytest.mark.parametrize("make", [_stent, _patch])
def test_edit_that_would_close_the_vessel_is_refused(vessel, line, make):
    with pytest.raises(VariantError, match=r"close it instead.*0\.50 mm.*more than the present 2\.\d+ mm"):
        apply_variant(vessel, line, make(diameter="0.5 mm"), **SETTINGS)


def test_place_outside_the_vessel_is_refused(vessel, line):
    with pytest.raises(SurfaceError, match=r"\[variant\.s\.near\] the point lies outside"):
        apply_variant(vessel, line, _stent(near=("0 mm", "30 mm", "0 mm")), **SETTINGS)


def test_patch_on_a_straight_vessel_is_refused():
    pipe = tube(
        straight(3e-2),
        lambda t: 3e-3 * (1 - 0.5 * np.exp(-(((t - 0.5) / 0.08) ** 2))),
        size=6e-4,
        length=3e-2,
    )
    with pytest.raises(VariantError, match="no inner and outer side"):
        apply_variant(pipe, compute_centerline(pipe), _patch(near=("0 mm", "0 mm", "15 mm")), **SETTINGS)


def test_wall_pushed_through_itself_is_refused():
    tight = tube(bend(5e-3), lambda t: np.full_like(t, 2e-3), size=4e-4, length=np.pi * 5e-3)
    with pytest.raises((VariantError, SurfaceError), match="passes through itself|not watertight"):
        apply_variant(
            tight,
            compute_centerline(tight),
            _stent(near=("0 mm", "0 mm", "5 mm"), diameter="11 mm", length="3 mm"),
            **SETTINGS,
        )
