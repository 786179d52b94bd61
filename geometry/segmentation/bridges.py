"""Bridges: places so narrow that their brightness does not reach the half maximum, and the vessel behind them.

Blur darkens a vessel of radius R in its middle to 1 - exp(-(R / sigma)² / 2) of the contrast: with a blur of one
voxel a throat of two voxels across is at the half maximum, and what lies behind a tighter one would be lost. If a
person has put a seed there, the way is kept open; otherwise it is said where the vessel goes on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geometry.segmentation.flooding import Mask, dilate, flood, invade
from geometry.segmentation.growing import Grown
from geometry.segmentation.outcome import Concern, Finding, describe_place, place_of
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SegmentationError

OPEN = 0.15
"""Least brightness on the way, as share of the contrast: a throat with a radius of 0.6 sigma of the blur."""
SEARCH = 0.05
"""How low a way is looked for, to say where it breaks."""
LONGEST = 20
"""Most voxels of the way that may lie below the half maximum."""


def bridge_seeds(grown: Grown, names: tuple[str, ...]) -> tuple[Grown, tuple[Finding, ...]]:
    """Connect all seeds, through places too narrow for the half maximum if need be.

    Args:
        grown: The region, whose parts hold one seed or more each.
        names: Names of the seeds.

    Raises:
        SegmentationError: Two seeds are not connected; the message says where the brightest way is darkest.
    """
    findings = []
    body = flood(grown.region, grown.seeds[:1])
    for name, seed in zip(names[1:], grown.seeds[1:], strict=True):
        if body[tuple(seed)]:
            continue
        way = _brightest_way(grown, body, seed)
        levels = grown.smooth.ravel()[way]
        share = (levels - grown.contrast.background) / grown.contrast.difference
        dark = np.count_nonzero(share < 0.5)
        if len(way) == 0 or share.min() < OPEN or dark > LONGEST:
            raise _not_connected(grown, names[0], name, way)
        narrow = np.zeros(grown.region.size, dtype=np.bool_)
        narrow[way] = True
        around = dilate(narrow.reshape(grown.region.shape)) & (grown.smooth >= levels.min())
        region = grown.region | around
        grown = replace(grown, region=flood(region, grown.seeds))
        body = flood(region, grown.seeds[:1])
        place = _place(grown, way[int(np.argmin(levels))])
        findings.append(
            Finding(
                concern=Concern.UNRESOLVED,
                message=f"the vessel between '{names[0]}' and '{name}' is so narrow at {describe_place(place)} that "
                f"{100.0 * share.min():.0f} % of the contrast are left: its width there is a guess",
                place=place_of(place),
                size=float(2.0 * grown.image.spacing.min()),
            )
        )
    return grown, tuple(findings)


def _brightest_way(grown: Grown, body: Mask, seed: IntArray) -> IntArray:
    """Flat indices of voxels from a body to a seed, the darkest as bright as can be; none if there is no way."""
    floor = grown.contrast.background + SEARCH * grown.contrast.difference
    invasion = invade(grown.smooth, grown.smooth >= floor, grown.seeds[:1], floor=floor)
    target = int(np.ravel_multi_index(tuple(seed), body.shape))
    arrival = np.flatnonzero(invasion.voxels == target)
    inside = body.ravel()
    way: list[int] = []
    position = int(arrival[0]) if arrival.size else -1
    while position >= 0 and not inside[invasion.voxels[position]]:
        way.append(int(invasion.voxels[position]))
        position = int(invasion.source[position])
    return np.array(way, dtype=np.int64)


def _not_connected(grown: Grown, first: str, second: str, way: IntArray) -> SegmentationError:
    value, remedy = f"'{first}' and '{second}'", "put both seeds into one vessel"
    if len(way):
        levels = grown.smooth.ravel()[way]
        darkest = float(levels.min())
        place = describe_place(_place(grown, way[int(np.argmin(levels))]))
        value += f"; the brightest way between them falls to {darkest:.0f} at {place}"
        remedy = (
            f"if they are one vessel, set 'segmentation.lower' below {darkest:.0f}; if not, remove one seed"
        )
    return SegmentationError(
        "two seeds lie in vessels that are not connected",
        where="segmentation.seeds",
        value=value,
        expected="all seeds in one lumen",
        remedy=remedy,
    )


def _place(grown: Grown, voxel: int) -> FloatArray:
    index = np.array(np.unravel_index(int(voxel), grown.region.shape), dtype=np.float64)
    return grown.image.to_world(index)
