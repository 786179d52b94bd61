"""Stent: the vessel dilated to a diameter over a length, centred on the narrowest place near a point."""

from __future__ import annotations

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import narrowest
from geometry.edits.radial import Cylindrical, Reach, check_reach, dilate, smallest_diameter
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.case import Stent

_TAPER = 0.5
"""Length of each tapered end, in stent diameters."""
_BLEND = 0.1
"""Width over which stent and wall blend where they meet, in stent radii."""


def place_stent(surface: Surface, centerline: Centerline, stent: Stent) -> Surface:
    """Dilate the vessel around its own line, so that no section over the length is narrower than the stent.

    The wall takes the stent's shape where it was narrower and stays where it was wider; beyond the tapered ends nothing
    changes.

    Raises:
        VariantError: The stent runs over an opening, or is no wider than the vessel.
        SurfaceError: The point `near` lies outside the vessels.
    """
    where = f"variant.{stent.name}"
    place = narrowest(centerline, np.array(stent.near), where=f"{where}.near")
    reach = Reach(place=place, length=stent.length, taper=_TAPER * stent.diameter)
    check_reach(surface, reach, diameter=stent.diameter, where=where)
    radius = 0.5 * stent.diameter
    for _ in range(3):  # the wall is made of chords, so the first result is a little narrower than the circle

        def target(around: Cylindrical, radius: float = radius) -> FloatArray:
            return np.full_like(around.arc, radius)

        dilated = dilate(surface, reach, target, blend=_BLEND * radius, where=where)
        radius *= stent.diameter / smallest_diameter(dilated, place, stent.length)
    return dilated
