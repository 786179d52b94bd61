"""Measuring a vessel at a station: the perpendicular section, its diameters, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geometry.centerlines.centerline import Line
from geometry.measurements.anatomical import AnatomicalStation, Seek
from geometry.measurements.perpendicular import Perpendicular, cut_perpendicular
from geometry.measurements.routes import at_arc
from geometry.measurements.sections import Diameters, Section, diameters
from geometry.measurements.slicing import SurfaceIndex, area_around
from hemoplan.arrays import FloatArray

_SWEEP = 13
"""Sections over a window in which the least or greatest is sought; then as many between the neighbours of the best."""
_STEEP = np.radians(25.0)
"""Tilt of the section against the centreline that a reader is told of."""
_INTO_BRANCH = 0.03
"""Share of the outline that may belong to another vessel before the section counts as opening into it."""
_CLEARLY = 0.03
"""Radii by which it must lie deeper in the other vessel's spheres than in its own."""
_CUT_SHORT = "cut short by an opening of the model"
_OPENS = "opens into"
_UNSETTLED = "in the centreline's own plane: the vessel changes too fast here to find its perpendicular"
_OWN_REACH = 2.0
"""Along its own line, a section's vessel is the spheres within this many radii."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured at a station.

    Attributes:
        name: Name of the station.
        vessel: The opening that the vessel's way leads to.
        arc: Arc length on that way [m].
        centre: (3,) centroid of the section, world coordinates (RAS) [m].
        normal: (3,) unit normal of its plane, along the way.
        area: Area [m²].
        perimeter: Length of the outline [m].
        diameters: Its diameters [m].
        tilt: Angle between the plane's normal and the centreline [rad].
        outline: (k, 3) closed outline in order [m]; empty where it was read from a table.
        notes: What a reader must know, such as that the section opens into a branch.
    """

    name: str
    vessel: str
    arc: float
    centre: FloatArray
    normal: FloatArray
    area: float
    perimeter: float
    diameters: Diameters
    tilt: float
    outline: FloatArray
    notes: tuple[str, ...]

    @property
    def spoilt(self) -> bool:
        """Whether the section is not the vessel's alone: it is cut short by an opening, or opens into a branch."""
        return any(note.startswith((_CUT_SHORT, _OPENS)) for note in self.notes)


def measure_station(index: SurfaceIndex, station: AnatomicalStation, lines: tuple[Line, ...]) -> Measurement:
    """The section perpendicular to the lumen at a station, or the least or greatest one in its window.

    Args:
        index: The surface.
        station: Where.
        lines: All lines of the centreline, to tell whether the section opens into another vessel.

    Raises:
        SurfaceError: The station lies outside of the surface.
    """
    if station.seek is Seek.CLEAR:
        return _first_clear(index, station, lines)
    arc = station.arc if station.seek is Seek.HERE else _sought(index, station)
    return _measure(index, station, arc, lines)


def _measure(
    index: SurfaceIndex, station: AnatomicalStation, arc: float, lines: tuple[Line, ...]
) -> Measurement:
    point, tangent, _ = at_arc(station.line, arc)
    found = cut_perpendicular(index, point, tangent)
    return _measurement(station, arc, found, _other_vessel(found.section, station.line, arc, lines))


def _first_clear(index: SurfaceIndex, station: AnatomicalStation, lines: tuple[Line, ...]) -> Measurement:
    """The first of two neighbouring sections in a station's window that are both perpendicular and the vessel's alone.

    Where there are none it is the last one, with its notes.
    """
    arcs = np.linspace(*station.window, _SWEEP)
    before = None
    for arc in arcs:
        measured = _measure(index, station, float(arc), lines)
        if measured.spoilt or _UNSETTLED in measured.notes:
            before = None
        elif before is not None:
            return before
        else:
            before = measured
    return measured


def _measurement(
    station: AnatomicalStation, arc: float, found: Perpendicular, into: str | None
) -> Measurement:
    section = found.section
    notes = [station.note] if station.note else []
    if not section.whole:
        notes.append(_CUT_SHORT)
    if into is not None:
        notes.append(f"{_OPENS} {into}")
    if found.tilt > _STEEP:
        notes.append(f"{np.degrees(found.tilt):.0f}° off the centreline")
    if not found.settled:
        notes.append(_UNSETTLED)
    return Measurement(
        name=station.name,
        vessel=station.line.outlet,
        arc=arc,
        centre=section.centre,
        normal=section.normal,
        area=section.area,
        perimeter=section.perimeter,
        diameters=diameters(section),
        tilt=found.tilt,
        outline=section.outline,
        notes=tuple(notes),
    )


def _sought(index: SurfaceIndex, station: AnatomicalStation) -> float:
    """Arc length of the section of least or greatest area in a station's window, within 1/144 of its width.

    First in the centreline's planes, then perpendicular to the lumen around the best of them.
    """
    begin, end = station.window
    sign = 1.0 if station.seek is Seek.LEAST else -1.0
    best = station.arc
    for area_at in (_area_across, _area_perpendicular):
        arcs = np.linspace(begin, end, _SWEEP)
        areas = np.array([sign * area_at(index, station.line, float(arc)) for arc in arcs])
        if not np.isfinite(areas).any():
            return best
        lowest = int(np.nanargmin(areas))
        best = float(arcs[lowest])
        begin, end = float(arcs[max(lowest - 1, 0)]), float(arcs[min(lowest + 1, _SWEEP - 1)])
    return best


def _area_across(index: SurfaceIndex, line: Line, arc: float) -> float:
    """Area of the section across the centreline [m²]; NaN where there is none."""
    point, tangent, _ = at_arc(line, arc)
    return area_around(index, point, tangent)


def _area_perpendicular(index: SurfaceIndex, line: Line, arc: float) -> float:
    """Area of the section perpendicular to the lumen [m²]; NaN where an opening cuts it short."""
    point, tangent, _ = at_arc(line, arc)
    section = cut_perpendicular(index, point, tangent).section
    return section.area if section.whole else float("nan")


def _other_vessel(section: Section, line: Line, arc: float, lines: tuple[Line, ...]) -> str | None:
    """The vessel whose inscribed spheres hold a part of the outline that this vessel's own do not reach, if any."""
    _, _, radius = at_arc(line, arc)
    here = np.abs(line.arc - arc) <= _OWN_REACH * radius
    own_points, own_radii = line.points[here], line.radius[here]
    if len(own_points) == 0:
        return None
    outline = section.outline
    lengths = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    middles = 0.5 * (np.roll(outline, -1, axis=0) + outline)
    own = (np.linalg.norm(middles[:, None] - own_points[None], axis=2) - own_radii).min(axis=1)
    tree = cKDTree(own_points)
    reach = 2.0 * float(np.linalg.norm(middles - section.centre, axis=1).max())
    for other in lines:
        gaps, feet = tree.query(other.points)
        beside = (gaps > own_radii[feet]) & (gaps < reach + other.radius)
        beside &= np.linalg.norm(other.points - section.centre, axis=1) < reach + other.radius
        if not beside.any():
            continue
        theirs = np.linalg.norm(middles[:, None] - other.points[beside][None], axis=2) - other.radius[beside]
        inside = theirs.min(axis=1) < own - _CLEARLY * radius
        if float(lengths[inside].sum()) > _INTO_BRANCH * section.perimeter:
            return "the vessel it springs from" if other.outlet == line.outlet else other.outlet
    return None
