"""MR-like images of an anatomy: limited k-space, coil sensitivity, Rician noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.cover import grid_of
from geometry.idealised.phantom import as_image, crop, paint_tissues
from geometry.imaging.image import Image

SOFT_TISSUE = 0.25
"""Signal of soft tissue, relative to blood with contrast agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MagneticResonance:
    """Contrast-enhanced MR angiography.

    Attributes:
        spacing: Voxel edges along x, y, z, after zero filling [m].
        resolution: Acquired resolution along x, y, z: k-space is known up to 1 / (2 resolution) [m].
        apodisation: Width of the cosine roll-off at the edge of k-space, as a share of its radius; 0 rings most.
        noise: Standard deviation of the noise in each of the two channels, relative to blood.
        bias: Half the range of the coil's sensitivity over the image, relative to its mean.
        blood: Signal of blood [arbitrary units].
    """

    spacing: tuple[float, float, float] = (0.6e-3, 0.6e-3, 0.8e-3)
    resolution: tuple[float, float, float] = (0.9e-3, 0.9e-3, 1.2e-3)
    apodisation: float = 0.5
    noise: float = 0.04
    bias: float = 0.2
    blood: float = 1000.0


def scan_mr(anatomy: Anatomy, scanner: MagneticResonance | None = None, *, seed: int = 0) -> Image:
    """Scan an anatomy by MR.

    Tissues are mixed by partial volume, multiplied by a smooth sensitivity, limited in k-space, and made magnitudes of
    signals with Gaussian noise in the real and the imaginary channel: Rician noise (Gudbjartsson and Patz, Magn Reson
    Med 1995;34:910–914, doi:10.1002/mrm.1910340618). Intensities follow from those in CT: contrast agent from soft
    tissue to blood linearly, what is brighter than blood is bone and nearly dark, as air is.

    Args:
        anatomy: What is scanned.
        scanner: How; None: the defaults.
        seed: The same seed gives the same image.
    """
    how = MagneticResonance() if scanner is None else scanner
    spacing, resolution = np.array(how.spacing), np.array(how.resolution)
    rng = np.random.default_rng(seed)
    extra = np.ceil(4.0 * resolution / spacing).astype(np.int64)
    grid = grid_of(anatomy, spacing, extra=extra)
    signal = paint_tissues(anatomy, grid, lambda hounsfield: how.blood * _signal(hounsfield, anatomy))
    signal *= _sensitivity(signal.shape, how.bias, rng)
    for axis in range(3):
        signal = _limit(signal, axis, spacing[axis], resolution[axis], how.apodisation)
    seen = crop(signal, extra)
    real, imaginary = (
        how.noise * how.blood * rng.standard_normal(seen.shape, dtype=np.float32) for _ in range(2)
    )
    return as_image(np.hypot(seen + real, imaginary), grid_of(anatomy, spacing))


def _signal(hounsfield: float, anatomy: Anatomy) -> float:
    """Signal of a tissue relative to blood, from its intensity in CT."""
    if hounsfield > anatomy.blood:
        return 0.10
    contrast = (hounsfield - anatomy.background) / (anatomy.blood - anatomy.background)
    if contrast >= 0.0:
        return float(SOFT_TISSUE + (1.0 - SOFT_TISSUE) * contrast)
    return float(np.interp(hounsfield, [-800.0, -100.0, anatomy.background], [0.02, 0.2, SOFT_TISSUE]))


def _sensitivity(shape: tuple[int, ...], bias: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """1 plus a smooth field within ± bias: a tilted and bent surface over the image, in a random direction."""
    direction = rng.normal(size=3)
    direction /= np.abs(direction).sum()
    ramps = [np.linspace(-1.0, 1.0, count) for count in shape]
    tilt = sum(
        part * ramp.reshape([-1 if own == axis else 1 for own in range(3)])
        for axis, (part, ramp) in enumerate(zip(direction, ramps, strict=True))
    )
    return np.asarray(1.0 + bias * np.sin(0.5 * np.pi * np.asarray(tilt)), dtype=np.float32)


def _limit(
    signal: NDArray[np.float32], axis: int, spacing: float, resolution: float, apodisation: float
) -> NDArray[np.float32]:
    """Leave out the spatial frequencies beyond 1 / (2 resolution), with a cosine roll-off before it (Tukey window)."""
    share = np.abs(np.fft.fftfreq(signal.shape[axis], d=spacing)) * 2.0 * resolution
    roll = np.clip((share - (1.0 - apodisation)) / max(apodisation, 1e-9), 0.0, 1.0)
    window = np.where(share <= 1.0, 0.5 * (1.0 + np.cos(np.pi * roll)), 0.0).astype(np.float32)
    shape = [-1 if own == axis else 1 for own in range(3)]
    return np.asarray(ifft(fft(signal, axis=axis) * window.reshape(shape), axis=axis).real)
