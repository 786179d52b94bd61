"""Diameters along a vessel, and how much a narrowing takes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Line
from geometry.measurements.outlines import inscribed_circle
from geometry.measurements.perpendicular import cut_perpendicular
from geometry.measurements.routes import at_arc
from geometry.measurements.slicing import SurfaceIndex
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Diameters over the arc length of a vessel; NaN at an opening, where it cuts the section short.

    Attributes:
        arc: (n,) arc lengths on the vessel's way [m].
        equivalent: (n,) diameters of the circles of the sections' areas [m].
        inscribed: (n,) diameters of the largest circles in the sections [m].
    """

    arc: FloatArray
    equivalent: FloatArray
    inscribed: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """A narrowing against its references.

    With the least diameter d, a proximal reference P and a distal reference D, each an area-equivalent diameter:

    Attributes:
        least, proximal, distal: d, P and D [m].
        against_distal: 1 - d / D, as NASCET does for the carotid artery (N Engl J Med 1991;325:445-453).
        against_proximal: 1 - d / P.
        against_mean: 1 - 2 d / (P + D): the vessel that would be there, interpolated; for a place half-way.
        area_against_distal: 1 - (d / D)².
    """

    least: float
    proximal: float
    distal: float
    against_distal: float
    against_proximal: float
    against_mean: float
    area_against_distal: float


def measure_profile(
    index: SurfaceIndex, line: Line, *, begin: float = 0.0, end: float | None = None, step: float
) -> Profile:
    """Perpendicular sections at equal steps along a vessel.

    Args:
        index: The surface.
        line: The way along the vessel.
        begin, end: First and last arc length [m]; the whole way if absent.
        step: Distance of the sections [m]; the last is shorter if need be.

    Raises:
        SurfaceError: The stretch is empty or not on the line.
    """
    last = line.length if end is None else end
    if not (0.0 <= begin < last <= line.length * (1.0 + 1e-9) and step > 0.0):
        raise SurfaceError(
            "there is no such stretch of the vessel",
            where=line.outlet,
            value=f"from {1e3 * begin:.1f} to {1e3 * last:.1f} mm in steps of {1e3 * step:.2f} mm",
            expected=f"a stretch within 0 to {1e3 * line.length:.1f} mm",
        )
    arcs = np.asarray(np.linspace(begin, last, max(round((last - begin) / step), 1) + 1))
    equivalent = np.full(len(arcs), np.nan)
    inscribed = np.full(len(arcs), np.nan)
    for number, arc in enumerate(arcs):
        point, tangent, _ = at_arc(line, float(arc))
        try:
            section = cut_perpendicular(index, point, tangent).section
        except SurfaceError:  # in the plane of an opening, or beyond it
            continue
        if section.whole:
            equivalent[number] = section.equivalent_diameter
            inscribed[number] = 2.0 * inscribed_circle(section.flat)[1]
    return Profile(arc=arcs, equivalent=equivalent, inscribed=inscribed)


def compare_narrowing(*, least: float, proximal: float, distal: float) -> Narrowing:
    """Compare a least diameter with its references [m].

    Raises:
        SurfaceError: A diameter is not positive.
    """
    if not min(least, proximal, distal) > 0.0:
        raise SurfaceError(
            "a narrowing needs three positive diameters",
            where="narrowing",
            value=f"{1e3 * least:.2f}, {1e3 * proximal:.2f}, {1e3 * distal:.2f} mm",
        )
    return Narrowing(
        least=least,
        proximal=proximal,
        distal=distal,
        against_distal=1.0 - least / distal,
        against_proximal=1.0 - least / proximal,
        against_mean=1.0 - 2.0 * least / (proximal + distal),
        area_against_distal=1.0 - (least / distal) ** 2,
    )
