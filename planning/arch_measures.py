"""Diameters of an aortic arch along its centreline, for the rules that are written in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Centerline
from hemoplan.arrays import FloatArray

_APART = 1.0
"""Lines have parted where they are this many local radii apart: one has left the other's lumen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchMeasures:
    """Diameters of twice the inscribed radius [m].

    Attributes:
        transverse: Median between the first and the last head-and-neck vessel.
        descending: Median of the last third of what lies beyond the last head-and-neck vessel.
        narrowest: Smallest beyond the first head-and-neck vessel.
    """

    transverse: float
    descending: float
    narrowest: float


def measure_arch(centerline: Centerline, *, distal: str) -> ArchMeasures | None:
    """Measure the arch on the line that ends at the distal opening.

    The other outlets are taken for head-and-neck vessels; one leaves the arch where its line parts from the
    arch's line by the local inscribed radius.

    Returns:
        The diameters, or None where this is no arch: fewer than two other outlets leave the line,
        or they leave it at one place.
    """
    if distal not in centerline.outlets or len(centerline.outlets) < 3:
        return None
    points, radius = _line(centerline, distal)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    partings = []
    for name in centerline.outlets:
        if name != distal:
            other, _ = _line(centerline, name)
            partings.append(_parting(points, radius, arc, other))
    first, last = min(partings), max(partings)
    transverse = (arc >= first) & (arc <= last)
    descending = arc >= last + 2.0 / 3.0 * (arc[-1] - last)
    # The last radius of a line is cut short by the cap it ends on.
    descending &= arc <= arc[-1] - radius[-1]
    beyond = (arc >= first) & (arc <= arc[-1] - radius[-1])
    if transverse.sum() < 2 or descending.sum() < 2:
        return None
    return ArchMeasures(
        transverse=2.0 * float(np.median(radius[transverse])),
        descending=2.0 * float(np.median(radius[descending])),
        narrowest=2.0 * float(radius[beyond].min()),
    )


def _line(centerline: Centerline, outlet: str) -> tuple[FloatArray, FloatArray]:
    index = centerline.outlets.index(outlet)
    inside = slice(int(centerline.offsets[index]), int(centerline.offsets[index + 1]))
    return centerline.points[inside], centerline.radius[inside]


def _parting(points: FloatArray, radius: FloatArray, arc: FloatArray, other: FloatArray) -> float:
    """Arc length at which another line, followed from the inlet, has left the lumen of this line [m]."""
    distance = np.linalg.norm(other[:, None, :] - points[None, :, :], axis=2)
    nearest = distance.argmin(axis=1)
    away = distance[np.arange(len(other)), nearest] > _APART * radius[nearest]
    index = int(np.argmax(away)) if away.any() else len(other) - 1
    return float(arc[nearest[index]])
