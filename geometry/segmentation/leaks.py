"""Leaks: another vessel that touches the lumen, found where the brightness falls to a pass and rises again.

Between two bright bodies that touch lies a pass: the highest way from one to the other. Entering the voxels from the
seed, always next to the brightest one, shows every pass and the body behind it (`geometry.segmentation.flooding`).
A pass is also what a narrowing of the vessel makes. The two are told apart by shape: a vessel runs *through* its
throat, while two vessels that touch run *past* their contact. Where that cannot be told, the person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from geometry.segmentation.flooding import Mask, depth_in, distance_from, flood, invade
from geometry.segmentation.growing import Grown
from geometry.segmentation.outcome import Concern, Finding, describe_place, place_of
from geometry.segmentation.settings import Leaks
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SegmentationError

REACH = 4.0
"""Radius of the ball around a pass in which the bodies' directions are measured, in units of their depth."""
REACH_LIMITS = (6.0, 28.0)
"""Smallest and largest radius of that ball, in voxels."""
ALONG = 0.75
"""A body runs through the pass if its axis and the way through have at least this cosine …"""
ACROSS = 0.5
"""… and past it if at most this."""
ELONGATED = 1.4
"""A body has an axis if its variance along it is larger by this factor than across."""
STEP_REACH = 6.0
"""How far from a pass the brightness of both sides is compared [voxels]."""
FULL = 0.9
"""Voxels of at least this share of the contrast are inside a body, and not in the pass between two."""
CONTACT = 6.0
"""Two bodies touch if their insides come nearer than this [voxels]; else a vessel leads from one to the other."""
DEEP = 3
"""Voxels that are so deep in the region are not blurred by its wall: their brightness is that of the blood."""
CALM = 1.5
"""Standard deviation of the Gaussian that takes the noise from that brightness, in smallest spacings."""
NEAR_SEED = 10
"""Voxels around a seed whose brightness the rest is compared with."""
THROAT = 3.0
"""Radius of the ball in which the width of a narrow place is measured [voxels]."""
HALF = 0.5
"""The half maximum, at which the region ends."""
MOST_NESTED = 6
"""How many leaks behind leaks are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What lies behind a pass.

    Attributes:
        voxels: Flat indices.
        before: Flat indices of what was entered before.
        neck: Flat index of the pass.
        level: Height of the pass as share of the contrast.
        skirt: Flat indices of everything that was entered from the body later.
    """

    voxels: IntArray
    before: IntArray
    neck: int
    level: float
    skirt: IntArray


def cut_leaks(grown: Grown, settings: Leaks) -> tuple[Grown, tuple[Finding, ...]]:
    """Remove what clearly belongs to another vessel.

    Returns:
        What is left, and what a person should look at: what was cut, and narrow places that were kept.

    Raises:
        SegmentationError: A large body may be a leak, and neither shape nor brightness tell.
    """
    region = grown.region.copy()
    share = _contrast_share(grown)
    depth = depth_in(region).ravel()
    seeds = np.ravel_multi_index(tuple(grown.seeds.T), region.shape)
    findings: list[Finding] = []
    _cut_other_brightness(grown, share, region, settings, findings)
    _search(grown, share, depth, region, seeds[:1], seeds, settings, findings, MOST_NESTED)
    findings += _find_continuations(grown, share, region, settings)
    return grown.with_region(region), tuple(findings)


