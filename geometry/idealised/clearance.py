"""Clearance: how close vessels come to each other away from the junctions that join them."""

from __future__ import annotations

import numpy as np

from geometry.idealised.anatomy import Anatomy, Branch
from hemoplan.arrays import FloatArray

APART = 6.0
"""Two places of one vessel are different limbs when they lie this many radii apart along it."""


def least_gap(anatomy: Anatomy) -> float:
    """Smallest distance between the walls of vessels that do not join there, and between limbs of one vessel [m].

    Negative where they run into each other. Vessels join where one begins or ends inside of the other; from there, what
    lies before the first place where they stop moving apart does not count.
    """
    gaps = [_limb_gap(branch) for branch in anatomy.branches]
    for index, one in enumerate(anatomy.branches):
        for other in anatomy.branches[:index]:
            # Whichever ends inside of the other one is followed away from it.
            gaps.append(max(_gap(one, other), _gap(other, one)))
    return min(gaps)


def _gap(one: Branch, other: Branch) -> float:
    """Smallest distance of one vessel's wall from another one, behind the junctions at its ends."""
    gap = other.distance(one.centreline) - one.radius(one.arc_length)
    begin, end = 0, len(gap)
    if gap[0] < 0.0:
        begin = _way_out(gap)
    if gap[-1] < 0.0:
        end -= _way_out(gap[::-1])
    return float(gap[begin:end].min()) if begin < end else float(gap.max())


def _way_out(gap: FloatArray) -> int:
    """How many samples a vessel takes to leave another one, until their distance first stops growing."""
    apart = np.flatnonzero(gap > 0.0)
    if not apart.size:
        return len(gap)
    rising = np.diff(gap[apart[0] :]) > 0.0
    return int(apart[0]) + (len(rising) if rising.all() else int(np.argmin(rising)))


def _limb_gap(branch: Branch) -> float:
    step = max(len(branch.centreline) // 300, 1)
    points, arc = branch.centreline[::step], branch.arc_length[::step]
    radii = branch.radius(arc)
    widths = radii[:, None] + radii[None, :]
    distance = np.linalg.norm(points[:, None] - points[None, :], axis=2) - widths
    return float(np.where(np.abs(arc[:, None] - arc[None, :]) > 0.5 * APART * widths, distance, np.inf).min())
