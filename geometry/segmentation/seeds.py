"""Seeds: the voxel that a person pointed at, and whether it lies in a vessel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geometry.imaging.image import Image, VoxelArray
from geometry.segmentation.contrast import Contrast, measure_noise
from geometry.segmentation.flooding import erode
from geometry.segmentation.outcome import describe_place
from hemoplan.arrays import IntArray, Vec3
from hemoplan.errors import SegmentationError

MIN_CONTRAST = 3.0
"""Smallest accepted contrast between lumen and surroundings, in standard deviations of the noise."""
NEAR = 30.0
"""Half the edge of the box around a seed in which the surroundings are looked at, in smallest spacings."""
DARKER = 0.3
"""Least share of that box that is darker than the lumen."""


def locate_seeds(image: Image, seeds: Mapping[str, Vec3]) -> IntArray:
    """(k, 3) voxel indices of the seeds.

    Raises:
        SegmentationError: There is none, or one lies outside the image.
    """
    if not seeds:
        raise SegmentationError(
            "there is no seed",
            where="segmentation",
            expected="a point inside the vessel",
            remedy="set 'segmentation.seed'",
        )
    found = []
    for name, seed in seeds.items():
        index = np.rint(image.to_index(np.array(seed))).astype(int)
        if np.any(index < 0) or np.any(index >= image.voxels.shape):
            raise SegmentationError(
                "the seed lies outside the image",
                where=f"segmentation.{name}",
                value=describe_place(seed),
                expected=f"{_extent(image)} mm (RAS)",
                remedy="note that some viewers show LPS: there, change the sign of x and y",
            )
        found.append(index)
    return np.array(found, dtype=np.int64)


def contrast_at_seed(image: Image, smooth: VoxelArray, index: IntArray) -> Contrast:
    """Brightness next to a seed, and of what is darker around it."""
    # The middle of a vessel thinner than the neighbourhood is brighter than most of it.
    nearby = float(np.median(smooth[neighbourhood(image, index, image.spacing.max())]))
    lumen = max(nearby, float(smooth[tuple(index)]))
    around = smooth[neighbourhood(image, index, NEAR * image.spacing.min())]
    darker = around[around < lumen - MIN_CONTRAST * measure_noise(image)]
    return Contrast(lumen=lumen, background=float(np.median(darker)) if darker.size else lumen)


def check_seed(
    image: Image,
    smooth: VoxelArray,
    index: IntArray,
    contrast: Contrast,
    *,
    lower: float | None,
    upper: float | None,
    name: str,
    seed: Vec3,
) -> None:
    """Check that a seed lies in something bright.

    Raises:
        SegmentationError: It does not; the message says where the nearest bright structure is.
    """
    value = float(smooth[tuple(index)])
    low = contrast.half if lower is None else lower
    high = np.inf if upper is None else upper
    around = smooth[neighbourhood(image, index, NEAR * image.spacing.min())]
    darker_share = np.count_nonzero(around < contrast.half) / around.size
    bright = contrast.difference > MIN_CONTRAST * measure_noise(image) and darker_share > DARKER
    if low <= value <= high and (bright or lower is not None):
        return
    raise SegmentationError(
        "the seed is not inside a bright vessel",
        where=f"segmentation.{name}",
        value=f"intensity {value:.0f} at {describe_place(seed)}",
        expected=f"an intensity from {low:.0f} to {high:.0f}"
        if lower is not None or upper is not None
        else "a place that is clearly brighter than its surroundings",
        remedy=_suggest(image, smooth, index),
    )


def neighbourhood(image: Image, index: IntArray, reach: float) -> tuple[slice, slice, slice]:
    """Box around a voxel that reaches a distance [m] to every side."""
    steps = np.maximum(np.ceil(reach / image.spacing), 2).astype(int)
    lower = np.maximum(index - steps, 0)
    i, j, k = (
        slice(int(low), int(centre) + int(step) + 1)
        for low, centre, step in zip(lower, index, steps, strict=True)
    )
    return (i, j, k)


def _extent(image: Image) -> str:
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in image.voxels.shape])).reshape(3, -1).T
    world = 1e3 * image.to_world(corners.astype(np.float64))
    return ", ".join(
        f"{axis} from {low:.1f} to {high:.1f}"
        for axis, low, high in zip("xyz", world.min(axis=0), world.max(axis=0), strict=True)
    )


def _suggest(image: Image, smooth: VoxelArray, index: IntArray) -> str:
    """Where the nearest bright structure lies."""
    middle, high = (float(value) for value in np.percentile(smooth, [50.0, 99.0]))
    bright = erode(smooth > middle + 0.6 * (high - middle), 2)
    if not bright.any():
        return "move the seed into the vessel"
    candidates = np.argwhere(bright)
    offsets = (candidates - index) * image.spacing
    nearest = candidates[int(np.argmin(np.einsum("ij,ij->i", offsets, offsets)))]
    point = image.to_world(nearest.astype(np.float64))
    place = f"{describe_place(point)}, intensity {smooth[tuple(nearest)]:.0f}"
    return f"move the seed into the vessel; the nearest bright structure is at {place}"
