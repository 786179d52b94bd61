"""Leaks: vessels that touch are parted where they touch, narrow vessels are not."""

from dataclasses import replace

import numpy as np
import pytest

from geometry.idealised.anatomy import Branch
from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN
from geometry.segmentation.outcome import Concern, Segmented
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import Leaks, Settings
from hemoplan.arrays import Vec3
from hemoplan.errors import SegmentationError
from tests.geometry.segmentation.tubes import MM, SEED, anatomy_of, crossing, scan_of, tube, vertical

AORTA = vertical("aorta", 0.0, 3.0)
EXACT = np.pi * 3.0**2 * 28.0
"""Volume of the aorta in the image [mm³]."""


def find(image: Image, **seeds: Vec3) -> Segmented:
    return segment(image, Settings(seeds={"seed": SEED, **seeds}))


def volume(found: Segmented, image: Image) -> float:
    return 1e9 * np.count_nonzero(found.labels.labels == LUMEN) * image.voxel_volume


@pytest.mark.parametrize("noise", [20.0, 40.0])
@pytest.mark.parametrize(
    "other",
    [
        vertical("parallel", 6.5, 3.0),
        crossing("crossing", 6.3, 3.0),
        tube("bowed", [[9, 0, -16], [6.3, 0, 0], [9, 0, 16]], [3, 3]),
    ],
    ids=lambda branch: branch.name,
)
def test_vessels_half_a_millimetre_apart_are_parted(other: Branch, noise: float) -> None:
    image = scan_of(anatomy_of(AORTA, beside=[(other, 300.0)]), noise=noise)
    whole = segment(image, Settings(seeds={"seed": SEED}, leaks=None))
    assert volume(whole, image) > 1.5 * EXACT
    found = find(image)
    assert volume(found, image) == pytest.approx(EXACT, rel=0.06)
    (finding,) = found.findings
    assert finding.concern is Concern.LEAK_CUT
    assert finding.size == pytest.approx(1e-9 * (volume(whole, image) - volume(found, image)), rel=0.02)
    # The contact lies on the line between both axes, half way.
    x, y, _ = finding.place
    assert x == pytest.approx(3.2 * MM, abs=0.5 * MM)
    assert y == pytest.approx(0.0, abs=1.0 * MM)
    assert f"({1e3 * x:.1f}, {1e3 * y:.1f}" in finding.message


@pytest.mark.parametrize("noise", [20.0, 40.0])
def test_a_dimmer_vessel_that_lies_against_the_wall_is_cut(noise: float) -> None:
    image = scan_of(anatomy_of(AORTA, beside=[(crossing("vein", 5.8, 3.0), 200.0)]), noise=noise)
    found = find(image)
    assert volume(found, image) == pytest.approx(EXACT, rel=0.06)
    assert "dimmer than the lumen by 3" in found.findings[0].message


def test_a_second_seed_says_that_both_belong_to_the_lumen() -> None:
    image = scan_of(anatomy_of(AORTA, beside=[(crossing("graft", 6.3, 3.0), 300.0)]))
    found = find(image, graft=(6.3 * MM, 6.0 * MM, 0.0))
    assert volume(found, image) > 1.5 * EXACT
    assert not found.findings


@pytest.mark.parametrize("throat", [1.1, 1.5])
def test_a_narrowing_is_kept_and_reported(throat: float) -> None:
    narrowed = tube("aorta", [[0, 0, -25], [0, 0, 25]], [3, 3, throat / 2, 3, 3], [0, 22, 25, 28, 50])
    image = scan_of(anatomy_of(narrowed))
    found = find(image)
    reached = found.labels.labels[tuple(np.rint(image.to_index(np.array([0, 0, 12 * MM]))).astype(int))]
    assert reached == LUMEN
    (finding,) = (each for each in found.findings if each.concern is Concern.NARROW)
    assert np.linalg.norm(finding.place) < 0.6 * MM
    assert finding.size == pytest.approx(throat * MM, abs=0.8 * MM)


def test_contrast_that_thins_out_is_no_leak() -> None:
    image = scan_of(anatomy_of(AORTA), noise=0.0)
    z = image.origin[2] + image.spacing[2] * np.arange(image.voxels.shape[2])
    fading = 1.0 - 0.5 * (z - z[0]) / (z[-1] - z[0])
    noise = np.random.default_rng(1).normal(0.0, 20.0, image.voxels.shape)
    image = replace(image, voxels=(40.0 + (image.voxels - 40.0) * fading + noise).astype(np.float32))
    found = find(image)
    assert volume(found, image) == pytest.approx(EXACT, rel=0.08)
    assert not found.findings


def test_what_cannot_be_told_is_an_error_with_both_ways_out() -> None:
    """A narrow duct of 9 mm between two vessels: shape does not tell whether it belongs."""
    duct = tube("duct", [[0, 0, 0], [10.5, 0, 0]], [0.65, 0.65], parent="aorta")
    other = vertical("other", 10.5, 3.0)
    image = scan_of(anatomy_of(AORTA, duct, other), noise=10.0)
    message = r"may leak into another vessel.*mm, where the intensity falls.*second seed.*'segmentation\.lower' above"
    with pytest.raises(SegmentationError, match=message):
        find(image)
    joined = find(image, other=(10.5 * MM, 0.0, 5 * MM))
    assert volume(joined, image) > 1.9 * EXACT


def test_clear_leaks_stay_where_cutting_is_off() -> None:
    image = scan_of(anatomy_of(AORTA, beside=[(crossing("other", 6.3, 3.0), 300.0)]))
    with pytest.raises(SegmentationError, match="may leak into another vessel"):
        segment(image, Settings(seeds={"seed": SEED}, leaks=Leaks(cut=False)))
