"""Where a vessel's end is cut: the first place behind its tip where it is a tube of full radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.openings.loops import Loop, nearest_loop
from geometry.surfaces.parting import fit_axis
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray

STEP = 0.1
"""Distance of the sections that are looked at, in radii."""
DEEPEST = 4.0
"""Farthest place behind the tip that is looked at, in radii."""
FULL = 0.94
"""Least area of a section that is cut, over the largest within half a radius behind it."""
ROUNDED = 0.98
"""Where this share follows within `REST` radii, the cut is there: a round tip is still rounded before."""
REST = 0.4
TUBULAR = 0.65
"""Least 4 pi A / P² of a section that is cut: of an ellipse of 3:1."""
FUNNEL = 1.35
"""Largest area of a section that is cut, over that one radius deeper: more is a funnel into something wider."""
_WIDEST = 2.5
"""Largest area of a section, over the vessel's: more is where it meets something else."""
_JUMP = 0.6
"""A section whose centre lies farther off the line of the others than this many radii is another vessel's."""
_CRUMB = 0.3
"""A loop that encloses less than this share of the vessel's section is a bump of its end."""
REACH = 2.0
"""Length of vessel, in radii, whose centres tell the axis at a cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A section of a vessel near its end.

    Attributes:
        centre: (3,) centroid of the section [m].
        axis: (3,) unit direction of the vessel there, towards its end.
        radius: Radius of the circle of the section's area [m].
        circularity: 4 pi A / P² of the section.
        growth: Its area over that of the section one radius deeper.
        depth: Its distance behind the end [m].
        funnel: How much of the depth was passed because the vessel widens towards its end [m].
    """

    centre: FloatArray
    axis: FloatArray
    radius: float
    circularity: float
    growth: float
    depth: float
    funnel: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTube:
    """Why there is nothing to cut at an end, as a clause."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Sections behind an end, every `STEP` radii: (k,) depths [m], areas [m²], roundness, and (k, 3) centres [m]."""

    depth: FloatArray
    area: FloatArray
    circularity: FloatArray
    centre: FloatArray


def place_cut(
    surface: Surface,
    tip: FloatArray,
    axis: FloatArray,
    radius: float,
    *,
    beyond: FloatArray,
    margin: float = 0.0,
) -> Place | NoTube:
    """Find where to cut a vessel behind its end, perpendicular to it.

    Sections are laid behind the end, along the axis. The first one is taken that is a single loop around the axis,
    nearly round, of full radius, no wider than the vessel further in, and in front of which all points of `beyond` lie.
    The axis is the line through the centres of the sections around it, so it is found in three rounds.

    Args:
        surface: A closed surface.
        tip: (3,) a point on the axis at the vessel's end [m].
        axis: (3,) unit direction of the vessel, towards its end; some ten degrees off are corrected.
        radius: Radius of the vessel near its end [m].
        beyond: (n, 3) points that the cut drops: the flat end on an image's border, a ragged rim [m].
        margin: Length behind these points, or else behind the end, where nothing is cut [m].
    """
    chosen: Place | NoTube = NoTube(reason="no section of it is a closed loop")
    for _ in range(3):
        start = float(((beyond - tip) @ axis).min()) if len(beyond) else 0.0
        walk = _walk(surface, tip, axis, radius, first=max(0.0, -start) + margin)
        if len(walk.depth) < 4:
            return NoTube(reason="no section of it is a closed loop")
        radius = float(np.sqrt(np.median(walk.area) / np.pi))
        chosen = _choose(walk, axis, radius)
        if isinstance(chosen, NoTube):
            return chosen
        line = _tangent(walk, chosen.depth, axis, reach=REACH * radius)
        if np.linalg.norm(line - axis) < 1.0e-3:
            break
        tip, axis = chosen.centre + line * float((tip - chosen.centre) @ line), line
    return chosen


def _walk(surface: Surface, tip: FloatArray, axis: FloatArray, radius: float, *, first: float) -> Walk:
    """Sections from a depth on, as long as they belong to the vessel."""
    found: list[tuple[float, Loop]] = []
    centre = tip - first * axis
    for depth in first + radius * np.arange(0.05, DEEPEST, STEP):
        place = tip - depth * axis
        expected = place + (centre - tip) - ((centre - tip) @ axis) * axis
        loop = nearest_loop(surface, expected, axis)
        if loop is None:
            continue
        off = float(np.linalg.norm(loop.centre - expected))
        if found and off > _JUMP * radius and found[-1][1].area < _CRUMB * np.pi * radius**2:
            found.clear()  # so far there were only the bumps of an uneven end
        if off > (_JUMP if found else 2.0) * radius:
            if found:
                break
            continue
        if loop.area > _WIDEST * np.pi * radius**2 and depth > first + radius:
            break
        found.append((float(depth), loop))
        centre = loop.centre
    return Walk(
        depth=np.array([depth for depth, _ in found]),
        area=np.array([loop.area for _, loop in found]),
        circularity=np.array([loop.circularity for _, loop in found]),
        centre=np.array([loop.centre for _, loop in found]).reshape(-1, 3),
    )


def _tangent(walk: Walk, depth: float, axis: FloatArray, *, reach: float) -> FloatArray:
    """Unit tangent at a depth of the parabola through the centres from there on; of the line if they are few."""
    used = (walk.depth >= depth - 1e-12) & (walk.depth <= depth + reach)
    if used.sum() < 3:
        return axis
    if used.sum() < 6:
        return fit_axis(walk.centre[used])
    along = depth - walk.depth[used]
    slope = np.polynomial.polynomial.polyfit(along, walk.centre[used], 2)[1]
    return np.asarray(slope / np.linalg.norm(slope))


def _choose(walk: Walk, axis: FloatArray, radius: float) -> Place | NoTube:
    """The first section that will do."""
    half = max(1, round(0.5 / STEP))
    count = len(walk.depth)
    stop = max(1, count - half)
    fullness = np.array([walk.area[at] / walk.area[at : at + half + 1].max() for at in range(stop)])
    growth = walk.area / walk.area[np.minimum(np.arange(count) + 2 * half, count - 1)]
    tubular = (walk.circularity[:stop] >= TUBULAR) & (fullness >= FULL)
    chosen = np.flatnonzero(tubular & (growth[:stop] <= FUNNEL))
    funnels = np.flatnonzero(tubular & (growth[:stop] > FUNNEL))
    if not len(chosen):
        return NoTube(reason=_why_none(walk, funnels))
    index = int(chosen[0])
    rest = chosen[(walk.depth[chosen] <= walk.depth[index] + REST * radius) & (fullness[chosen] >= ROUNDED)]
    if len(rest):
        index = int(rest[0])
    passed = funnels[funnels < index]
    return Place(
        centre=walk.centre[index],
        axis=axis,
        radius=float(np.sqrt(walk.area[index] / np.pi)),
        circularity=float(walk.circularity[index]),
        growth=float(growth[index]),
        depth=float(walk.depth[index]),
        funnel=float(walk.depth[passed[-1]] - walk.depth[0]) if len(passed) else 0.0,
    )


def _why_none(walk: Walk, funnels: IntArray) -> str:
    roundest = float(walk.circularity.max())
    if roundest < TUBULAR:
        return f"its sections are no rounder than 4πA/P² = {roundest:.2f}"
    if len(funnels):
        length = float(walk.depth[funnels[-1]] - walk.depth[0])
        return f"it widens towards its end all along the last {1e3 * length:.1f} mm, like a funnel"
    return f"it keeps narrowing towards its end over {1e3 * float(np.ptp(walk.depth)):.1f} mm"
