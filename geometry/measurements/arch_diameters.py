"""Diameters of an aortic arch by its centreline alone, for rules written in them; openings may have any name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.measurements.routes import find_opening, leave

BEHIND_THE_DUCT = ("duct", "main_pulmonary_artery", "right_pulmonary_artery", "left_pulmonary_artery")
"""Vessels that leave the line through an open duct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchDiameters:
    """Diameters of twice the inscribed radius [m].

    Attributes:
        transverse: Median between the first and the last head-and-neck vessel.
        descending: Median of the last third of what lies beyond the last head-and-neck vessel.
        narrowest: Smallest beyond the first head-and-neck vessel.
    """

    transverse: float
    descending: float
    narrowest: float


def measure_arch_diameters(centerline: Centerline, *, distal: str) -> ArchDiameters | None:
    """Measure the arch on the line that ends at the distal opening.

    The other openings are taken for head-and-neck vessels, but for those named like a duct or pulmonary arteries.

    Returns:
        The diameters, or None where this is no arch: fewer than two other outlets leave the line, or they leave it at
        one place.
    """
    lumen = centerline.body(distal)
    if lumen is None or distal not in lumen.outlets or len(lumen.outlets) < 3:
        return None
    line = lumen.branch(distal)
    arc, radius = line.arc, line.radius
    apart = {distal, *(find_opening(vessel, lumen.outlets) for vessel in BEHIND_THE_DUCT)}
    leavings = [leave(line, other) for other in lumen.lines if other.outlet not in apart]
    places = [leaving.arc for leaving in leavings if leaving is not None]
    if len(places) < 2:
        return None
    first, last = min(places), max(places)
    # The last radius of a line is cut short by the cap it ends on.
    whole = arc <= arc[-1] - radius[-1]
    transverse = (arc >= first) & (arc <= last)
    descending = (arc >= last + 2.0 / 3.0 * (arc[-1] - last)) & whole
    beyond = (arc >= first) & whole
    if transverse.sum() < 2 or descending.sum() < 2:
        return None
    return ArchDiameters(
        transverse=2.0 * float(np.median(radius[transverse])),
        descending=2.0 * float(np.median(radius[descending])),
        narrowest=2.0 * float(radius[beyond].min()),
    )
