"""Phantoms: CT-like images of an anatomy description, to check segmentation against an exact shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.cover import Grid, grid_of, paint
from geometry.imaging.image import Image

type Calibration = Callable[[float], float]
"""From an intensity in CT [HU] to that of another modality."""


def voxelise(
    anatomy: Anatomy, spacing: float = 0.4e-3, *, noise: float = 20.0, blur: float = 0.35e-3, seed: int = 0
) -> Image:
    """Scan an anatomy with an idealised CT.

    Every tube covers each voxel by a fraction (partial volume by supersampling); the whole is blurred by a Gaussian
    point-spread function, then white Gaussian noise is added.

    Args:
        anatomy: What is scanned.
        spacing: Edge of the cubic voxels [m].
        noise: Standard deviation of the noise [HU].
        blur: Standard deviation of the point-spread function [m].
        seed: The same seed gives the same image.

    Returns:
        An image that fills the anatomy's field of view, its axes along x, y and z.
    """
    extra = np.full(3, int(np.ceil(3.0 * blur / spacing)))
    grid = grid_of(anatomy, np.full(3, spacing), extra=extra)
    blurred = gaussian_filter(paint_tissues(anatomy, grid), blur / spacing, mode="nearest")
    seen = crop(blurred, extra)
    noisy = seen + np.random.default_rng(seed).normal(0.0, noise, size=seen.shape)
    return as_image(noisy.astype(np.float32), grid_of(anatomy, np.full(3, spacing)))


def paint_tissues(
    anatomy: Anatomy, grid: Grid, calibration: Calibration = lambda hounsfield: hounsfield
) -> NDArray[np.float32]:
    """Voxel values of an anatomy without blur and noise, every intensity turned by a calibration."""
    values = np.full(grid.shape, calibration(anatomy.background), dtype=np.float32)
    for ellipsoid in anatomy.ellipsoids:
        scaled = [
            ((grid.axis(axis) - ellipsoid.centre[axis]) / ellipsoid.semi_axes[axis]) ** 2 for axis in range(3)
        ]
        parts = [np.flatnonzero(part < 1.0) for part in scaled]
        if not all(part.size for part in parts):
            continue
        box = tuple(slice(part[0], part[-1] + 1) for part in parts)
        x, y, z = (part[cut] for part, cut in zip(scaled, box, strict=True))
        inside = x[:, None, None] + y[None, :, None] + z[None, None, :] < 1.0
        values[box][inside] = calibration(ellipsoid.intensity)
    for neighbour in anatomy.neighbours:
        paint(values, grid, (neighbour.tube,), calibration(neighbour.intensity))
    paint(values, grid, anatomy.branches, calibration(anatomy.blood), anatomy.blend)
    return values


def crop(values: NDArray[np.float32], extra: NDArray[np.integer]) -> NDArray[np.float32]:
    """Values without `extra` cells on either side along x, y and z."""
    return values[
        tuple(slice(int(cut), size - int(cut)) for cut, size in zip(extra, values.shape, strict=True))
    ]


def as_image(voxels: NDArray[np.float32], grid: Grid) -> Image:
    """Voxels on a grid along x, y and z."""
    return Image(voxels=voxels, spacing=grid.spacing, origin=grid.lower, direction=np.eye(3))