def _cut_other_brightness(
    grown: Grown, share: NDArray[np.float32], region: Mask, settings: Leaks, findings: list[Finding]
) -> None:
    """Cut off what is wide and of clearly another brightness, where the brightness changes at once.

    Contrast agent that thins out along a vessel changes its brightness too, but slowly.
    """
    deep = depth_in(region) >= DEEP
    if not deep.any():
        return
    # Averaged over the deep voxels alone, so that the wall does not darken them.
    sigma = CALM * grown.image.spacing.min() / grown.image.spacing
    weight = ndimage.gaussian_filter(deep.astype(np.float32), sigma)
    calm = ndimage.gaussian_filter(np.where(deep, share, np.float32(0.0)), sigma) / np.maximum(weight, 1e-6)
    where = np.argwhere(deep)
    distance, _ = cKDTree(grown.seeds).query(where)
    nearby = distance <= max(NEAR_SEED, float(distance.min()) + 1.0)
    normal = float(np.median(calm[tuple(where[nearby].T)]))
    other = deep & (np.abs(calm - normal) > settings.dimmer)
    pieces, count = ndimage.label(other)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    for number in range(1, count + 1):
        piece = pieces == number
        if sizes[number] < settings.least_voxels or piece[tuple(grown.seeds.T)].any():
            continue
        around = distance_from(piece, int(STEP_REACH))
        edge = (around > 0) & deep & ~other
        inner = piece & (distance_from(edge, int(STEP_REACH)) > 0)
        if np.count_nonzero(edge) < 10 or np.count_nonzero(inner) < 10:
            continue
        difference = float(np.median(calm[edge]) - np.median(calm[inner]))
        if abs(difference) < settings.dimmer:
            continue
        contact = np.argwhere(inner & (distance_from(edge, 2) > 0))
        neck = contact[int(np.argmin(np.linalg.norm(contact - contact.mean(axis=0), axis=1)))]
        lost = _nearer_to(piece, deep & ~other, region)
        kept = flood(region & ~lost, grown.seeds)
        removed = np.flatnonzero(region & ~kept)
        region &= kept
        body = _Body(
            voxels=removed,
            before=removed[:0],
            neck=int(np.ravel_multi_index(tuple(neck), region.shape)),
            level=float(share[tuple(neck)]),
            skirt=removed,
        )
        word = "dimmer" if difference > 0.0 else "brighter"
        reason = f"it is {word} than the lumen by {100.0 * abs(difference):.0f} % of the contrast"
        findings.append(_report_cut(grown, body, reason))


def _nearer_to(one: Mask, other: Mask, region: Mask) -> Mask:
    """Voxels of a region that lie nearer to one part of it than to the other."""
    to_one = ndimage.distance_transform_edt(~one)
    to_other = ndimage.distance_transform_edt(~other)
    return np.asarray(region & (to_one < to_other))


def _search(
    grown: Grown,
    share: NDArray[np.float32],
    depth: NDArray[np.uint8],
    region: Mask,
    start: IntArray,
    seeds: IntArray,
    settings: Leaks,
    findings: list[Finding],
    nested: int,
) -> None:
    """Look behind every pass that is seen from a place, and behind the passes of what is kept."""
    starts = np.stack(np.unravel_index(start, region.shape), axis=1).astype(np.int64)
    flat = region.ravel()
    for body in _bodies_behind_passes(share, region, starts, settings):
        if not flat[body.neck] or int(depth[body.voxels].max()) < settings.least_depth:
            continue
        seen = np.isin(seeds, body.voxels).any()
        verdict, reason = ("kept", "a seed lies in it") if seen else _judge(grown, share, depth, body)
        if verdict == "cut" and settings.cut:
            flat[body.skirt] = False
            findings.append(_report_cut(grown, body, reason))
            continue
        if verdict != "kept" and len(body.voxels) > settings.undecided_share * len(body.before):
            raise _leak(grown, body, reason)
        if not seen:
            findings.append(_report_narrow(grown, body))
        if nested > 0:
            inner = np.zeros_like(flat)
            inner[body.voxels] = True
            highest = body.voxels[[int(np.argmax(share.ravel()[body.voxels]))]]
            part = inner.reshape(region.shape)
            before = part.copy()
            _search(grown, share, depth, part, highest, seeds, settings, findings, nested - 1)
            flat[(before & ~part).ravel()] = False


