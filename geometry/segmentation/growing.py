"""Segmentation: the lumen of a contrast-filled vessel, grown from one seed between limits found around it."""

from __future__ import annotations

import logging

import numpy as np
from scipy import ndimage

from geometry.imaging.image import Image, VoxelArray
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.contrast import (
    Contrast,
    Mask,
    local_level,
    measure_contrast,
    measure_noise,
    smoothed,
)
from hemoplan.arrays import FloatArray, Vec3
from hemoplan.errors import SegmentationError

MAX_SHARE = 0.25
"""A lumen that fills more than this share of the image has leaked."""
MIN_CONTRAST = 3.0
"""Smallest accepted contrast between lumen and surroundings, in standard deviations of the noise."""
MIN_VOXELS = 200
"""A lumen of fewer voxels cannot be meshed."""
ROUNDS = 8
"""Most rounds of growing and measuring again with one level for the whole lumen …"""
SETTLED = 0.005
"""… which end when the level changes by less than this share of the contrast …"""
LOCAL_ROUNDS = 2
"""… and rounds with a level that changes from place to place."""
TOO_BRIGHT = 0.75
"""What is brighter than the lumen by this share of the contrast is something else, such as bone …"""
MAX_BRIGHT_SHARE = 0.02
"""… and means a leak where it makes up more than this share of the region."""

_log = logging.getLogger(__name__)


def segment_lumen(
    image: Image, seed: Vec3, *, lower: float | None = None, upper: float | None = None
) -> LabelMap:
    """Grow the lumen from a seed.

    The lower limit is the half maximum between the lumen and its surroundings, measured around the seed first, then
    around what has grown until it settles, and last from place to place. Side branches thinner than three voxels
    are dropped, and enclosed holes are filled.

    Args:
        image: A scan in which the lumen is brighter than its surroundings.
        seed: A point inside the lumen, world coordinates (RAS) [m].
        lower: Lowest intensity of the lumen; found where absent.
        upper: Highest intensity of the lumen; unlimited where absent.

    Returns:
        A map with the one label `lumen`. Its level is `lower` where that was given.

    Raises:
        SegmentationError: The seed is not inside a bright structure, or the region leaks.
    """
    index = _seed_index(image, seed)
    smooth = smoothed(image)
    where = _describe(seed)
    contrast = _contrast_at_seed(image, smooth, index)
    _check_seed(image, smooth, index, contrast, lower=lower, upper=upper, where=where)
    if lower is None:
        region = _grow_by_contrast(image, smooth, index, contrast, upper=upper, where=where)
    else:
        region = _grow(smooth, index, lower, upper)
    region = ndimage.binary_fill_holes(_prune(region, index))
    _check_region(region, where=where)
    if upper is None:
        _check_brightness(smooth, region)
    _log.info("lumen grown from %s: %d voxels", where, int(region.sum()))
    return LabelMap(
        labels=region.astype(np.uint8) * np.uint8(LUMEN),
        spacing=image.spacing,
        origin=image.origin,
        direction=image.direction,
        names={LUMEN: "lumen"},
        level=lower,
    )


def _grow_by_contrast(
    image: Image,
    smooth: VoxelArray,
    index: tuple[int, int, int],
    contrast: Contrast,
    *,
    upper: float | None,
    where: str,
) -> Mask:
    """Grow at the half maximum, measure it again around what has grown, until it settles."""
    region = _grow(smooth, index, contrast.half, upper)
    for _ in range(ROUNDS):
        _check_region(region, where=where)
        before, contrast = contrast, measure_contrast(smooth, region)
        region = _grow(smooth, index, contrast.half, upper)
        if abs(contrast.half - before.half) < SETTLED * contrast.difference:
            break
    for _ in range(LOCAL_ROUNDS):
        _check_region(region, where=where)
        region = _grow(smooth, index, local_level(image, smooth, region, contrast), upper)
    return region


def _seed_index(image: Image, seed: Vec3) -> tuple[int, int, int]:
    index = np.rint(image.to_index(np.array(seed))).astype(int)
    if np.any(index < 0) or np.any(index >= image.voxels.shape):
        corners = np.array(np.meshgrid(*[(0, size - 1) for size in image.voxels.shape])).reshape(3, -1).T
        world = 1e3 * image.to_world(corners.astype(np.float64))
        ranges = ", ".join(
            f"{axis} from {low:.1f} to {high:.1f}"
            for axis, low, high in zip("xyz", world.min(axis=0), world.max(axis=0), strict=True)
        )
        raise SegmentationError(
            "the seed lies outside the image",
            where="segmentation.seed",
            value=_describe(seed),
            expected=f"{ranges} mm (RAS)",
            remedy="note that some viewers show LPS: there, change the sign of x and y",
        )
    i, j, k = (int(value) for value in index)
    return (i, j, k)


def _neighbourhood(image: Image, index: tuple[int, int, int], reach: float) -> tuple[slice, slice, slice]:
    """Box around a voxel that reaches a distance [m] to every side."""
    steps = np.maximum(np.ceil(reach / image.spacing), 2).astype(int)
    lower = np.maximum(np.array(index) - steps, 0)
    i, j, k = (
        slice(int(low), centre + int(step) + 1) for low, centre, step in zip(lower, index, steps, strict=True)
    )
    return (i, j, k)


