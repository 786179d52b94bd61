"""Contrast: how bright a lumen is, what surrounds it, and the level at which its edge lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geometry.imaging.image import Image, VoxelArray

type Mask = NDArray[np.bool_]

SMOOTHING = 0.75
"""Standard deviation of the Gaussian against noise, in units of the smallest spacing."""
LOCALITY = 8.0
"""Standard deviation of the Gaussian over which the brightness of the lumen is averaged, in smallest spacings."""
WALL_DEPTH = 2.0
"""Voxels nearer to the edge than this are blurred by it and do not count for the brightness of the lumen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Intensities inside and around a lumen.

    Attributes:
        lumen: Median inside.
        background: Median of what surrounds it.
    """

    lumen: float
    background: float

    @property
    def difference(self) -> float:
        """Height of the edge."""
        return self.lumen - self.background

    @property
    def half(self) -> float:
        """Half maximum: the level at which a straight edge lies, whatever the point-spread function."""
        return 0.5 * (self.lumen + self.background)


def smoothed(image: Image) -> VoxelArray:
    """The image after a Gaussian of `SMOOTHING` smallest spacings, the same in every direction of space."""
    sigma = SMOOTHING * image.spacing.min() / image.spacing
    return np.asarray(ndimage.gaussian_filter(image.voxels, sigma, mode="nearest"))


def measure_noise(image: Image) -> float:
    """Standard deviation of white noise, from the differences of neighbours (edges do not move a median)."""
    return float(np.median(np.abs(np.diff(image.voxels, axis=0))) / (0.6745 * np.sqrt(2.0)))


def measure_contrast(smooth: VoxelArray, region: Mask) -> Contrast:
    """Median intensity well inside a region, and of the ring from three to five voxels outside of it."""
    core = ndimage.binary_erosion(region, iterations=2, border_value=1)
    inside = smooth[core] if np.count_nonzero(core) >= 20 else smooth[region]
    near = ndimage.binary_dilation(region, iterations=3)
    ring = ndimage.binary_dilation(near, iterations=2) & ~near
    outside = smooth[ring] if ring.any() else smooth[~region]
    return Contrast(lumen=float(np.median(inside)), background=float(np.median(outside)))


def local_level(image: Image, smooth: VoxelArray, region: Mask, contrast: Contrast) -> VoxelArray:
    """Half maximum at every voxel, between the brightness of the lumen nearby and the background.

    Contrast agent thins out along a vessel, and a coil loses signal towards its ends, so the brightness of the lumen
    is a weighted mean nearby. The weight of a voxel is the square of its depth in the lumen: the middle of a wide
    vessel tells more than a thin one, which is darkened by blur. The background is the same everywhere, so that a
    bone or a vein next to the lumen does not move its edge.
    """
    depth = np.pad(region, 1, mode="edge")
    depth = ndimage.distance_transform_edt(depth)[1:-1, 1:-1, 1:-1]
    weight = np.where(depth > WALL_DEPTH, depth**2, 0.0).astype(np.float32)
    sigma = LOCALITY * image.spacing.min() / image.spacing
    total = ndimage.gaussian_filter(weight, sigma, mode="constant")
    mean = ndimage.gaussian_filter(weight * smooth, sigma, mode="constant")
    # Far from any wide lumen the mean over the whole lumen takes over.
    faint = np.float32(1.0e-3)
    lumen = (mean + faint * contrast.lumen) / (total + faint)
    return np.asarray(0.5 * (lumen + contrast.background), dtype=np.float32)