def _find_continuations(
    grown: Grown, share: NDArray[np.float32], region: Mask, settings: Leaks
) -> list[Finding]:
    """Where the vessel goes on behind a place too narrow for the half maximum."""
    reached = flood(share >= settings.continuation, grown.seeds[:1])
    bright = reached & (share >= HALF)
    depth = depth_in(bright).ravel()
    below = replace(settings, pass_level=HALF)
    findings = []
    for body in _bodies_behind_passes(share, reached, grown.seeds[:1], below):
        inside = bright.ravel()[body.voxels]
        if np.count_nonzero(inside) < settings.least_voxels or region.ravel()[body.voxels].any():
            continue
        if int(depth[body.voxels].max()) < settings.least_depth:
            continue
        trimmed = replace(body, voxels=body.voxels[inside], before=body.before[bright.ravel()[body.before]])
        if _judge(grown, share, depth, trimmed)[0] == "cut":
            continue
        place = _place(grown, body.neck)
        x, y, z = 1e3 * _place(grown, int(trimmed.voxels[len(trimmed.voxels) // 2]))
        volume = len(trimmed.voxels) * grown.image.voxel_volume
        findings.append(
            Finding(
                concern=Concern.GOES_ON,
                message=f"the vessel seems to go on behind {describe_place(place)}, where it is so narrow that "
                f"{100.0 * body.level:.0f} % of the contrast are left; {1e6 * volume:.2f} mL behind are left out. "
                f"If they belong to the lumen, put a second seed there, such as ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                place=place_of(place),
                size=volume,
            )
        )
    return findings


def _bodies_behind_passes(
    share: NDArray[np.float32], region: Mask, start: IntArray, settings: Leaks
) -> Iterator[_Body]:
    """The bodies behind the low passes: each new lowest voxel of the invasion is a pass to what follows it."""
    floor = float(share[region].min())
    invasion = invade(share, region, start, floor=floor)
    lowest = np.minimum.accumulate(invasion.level)
    passes = np.flatnonzero(np.diff(lowest, prepend=np.inf) < 0.0)
    ends = np.append(passes[1:], len(lowest))
    wanted = (lowest[passes] < settings.pass_level) & (ends - passes > settings.least_voxels)
    for first, last in zip(passes[wanted], ends[wanted], strict=True):
        if first < settings.least_voxels:
            continue
        owned = np.zeros(len(lowest), dtype=np.bool_)
        owned[first:last] = True
        _inherit(owned, invasion.source, last)
        yield _Body(
            voxels=invasion.voxels[first + 1 : last],
            before=invasion.voxels[:first],
            neck=int(invasion.voxels[first]),
            level=float(lowest[first]),
            skirt=invasion.voxels[owned],
        )


@njit(cache=True)
def _inherit(owned: NDArray[np.bool_], source: IntArray, start: int) -> None:
    """Mark all that was entered from marked voxels; sources come before what they lead to."""
    for position in range(start, len(owned)):
        owned[position] = owned[source[position]]


def _judge(
    grown: Grown, share: NDArray[np.float32], depth: NDArray[np.uint8], body: _Body
) -> tuple[str, str]:
    """Whether a body is to be cut, kept, or left to the person; and why."""
    shape = grown.region.shape
    neck = np.array(np.unravel_index(body.neck, shape), dtype=np.float64)
    scale = grown.image.spacing / grown.image.spacing.min()
    sides = [
        scale * (np.stack(np.unravel_index(each, shape), axis=1) - neck)
        for each in (body.before, body.voxels)
    ]
    values = share.ravel()
    widths = [
        float(depth[each[np.linalg.norm(side, axis=1) < STEP_REACH]].max(initial=1))
        for each, side in zip((body.before, body.voxels), sides, strict=True)
    ]
    reach = float(np.clip(REACH * max(widths), *REACH_LIMITS))
    close = [side[np.linalg.norm(side, axis=1) < reach] for side in sides]
    if min(len(side) for side in close) < 20:
        return "unclear", "too little of it is seen"
    way = close[1].mean(axis=0) - close[0].mean(axis=0)
    way /= np.linalg.norm(way)
    cosines = [_cosine(side, way) for side in close]
    if any(cosine is not None and cosine >= ALONG for cosine in cosines):
        return "kept", "the vessel runs through"
    if _gap(sides, [values[body.before], values[body.voxels]], reach) > CONTACT:
        return "unclear", "a thin vessel may lead there"
    if all(cosine is not None and cosine <= ACROSS for cosine in cosines):
        return "cut", "both vessels run past the place where they touch"
    return "unclear", "its shape does not tell whether the vessel goes on or another one touches"


def _gap(sides: list[FloatArray], values: list[NDArray[np.float32]], reach: float) -> float:
    """Distance between the insides of two bodies near a pass [voxels]."""
    inside = [
        side[(np.linalg.norm(side, axis=1) < reach) & (value > FULL)]
        for side, value in zip(sides, values, strict=True)
    ]
    if min(len(each) for each in inside) == 0:
        return np.inf
    return float(cKDTree(inside[0]).query(inside[1])[0].min())


def _cosine(points: FloatArray, way: FloatArray) -> float | None:
    """Between the axis of a cloud of points and a direction; nothing where the cloud is not elongated."""
    variance, axes = np.linalg.eigh(np.cov(points.T))
    if variance[2] < ELONGATED * variance[1]:
        return None
    return float(abs(axes[:, 2] @ way))


def _contrast_share(grown: Grown) -> NDArray[np.float32]:
    """Intensities as shares of the contrast: 0 is the background, 1 the lumen."""
    above = grown.smooth - np.float32(grown.contrast.background)
    return np.asarray(above / np.float32(grown.contrast.difference), dtype=np.float32)


def _place(grown: Grown, voxel: int) -> FloatArray:
    index = np.array(np.unravel_index(voxel, grown.region.shape), dtype=np.float64)
    return grown.image.to_world(index)


def _report_cut(grown: Grown, body: _Body, reason: str) -> Finding:
    place = _place(grown, body.neck)
    volume = len(body.skirt) * grown.image.voxel_volume
    return Finding(
        concern=Concern.LEAK_CUT,
        message=f"another vessel of {1e6 * volume:.2f} mL touches the lumen at {describe_place(place)} and was cut "
        f"off: {reason}. If it belongs to the lumen, put a second seed into it",
        place=place_of(place),
        size=volume,
    )


def _report_narrow(grown: Grown, body: _Body) -> Finding:
    place = _place(grown, body.neck)
    width = _width_at(grown, body.neck)
    volume = len(body.voxels) * grown.image.voxel_volume
    return Finding(
        concern=Concern.NARROW,
        message=f"the lumen is narrow at {describe_place(place)}, about {1e3 * width:.1f} mm, and "
        f"{1e6 * volume:.2f} mL lie behind: if that is another vessel, raise 'segmentation.lower' above "
        f"{_intensity(grown, body.level):.0f}",
        place=place_of(place),
        size=width,
    )


def _width_at(grown: Grown, voxel: int) -> float:
    """Diameter of the cylinder with as many voxels of the region in a small ball around a voxel [m]."""
    centre = np.array(np.unravel_index(voxel, grown.region.shape))
    low = np.maximum(centre - int(THROAT), 0)
    i, j, k = (
        slice(int(first), int(middle) + int(THROAT) + 1) for first, middle in zip(low, centre, strict=True)
    )
    offsets = np.argwhere(grown.region[i, j, k]) + low - centre
    count = np.count_nonzero(np.linalg.norm(offsets, axis=1) <= THROAT)
    length = 2.0 * THROAT * float(grown.image.spacing.mean())
    return float(2.0 * np.sqrt(count * grown.image.voxel_volume / (np.pi * length)))


def _leak(grown: Grown, body: _Body, reason: str) -> SegmentationError:
    place = describe_place(_place(grown, body.neck))
    x, y, z = 1e3 * _place(grown, int(body.voxels[len(body.voxels) // 2]))
    volume = len(body.voxels) * grown.image.voxel_volume
    return SegmentationError(
        "the segmentation may leak into another vessel",
        where="segmentation",
        value=f"{1e6 * volume:.2f} mL behind {place}, where the intensity falls to "
        f"{_intensity(grown, body.level):.0f}; {reason}",
        expected="one vessel tree",
        remedy=f"if it is part of the lumen, put a second seed into it, such as ({x:.1f}, {y:.1f}, {z:.1f}) mm; "
        f"if not, set 'segmentation.lower' above {_intensity(grown, body.level):.0f}",
    )


def _intensity(grown: Grown, share: float) -> float:
    return grown.contrast.background + share * grown.contrast.difference