def _contrast_at_seed(image: Image, smooth: VoxelArray, index: tuple[int, int, int]) -> Contrast:
    lumen = float(np.median(smooth[_neighbourhood(image, index, image.spacing.max())]))
    around = smooth[_neighbourhood(image, index, 30.0 * image.spacing.min())]
    darker = around[around < lumen - MIN_CONTRAST * measure_noise(image)]
    return Contrast(lumen=lumen, background=float(np.median(darker)) if darker.size else lumen)


def _check_seed(
    image: Image,
    smooth: VoxelArray,
    index: tuple[int, int, int],
    contrast: Contrast,
    *,
    lower: float | None,
    upper: float | None,
    where: str,
) -> None:
    value = float(smooth[index])
    low = contrast.half if lower is None else lower
    high = np.inf if upper is None else upper
    around = smooth[_neighbourhood(image, index, 30.0 * image.spacing.min())]
    darker_share = np.count_nonzero(around < contrast.half) / around.size
    bright = contrast.lumen - contrast.background > MIN_CONTRAST * measure_noise(image) and darker_share > 0.3
    if low <= value <= high and (bright or lower is not None):
        return
    raise SegmentationError(
        "the seed is not inside a bright vessel",
        where="segmentation.seed",
        value=f"intensity {value:.0f} at {where}",
        expected=f"an intensity from {low:.0f} to {high:.0f}"
        if lower is not None or upper is not None
        else "a place that is clearly brighter than its surroundings",
        remedy=_suggest(image, smooth, index),
    )


def _suggest(image: Image, smooth: VoxelArray, index: tuple[int, int, int]) -> str:
    """Where the nearest bright structure lies."""
    middle, high = (float(value) for value in np.percentile(smooth, [50.0, 99.0]))
    threshold = middle + 0.6 * (high - middle)
    bright = ndimage.binary_erosion(smooth > threshold, iterations=2)
    if not bright.any():
        return "move the seed into the vessel"
    candidates = np.argwhere(bright)
    offsets = (candidates - np.array(index)) * image.spacing
    nearest = candidates[int(np.argmin(np.einsum("ij,ij->i", offsets, offsets)))]
    point = image.to_world(nearest.astype(np.float64))
    intensity = smooth[tuple(nearest)]
    place = f"{_describe(point)}, intensity {intensity:.0f}"
    return f"move the seed into the vessel; the nearest bright structure is at {place}"


def _grow(
    smooth: VoxelArray, index: tuple[int, int, int], lower: float | VoxelArray, upper: float | None
) -> Mask:
    """Voxels between the limits that are connected to the seed through faces."""
    allowed = smooth >= lower
    if upper is not None:
        allowed &= smooth <= upper
    labels, _ = ndimage.label(allowed)
    return np.asarray(labels == labels[index]) & allowed


def _prune(region: Mask, index: tuple[int, int, int]) -> Mask:
    """Drop side branches thinner than three voxels, which the image does not resolve; thin bridges stay."""
    core = ndimage.binary_opening(region)
    wide = ndimage.binary_dilation(core, mask=region)
    parts, _ = ndimage.label(wide)
    pieces, _ = ndimage.label(region & ~wide)
    kept = wide.copy()
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        piece = pieces[around] == number
        touched = np.unique(parts[around][ndimage.binary_dilation(piece)])
        if np.count_nonzero(touched) > 1:
            kept[around] |= piece
    kept[index] = True
    labels, _ = ndimage.label(kept)
    return np.asarray(labels == labels[index])


def _check_region(region: Mask, *, where: str) -> None:
    count = int(np.count_nonzero(region))
    share = count / region.size
    if share > MAX_SHARE:
        raise SegmentationError(
            "the segmentation leaks",
            where="segmentation",
            value=f"{100.0 * share:.0f} % of the image, grown from {where}",
            expected=f"a lumen of at most {100.0 * MAX_SHARE:.0f} % of the image",
            remedy="raise 'segmentation.lower', move the seed, or crop the image",
        )
    if count < MIN_VOXELS:
        raise SegmentationError(
            "the segmented lumen is too small",
            where="segmentation",
            value=f"{count} voxels, grown from {where}",
            expected=f"at least {MIN_VOXELS} voxels",
            remedy="lower 'segmentation.lower', or move the seed",
        )


def _check_brightness(smooth: VoxelArray, region: Mask) -> None:
    contrast = measure_contrast(smooth, region)
    limit = contrast.lumen + TOO_BRIGHT * contrast.difference
    share = np.count_nonzero(smooth[region] > limit) / np.count_nonzero(region)
    if share > MAX_BRIGHT_SHARE:
        raise SegmentationError(
            "the segmentation leaks into something brighter than the lumen, such as bone",
            where="segmentation",
            value=f"{100.0 * share:.0f} % of it is brighter than {limit:.0f}, the lumen has {contrast.lumen:.0f}",
            expected=f"at most {100.0 * MAX_BRIGHT_SHARE:.0f} %",
            remedy=f"set 'segmentation.upper', to {limit:.0f} for example, or raise 'segmentation.lower'",
        )


def _describe(point: Vec3 | FloatArray) -> str:
    x, y, z = (1e3 * float(value) for value in point)
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
