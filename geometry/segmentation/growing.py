"""Region growing: the lumen of a contrast-filled vessel, from seeds, between limits that are found around them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from geometry.imaging.image import Image, VoxelArray
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.cleaning import drop_spurs, fill_holes
from geometry.segmentation.contrast import Contrast, local_level, measure_contrast, smoothed
from geometry.segmentation.flooding import Mask, flood
from geometry.segmentation.outcome import describe_place
from geometry.segmentation.seeds import check_seed, contrast_at_seed, locate_seeds
from geometry.segmentation.settings import Growing
from hemoplan.arrays import IntArray, Vec3
from hemoplan.errors import SegmentationError

MAX_SHARE = 0.25
"""A lumen that fills more than this share of the image has leaked."""
MIN_VOXELS = 200
"""A lumen of fewer voxels cannot be meshed."""
TOO_BRIGHT = 0.75
"""What is brighter than the lumen by this share of the contrast is something else, such as bone …"""
MAX_BRIGHT_SHARE = 0.02
"""… and means a leak where it makes up more than this share of the region."""
GENEROUS = 0.2
"""Share of the contrast down to which the box of the first round reaches: what lies behind a narrow
place is seen, and later rounds may be lower than the first."""
MARGIN = 12
"""Voxels around that box: the surroundings are measured there."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A region in the part of the image that holds it.

    Attributes:
        image: That part of the scan.
        smooth: Its smoothed intensities.
        region: Its voxels of the lumen.
        contrast: Brightness of the lumen and of its surroundings.
        seeds: (k, 3) indices of the seeds in this part.
        start: (3,) indices of this part's first voxel in the whole scan.
        whole: Number of voxels of the whole scan.
    """

    image: Image
    smooth: VoxelArray
    region: Mask
    contrast: Contrast
    seeds: IntArray
    start: IntArray
    whole: int

    def with_region(self, region: Mask) -> Grown:
        """The same with another region."""
        return replace(self, region=region)


def segment_lumen(
    image: Image, seed: Vec3, *, lower: float | None = None, upper: float | None = None
) -> LabelMap:
    """Grow the lumen from one seed, without looking for leaks; `geometry.segmentation.pipeline.segment` does more.

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
    grown = grow(image, {"seed": seed}, Growing(lower=lower, upper=upper))
    region = drop_spurs(grown.image, grown.region, grown.seeds)[0]
    grown = grown.with_region(fill_holes(region))
    check_size(grown)
    return label_lumen(image, grown, level=lower)


def grow(image: Image, seeds: Mapping[str, Vec3], settings: Growing) -> Grown:
    """Grow from seeds.

    Args:
        image: A scan in which the lumen is brighter than its surroundings.
        seeds: A point inside each vessel, by name: world coordinates (RAS) [m]. Those that are not connected grow
            into bodies of their own.
        settings: Limits and rounds.

    Raises:
        SegmentationError: A seed is not inside a bright structure, or the region leaks.
    """
    indices = locate_seeds(image, seeds)
    smooth = smoothed(image)
    contrasts = []
    for (name, seed), index in zip(seeds.items(), indices, strict=True):
        contrast = contrast_at_seed(image, smooth, index)
        check_seed(
            image,
            smooth,
            index,
            contrast,
            lower=settings.lower,
            upper=settings.upper,
            name=name,
            seed=seed,
        )
        contrasts.append(contrast)
    contrast = min(contrasts, key=lambda each: each.lumen)
    grown = _crop_around(image, smooth, indices, contrast, settings)
    if settings.lower is None:
        grown = _grow_by_contrast(grown, settings)
    else:
        grown = _grow_at(grown, settings.lower, settings)
        check_size(grown)
        grown = replace(grown, contrast=measure_contrast(grown.smooth, grown.region))
    if settings.upper is None:
        _check_brightness(grown)
    _log.info("lumen grown from %s: %d voxels", ", ".join(seeds), int(grown.region.sum()))
    return grown


