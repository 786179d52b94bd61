"""Contrast: how bright a lumen is, what surrounds it, and the level at which its edge lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from geometry.imaging.image import Image, VoxelArray
from geometry.segmentation.flooding import Mask, depth_in, distance_from
from hemoplan.arrays import FloatArray, IntArray

SMOOTHING = 0.75
"""Standard deviation of the Gaussian against noise, in units of the smallest spacing."""
LOCALITY = 8.0
"""Standard deviation of the Gaussian over which the brightness of the lumen is averaged, in smallest spacings."""
BLOCK = 4
"""Averages over `LOCALITY` are taken on blocks of so many voxels along an edge."""
WALL_DEPTH = 2
"""Voxels nearer to the edge than this are blurred by it and do not count for the brightness of the lumen."""
NOISE_SAMPLES = 2_000_000
"""The noise is measured from about so many differences."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A smooth field on blocks of voxels.

    Attributes:
        blocks: (bx, by, bz) value in the middle of each block.
    """

    blocks: VoxelArray

    def at(self, indices: FloatArray) -> FloatArray:
        """(n,) values at (n, 3) voxel indices, whole or fractional."""
        places = (indices - 0.5 * (BLOCK - 1)) / BLOCK
        return np.asarray(
            ndimage.map_coordinates(self.blocks, places.T, order=1, mode="nearest"), dtype=np.float64
        )

    def everywhere(self, shape: tuple[int, ...]) -> VoxelArray:
        """Values at all voxels of a grid."""
        values = self.blocks
        for axis, size in enumerate(shape):
            places = np.clip((np.arange(size) - 0.5 * (BLOCK - 1)) / BLOCK, 0.0, values.shape[axis] - 1.0)
            lower = np.minimum(places.astype(int), max(values.shape[axis] - 2, 0))
            upper = np.minimum(lower + 1, values.shape[axis] - 1)
            share = (
                (places - lower).astype(np.float32).reshape([-1 if each == axis else 1 for each in range(3)])
            )
            values = values.take(lower, axis=axis) * (1.0 - share) + values.take(upper, axis=axis) * share
        return values


def smoothed(image: Image, width: float = SMOOTHING) -> VoxelArray:
    """The image after a Gaussian of so many smallest spacings, the same in every direction of space."""
    sigma = width * image.spacing.min() / image.spacing
    return np.asarray(ndimage.gaussian_filter(image.voxels, sigma, mode="nearest"))


def measure_noise(image: Image) -> float:
    """Standard deviation of white noise, from the differences of neighbours (edges do not move a median)."""
    stride = max(1, image.voxels.size // NOISE_SAMPLES)
    differences = np.diff(image.voxels[:, ::stride], axis=0)
    return float(np.median(np.abs(differences)) / (0.6745 * np.sqrt(2.0)))


def measure_contrast(smooth: VoxelArray, region: Mask) -> Contrast:
    """Median intensity well inside a region, and of the ring from three to five voxels outside of it."""
    core = depth_in(region) > WALL_DEPTH
    inside = smooth[core] if np.count_nonzero(core) >= 20 else smooth[region]
    ring = distance_from(region, 5) > 3
    outside = smooth[ring] if ring.any() else smooth[~region]
    return Contrast(lumen=float(np.median(inside)), background=float(np.median(outside)))


def local_level(image: Image, smooth: VoxelArray, region: Mask, contrast: Contrast) -> VoxelArray:
    """Half maximum at every voxel, between the brightness of the lumen nearby and the background.

    Contrast agent thins out along a vessel, and a coil loses signal towards its ends, so the brightness of the lumen
    is a weighted mean nearby. The weight of a voxel is the square of its depth in the lumen: the middle of a wide
    vessel tells more than a thin one, which is darkened by blur. The background is the same everywhere, so that a
    bone or a vein next to the lumen does not move its edge.
    """
    depth = depth_in(region)
    deep = depth > WALL_DEPTH
    weight = depth[deep].astype(np.float32) ** 2
    where = np.argwhere(deep)
    # Far from any wide lumen the mean over the whole lumen takes over.
    faint = 1.0e-3
    total = _nearby(image, where, weight) + faint
    lumen = (_nearby(image, where, weight * smooth[deep]) + faint * contrast.lumen) / total
    field = Field(blocks=np.asarray(0.5 * (lumen + contrast.background), dtype=np.float32))
    return field.everywhere(smooth.shape)


def local_lumen(image: Image, smooth: VoxelArray, share: VoxelArray, background: float) -> Field:
    """Brightness of the lumen around every voxel, as if it were not blurred.

    Each voxel shows background + share (lumen - background). The lumen's brightness is fitted to the voxels nearby
    by least squares, those in the middle of the widest vessels counting most.

    Args:
        image: The scan.
        smooth: The scan, smoothed.
        share: How much of the contrast the blurred lumen has at each voxel, from 0 to 1.
        background: Intensity around the lumen.
    """
    counted = share > 0.2
    shares, above = share[counted], smooth[counted] - np.float32(background)
    where = np.argwhere(counted)
    weight = shares**4
    everywhere = float((weight * above).sum() / (weight * shares).sum())
    faint = 1.0e-4
    total = _nearby(image, where, weight * shares) + faint
    contrast = (_nearby(image, where, weight * above) + faint * everywhere) / total
    return Field(blocks=np.asarray(contrast + background, dtype=np.float32))


def _nearby(image: Image, where: IntArray, values: VoxelArray) -> FloatArray:
    """Sums over voxels nearby, on blocks; relative to the number of voxels in a block."""
    shape = tuple(-(-size // BLOCK) for size in image.voxels.shape)
    blocks = np.ravel_multi_index(tuple((where // BLOCK).T), shape)
    sums = np.bincount(blocks, weights=values, minlength=int(np.prod(shape))).reshape(shape)
    sigma = LOCALITY * image.spacing.min() / image.spacing / BLOCK
    return np.asarray(ndimage.gaussian_filter(sums / BLOCK**3, sigma, mode="constant"))
