"""Phantoms: CT-like images of an anatomy description, to check segmentation against an exact shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from geometry.idealised.anatomy import Anatomy, Branch
from geometry.imaging.image import Image
from hemoplan.arrays import FloatArray

SUPERSAMPLES = 3
"""Samples along a voxel's edge where a surface passes through the voxel."""


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
    margin = 3.0 * blur
    lower, upper = anatomy.field_of_view
    shape = np.floor((upper - lower) / spacing + 1.0e-9).astype(int)
    extra = int(np.ceil(margin / spacing))
    axes = [lower[axis] + spacing * (0.5 + np.arange(-extra, shape[axis] + extra)) for axis in range(3)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    values = np.full(len(centres), anatomy.background)
    for ellipsoid in anatomy.ellipsoids:
        values[ellipsoid.contains(centres)] = ellipsoid.intensity
    for neighbour in anatomy.neighbours:
        _paint(values, centres, spacing, (neighbour.tube,), neighbour.tube.distance, neighbour.intensity)
    _paint(values, centres, spacing, anatomy.branches, anatomy.distance, anatomy.blood)
    blurred = gaussian_filter(values.reshape(shape + 2 * extra), blur / spacing, mode="nearest")
    seen = blurred[tuple(slice(extra, extra + count) for count in shape)]
    seen = seen + np.random.default_rng(seed).normal(0.0, noise, size=seen.shape)
    return Image(
        voxels=seen.astype(np.float32),
        spacing=np.full(3, spacing),
        origin=lower + 0.5 * spacing,
        direction=np.eye(3),
    )


def _paint(
    values: FloatArray,
    centres: FloatArray,
    spacing: float,
    tubes: Sequence[Branch],
    distance: Callable[[FloatArray], FloatArray],
    intensity: float,
) -> None:
    """Mix the intensity of a shape into voxel values, by the fraction of each voxel that it covers."""
    half_diagonal = 0.5 * np.sqrt(3.0) * spacing
    near = np.flatnonzero(_within_reach(centres, tubes, reach=2.0 * half_diagonal))
    signed = distance(centres[near])
    cover = (signed < 0.0).astype(np.float64)
    # The distance is exact to first order only, so the band that is sampled finely is wider than the half diagonal.
    band = np.flatnonzero(np.abs(signed) < 1.2 * half_diagonal)
    steps = spacing * ((np.arange(SUPERSAMPLES) + 0.5) / SUPERSAMPLES - 0.5)
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    samples = centres[near[band], None, :] + offsets
    cover[band] = (distance(samples.reshape(-1, 3)) < 0.0).reshape(len(band), -1).mean(axis=1)
    values[near] += cover * (intensity - values[near])


def _within_reach(points: FloatArray, tubes: Sequence[Branch], *, reach: float) -> NDArray[np.bool_]:
    """(n,) whether points may lie in a tube or within a reach of it [m]: a cheap test before exact distances."""
    found = np.zeros(len(points), dtype=np.bool_)
    for tube in tubes:
        radius = float(tube.station_radii.max())
        lower = tube.centreline.min(axis=0) - radius - reach
        upper = tube.centreline.max(axis=0) + radius + reach
        inside = np.flatnonzero(np.all((points >= lower) & (points <= upper), axis=1))
        found[inside] |= tube.closer_than(points[inside], radius + reach)
    return found