def label_lumen(image: Image, grown: Grown, *, level: float | None = None) -> LabelMap:
    """The region as a label map on the grid of the whole scan."""
    labels = np.zeros(image.voxels.shape, dtype=np.uint8)
    i, j, k = (
        slice(int(first), int(first) + size)
        for first, size in zip(grown.start, grown.region.shape, strict=True)
    )
    labels[i, j, k][grown.region] = LUMEN
    return LabelMap(
        labels=labels,
        spacing=image.spacing,
        origin=image.origin,
        direction=image.direction,
        names={LUMEN: "lumen"},
        level=level,
    )


def check_size(grown: Grown) -> None:
    """Check that the region is neither a large part of the image nor too small for a mesh.

    Raises:
        SegmentationError: It is.
    """
    count = int(np.count_nonzero(grown.region))
    share = count / grown.whole
    where = describe_place(grown.image.to_world(grown.seeds[0].astype(np.float64)))
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


def _crop_around(
    image: Image, smooth: VoxelArray, seeds: IntArray, contrast: Contrast, settings: Growing
) -> Grown:
    """The part of the image that the region can reach, and some of its surroundings."""
    level = contrast.background + GENEROUS * contrast.difference
    if settings.lower is not None:
        level = settings.lower
    reached = flood(smooth >= level, seeds)
    inside = [np.flatnonzero(reached.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    lower = np.array([max(int(each[0]) - MARGIN, 0) for each in inside], dtype=np.int64)
    upper = [int(each[-1]) + MARGIN + 1 for each in inside]
    i, j, k = (slice(int(first), last) for first, last in zip(lower, upper, strict=True))
    part = Image(
        voxels=np.ascontiguousarray(image.voxels[i, j, k]),
        spacing=image.spacing,
        origin=image.to_world(lower.astype(np.float64)),
        direction=image.direction,
    )
    return Grown(
        image=part,
        smooth=np.ascontiguousarray(smooth[i, j, k]),
        region=np.ascontiguousarray(reached[i, j, k]),
        contrast=contrast,
        seeds=seeds - lower,
        start=lower,
        whole=image.voxels.size,
    )


def _grow_by_contrast(grown: Grown, settings: Growing) -> Grown:
    """Grow at the half maximum, measure it again around what has grown, until it settles."""
    grown = _grow_at(grown, grown.contrast.half, settings)
    for _ in range(settings.rounds):
        check_size(grown)
        before, contrast = grown.contrast, measure_contrast(grown.smooth, grown.region)
        grown = _grow_at(replace(grown, contrast=contrast), contrast.half, settings)
        if abs(contrast.half - before.half) < settings.settled * contrast.difference:
            break
    for _ in range(settings.local_rounds):
        check_size(grown)
        level = local_level(grown.image, grown.smooth, grown.region, grown.contrast)
        grown = _grow_at(grown, level, settings)
    check_size(grown)
    return grown


def _grow_at(grown: Grown, level: float | VoxelArray, settings: Growing) -> Grown:
    """Voxels between the limits that are connected to the seeds through faces."""
    return grown.with_region(flood(_allowed(grown.smooth, level, settings), grown.seeds))


def _allowed(smooth: VoxelArray, level: float | VoxelArray, settings: Growing) -> Mask:
    allowed = smooth >= level
    if settings.upper is not None:
        allowed &= smooth <= settings.upper
    return np.asarray(allowed)


def _check_brightness(grown: Grown) -> None:
    contrast, inside = measure_contrast(grown.smooth, grown.region), grown.region
    limit = contrast.lumen + TOO_BRIGHT * contrast.difference
    bright = inside & (grown.smooth > limit)
    share = np.count_nonzero(bright) / np.count_nonzero(inside)
    if share <= MAX_BRIGHT_SHARE:
        return
    middle = np.argwhere(bright)
    nearest = middle[int(np.argmin(np.linalg.norm(middle - middle.mean(axis=0), axis=1)))]
    place = describe_place(grown.image.to_world(nearest.astype(np.float64)))
    raise SegmentationError(
        "the segmentation leaks into something brighter than the lumen, such as bone",
        where="segmentation",
        value=f"{100.0 * share:.0f} % of it, around {place}, is brighter than {limit:.0f}, "
        f"the lumen has {contrast.lumen:.0f}",
        expected=f"at most {100.0 * MAX_BRIGHT_SHARE:.0f} %",
        remedy=f"set 'segmentation.upper', to {limit:.0f} for example, or raise 'segmentation.lower'",
    )
