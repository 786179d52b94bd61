"""Band: the vessel narrowed to a diameter over a length, as by a tape or a clip that does not close it."""

from __future__ import annotations

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import nearest
from geometry.edits.radial import (
    Cylindrical,
    Reach,
    check_room,
    constrict,
    largest_diameter,
    present_diameter,
    smallest_diameter,
)
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.case import Band
from hemoplan.errors import VariantError

_TAPER = 0.5
"""Length of each tapered end, in diameters of the vessel before."""
_BLEND = 0.1
"""Width over which band and wall blend where they meet, in radii of the band."""


def place_band(surface: Surface, centerline: Centerline, band: Band) -> Surface:
    """Narrow the vessel around its own line, so that the narrowest section has the diameter of the band.

    The mirror of a stent: the wall takes the band's shape where it was wider and stays where it was narrower; beyond
    the tapered ends nothing changes.

    Raises:
        VariantError: The band runs over an opening, or is as wide as the vessel.
        SurfaceError: The point `near` lies outside the vessels.
    """
    where = f"variant.{band.name}"
    place = nearest(centerline, np.array(band.near), where=f"{where}.near")
    reach = Reach(place=place, length=band.length, taper=_TAPER * 2.0 * place.radius)
    check_room(reach, where=where)
    present = present_diameter(surface, reach, largest_diameter, where=where)
    if band.diameter >= present:
        raise VariantError(
            "the vessel is at most as wide as that already, so the band would not narrow it",
            where=where,
            value=f"diameter {1e3 * band.diameter:.2f} mm",
            expected=f"less than the present {1e3 * present:.2f} mm (equivalent diameter of the widest section)",
            remedy="give a smaller 'diameter', or check 'near'",
        )
    radius = 0.5 * band.diameter
    for _ in range(3):  # the wall is made of chords, so the first result is a little off the circle

        def target(around: Cylindrical, radius: float = radius) -> FloatArray:
            return np.full_like(around.arc, radius)

        narrowed = constrict(surface, reach, target, blend=_BLEND * radius, where=where)
        radius *= band.diameter / smallest_diameter(narrowed, place, band.length)
    return narrowed
