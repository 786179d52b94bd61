"""MR- and echo-like images: noise, blur and brightness are measured back from the images."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import erf

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.catalogue import build
from geometry.idealised.magnetic_resonance import SOFT_TISSUE, MagneticResonance, scan_mr
from geometry.idealised.phantom import voxelise
from geometry.idealised.ultrasound import STANDOFF, WHITE, Ultrasound, scan_echo

MM = 1.0e-3


@pytest.fixture(scope="module")
def wide() -> Anatomy:
    return build("straight_tube", diameter=20e-3, length=30e-3)


def test_width_of_the_ct_blur_is_measured_at_an_edge(wide: Anatomy) -> None:
    image = voxelise(wide, 0.3 * MM, noise=0.0, blur=0.5 * MM)
    points = image.to_world(
        np.stack(np.meshgrid(*map(np.arange, image.voxels.shape), indexing="ij"), axis=-1)
    )
    depth = np.hypot(points[..., 0], points[..., 1]) - 10 * MM
    middle = (np.abs(points[..., 2] - 15 * MM) < 3 * MM) & (np.abs(depth) < 1.5 * MM)
    edge = (image.voxels[middle] - 40.0) / 260.0

    def step(at: np.ndarray, place: float, width: float) -> np.ndarray:
        return 0.5 * (1.0 - erf((at - place) / (np.sqrt(2.0) * width)))

    (place, width), _ = curve_fit(step, depth[middle], edge, p0=(0.0, 0.4 * MM))
    # The blur and the width of a voxel, whose variance is h²/12, add up.
    assert width == pytest.approx(np.hypot(0.5, 0.3 / np.sqrt(12.0)) * MM, rel=0.02)
    # Around a curved edge the mean of a blur moves inwards by half its variance over the radius.
    assert place == pytest.approx(-0.5 * width**2 / (10 * MM), abs=0.01 * MM)


def test_air_in_mr_has_the_rician_floor_and_blood_the_gaussian_noise(wide: Anatomy) -> None:
    in_air = replace(wide, background=-800.0)
    how = MagneticResonance(noise=0.05, bias=0.0)
    image = scan_mr(in_air, how, seed=2)
    points = image.to_world(
        np.stack(np.meshgrid(*map(np.arange, image.voxels.shape), indexing="ij"), axis=-1)
    )
    radius = np.hypot(points[..., 0], points[..., 1])
    inside = (radius < 7 * MM) & (np.abs(points[..., 2] - 15 * MM) < 8 * MM)
    assert image.voxels[inside].mean() == pytest.approx(1000.0, rel=0.01)
    assert image.voxels[inside].std() == pytest.approx(50.0, rel=0.08)
    # Where the signal is nothing beside the noise the magnitude is Rayleigh: its mean is sqrt(pi / 2) deviations.
    silent = scan_mr(replace(in_air, blood=300.0), MagneticResonance(noise=5.0, bias=0.0), seed=3)
    outside = silent.voxels[radius > 12 * MM]
    assert outside.mean() == pytest.approx(5000.0 * np.sqrt(0.5 * np.pi), rel=0.03)


def test_frequencies_beyond_the_acquired_ones_are_missing(wide: Anatomy) -> None:
    how = MagneticResonance(
        spacing=(0.5 * MM,) * 3, resolution=(1.0 * MM, 1.0 * MM, 2.0 * MM), noise=0.0, bias=0.0
    )
    image = scan_mr(wide, how)
    tall = scan_mr(
        wide, MagneticResonance(spacing=(0.5 * MM,) * 3, resolution=(0.5 * MM,) * 3, noise=0.0, bias=0.0)
    )
    for axis, limit in ((0, 1.0 * MM), (2, 2.0 * MM)):
        beyond = np.abs(np.fft.fftfreq(image.voxels.shape[axis], d=0.5 * MM)) > 1.15 / (2.0 * limit)
        part, whole = (
            np.take(_spectrum(scan.voxels, axis), np.flatnonzero(beyond), axis=axis) for scan in (image, tall)
        )
        assert part.sum() < 0.02 * whole.sum()


def _spectrum(voxels: np.ndarray, axis: int) -> np.ndarray:
    """Power along an axis, of values faded out at its ends: the jump from one end to the other adds no frequency."""
    window = np.hanning(voxels.shape[axis]).reshape([-1 if own == axis else 1 for own in range(3)])
    return np.abs(np.fft.fft((voxels - voxels.mean()) * window, axis=axis)) ** 2


def test_sensitivity_of_the_coil_is_smooth_and_within_its_bounds(wide: Anatomy) -> None:
    even = scan_mr(wide, MagneticResonance(noise=0.0, bias=0.0), seed=1)
    bent = scan_mr(wide, MagneticResonance(noise=0.0, bias=0.3), seed=1)
    ratio = bent.voxels / even.voxels
    assert ratio.min() > 0.69 and ratio.max() < 1.31
    assert np.ptp(ratio) > 0.15
    assert max(np.abs(np.diff(ratio, axis=axis)).max() for axis in range(3)) < 0.03


def test_voxels_of_mr_are_anisotropic_and_tissues_have_their_contrast(anatomy: Anatomy) -> None:
    image = scan_mr(anatomy, MagneticResonance(noise=0.0, bias=0.0))
    assert image.spacing == pytest.approx([0.6e-3, 0.6e-3, 0.8e-3])
    aorta = anatomy.branch("aorta").point(10 * MM)
    i, j, k = np.rint(image.to_index(aorta)).astype(int)
    assert image.voxels[i, j, k] == pytest.approx(1000.0, rel=0.03)
    assert np.median(image.voxels) == pytest.approx(1000.0 * SOFT_TISSUE, rel=0.05)


def test_speckle_of_tissue_is_rayleigh_distributed(wide: Anatomy) -> None:
    """Fully developed speckle has the signal-to-noise ratio 1.91 = sqrt(pi / (4 - pi)) before compression."""
    grey = replace(wide, blood=wide.background)
    how = Ultrasound(compensation=1.0, noise=0.0, dynamic_range=100.0, blood=1.0, spacing=0.15 * MM)
    block = build_small(grey)
    amplitude = _amplitude(scan_echo(block, how, seed=4).voxels, how)
    inside = amplitude[amplitude > 1e-5]
    # Between beams the converter interpolates, which takes some of the noise away.
    assert inside.mean() / inside.std() == pytest.approx(np.sqrt(np.pi / (4.0 - np.pi)), rel=0.2)
    assert inside.mean() == pytest.approx(0.1, rel=0.1)


def build_small(anatomy: Anatomy) -> Anatomy:
    return replace(anatomy, field_of_view=MM * np.array([[-5.0, -5.0, 10.0], [5.0, 5.0, 22.0]]))


def _amplitude(voxels: np.ndarray, how: Ultrasound) -> np.ndarray:
    return 10.0 ** ((voxels / WHITE - 1.0) * how.dynamic_range / 20.0)


def test_depth_attenuates_as_much_as_is_not_compensated(wide: Anatomy) -> None:
    grey = replace(
        wide, blood=wide.background, field_of_view=MM * np.array([[-6.0, -6.0, -20.0], [6.0, 6.0, 20.0]])
    )
    how = Ultrasound(
        attenuation=0.5, frequency=8.0, compensation=0.5, noise=0.0, dynamic_range=120.0, blood=1.0
    )
    image = scan_echo(grey, how, seed=1)
    heights = image.origin[2] + image.spacing[2] * np.arange(image.voxels.shape[2])
    middle = [slice(s // 2 - 4, s // 2 + 4) for s in image.voxels.shape[:2]]
    level = (_amplitude(image.voxels[middle[0], middle[1]], how)).mean(axis=(0, 1))
    slope = np.polyfit(20.0 * MM + STANDOFF - heights, 20.0 * np.log10(level), 1)[0]
    # Both ways at half the attenuation: 2 × 0.5 dB/cm/MHz × 8 MHz × 0.5 = 4 dB/cm.
    assert slope == pytest.approx(-400.0, rel=0.1)


def test_nothing_is_seen_outside_of_the_sector_and_vessels_are_dark(anatomy: Anatomy) -> None:
    image = scan_echo(anatomy, seed=2)
    corner = image.voxels[:4, :, -4:]
    assert np.all(corner == 0.0)
    deep = anatomy.branch("aorta").point(12 * MM)
    i, j, k = np.rint(image.to_index(deep)).astype(int)
    vessel = image.voxels[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3].mean()
    assert vessel < np.median(image.voxels[image.voxels > 0.0]) - 40.0


def test_the_same_seed_gives_the_same_image(anatomy: Anatomy) -> None:
    small = build_small(anatomy)
    for scan in (scan_mr, scan_echo):
        one, again, other = scan(small, seed=3), scan(small, seed=3), scan(small, seed=4)
        assert np.array_equal(one.voxels, again.voxels)
        assert not np.array_equal(one.voxels, other.voxels)
