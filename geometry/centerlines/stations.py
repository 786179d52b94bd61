"""Places on a centreline: by arc length, nearest, narrowest, and the sides of a bend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from geometry.centerlines.lines import Centerline, Line
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError

_CLEARLY_NARROWER = 0.97
"""Share of the radius at the given point that a narrowing's radius stays below; less is noise of the surface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A place on a line.

    Attributes:
        line: The line that it lies on.
        index: Index of the line's point that is nearest.
        arc: Arc length from the inlet [m].
        point: (3,) [m].
        tangent: (3,) unit vector, downstream.
        radius: Inscribed radius [m].
    """

    line: Line
    index: int
    arc: float
    point: FloatArray
    tangent: FloatArray
    radius: float


def station(line: Line, index: int) -> Station:
    """The station at a point of a line."""
    return Station(
        line=line,
        index=index,
        arc=float(line.arc[index]),
        point=line.points[index],
        tangent=line.tangents[index],
        radius=float(line.radius[index]),
    )


def at_arc(line: Line, arc: float) -> Station:
    """The station at an arc length from the inlet [m], between points of the line; beyond its ends, the end.

    How it lies between them: see `interpolate`.
    """
    arcs = line.arc
    at = float(np.clip(arc, 0.0, arcs[-1]))
    points, tangents, radius = interpolate(line, np.array([at]))
    return Station(
        line=line,
        index=int(np.abs(arcs - at).argmin()),
        arc=at,
        point=points[0],
        tangent=tangents[0],
        radius=float(radius[0]),
    )


def interpolate(line: Line, arcs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points (k, 3), unit tangents (k, 3) and inscribed radii (k,) at arc lengths from the inlet [m].

    Points lie on the cubic Hermite curve through the line's points and tangents, so that a bend is no polygon.
    Arc lengths beyond the line's ends give the ends.
    """
    known, tangents = line.arc, line.tangents
    at = np.clip(arcs, 0.0, known[-1])
    radius = np.asarray(np.interp(at, known, line.radius), dtype=np.float64)
    curve = CubicHermiteSpline(known, line.points, tangents)
    slopes = np.column_stack([np.interp(at, known, tangents[:, axis]) for axis in range(3)])
    return curve(at), np.asarray(slopes / np.linalg.norm(slopes, axis=1, keepdims=True)), radius


def plane_axes(place: Station, *, front: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """(3,) unit vectors that span the plane across the line, right-handed with the tangent.

    Args:
        place: The station.
        front: (3,) direction that the first of them points to as nearly as it can, such as the front (0, 1, 0) of the
            body; any if absent or along the line.
    """
    across = np.zeros(3) if front is None else front - (front @ place.tangent) * place.tangent
    if np.linalg.norm(across) < 1e-3:
        axis = np.eye(3)[int(np.abs(place.tangent).argmin())]
        across = axis - (axis @ place.tangent) * place.tangent
    across = across / np.linalg.norm(across)
    return across, np.asarray(np.cross(place.tangent, across))


def nearest(centerline: Centerline, near: FloatArray, *, where: str = "centreline") -> Station:
    """The station nearest to a point; in a part that several lines share, on the line that goes on widest.

    Raises:
        SurfaceError: The point lies more than two radii off every line, so it cannot mean any vessel.
    """
    lines = centerline.lines
    distances = [np.linalg.norm(line.points - near, axis=1) for line in lines]
    closest = min(float(distance.min()) for distance in distances)
    slack = 1e-6 * max(line.length for line in lines)
    candidates = [
        station(line, int(distance.argmin()))
        for line, distance in zip(lines, distances, strict=True)
        if distance.min() <= closest + slack
    ]
    found = max(candidates, key=lambda place: float(place.line.radius[place.index :].mean()))
    if closest > 2.0 * found.radius:
        x, y, z = 1e3 * found.point
        raise SurfaceError(
            "the point lies outside the vessels",
            where=where,
            value="({:.1f}, {:.1f}, {:.1f}) mm".format(*(1e3 * near)),
            expected=f"a point in or at a vessel; the nearest vessel's middle is ({x:.1f}, {y:.1f}, {z:.1f}) mm, "
            f"{1e3 * closest:.1f} mm away",
            remedy="check that the point is in the scan's world coordinates (RAS)",
        )
    return found


def narrowest(
    centerline: Centerline, near: FloatArray, *, reach: float | None = None, where: str = "centreline"
) -> Station:
    """The place of the smallest inscribed radius near a point, on the line that is nearest to the point.

    Where no place is clearly narrower than the one nearest to the point, as in a tube, it is that one.

    Args:
        near: (3,) point [m].
        reach: How far along the line the place may lie [m]; four median radii of the line if absent.
        where: What the point belongs to, for the error.

    Raises:
        SurfaceError: The point lies outside the vessels.
    """
    start = nearest(centerline, near, where=where)
    line, arc = start.line, start.line.arc
    span = 4.0 * float(np.median(line.radius)) if reach is None else reach
    eligible = np.abs(arc - start.arc) <= span
    eligible &= (arc > line.radius[0]) & (line.length - arc > line.radius[-1])
    candidates = np.where(eligible, line.radius, np.inf)
    if candidates.min() > _CLEARLY_NARROWER * start.radius:
        return start
    return station(line, int(candidates.argmin()))


def inward_bend(place: Station, *, reach: float) -> FloatArray | None:
    """(3,) unit vector across the line towards the inner side (lesser curvature) of the bend; None on a straight line.

    The bend is that of the chord over `reach` [m] to both sides; the reach is doubled until the line leaves its chord
    by more than 2 % of the chord's length.
    """
    line, arc = place.line, place.line.arc
    while True:
        ends = [
            np.interp([place.arc - reach, place.arc + reach], arc, line.points[:, axis]) for axis in range(3)
        ]
        one, other = np.column_stack(ends)
        inward = 0.5 * (one + other) - place.point
        inward = inward - (inward @ place.tangent) * place.tangent
        if np.linalg.norm(inward) > 0.02 * np.linalg.norm(other - one):
            return np.asarray(inward / np.linalg.norm(inward))
        if reach > line.length:
            return None
        reach *= 2.0
