"""The cross-section perpendicular to the lumen, found by tilting the plane: a wrong tangent does not bias it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.measurements.outlines import plane_axes
from geometry.measurements.sections import Section, cut
from geometry.measurements.slicing import SurfaceIndex, area_around
from hemoplan.arrays import FloatArray

_PROBE = np.radians(10.0)
"""Tilt of the planes that the area is probed in: large against the facets, small against a branch's distance."""
_PROBES = 6
_STEPS = 12
_HALVINGS = 4
_LARGEST_STEP = np.radians(15.0)
_SETTLED = np.radians(0.2)
_STALLED = np.radians(5.0)
"""A step smaller than this that does not lessen the area ends the search as settled: the rest is the facets' noise."""
_LIMIT = np.radians(30.0)
"""A plane farther than this from the given normal is not believed: the vessel is no tube there."""
_LEAST_BEND = 0.3
"""Share of a cylinder's curvature of the inverse area that there must be for a maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perpendicular:
    """A cross-section perpendicular to the lumen.

    Attributes:
        section: The cross-section; its normal points to the same side as the normal given.
        tilt: Angle between its normal and the normal given [rad].
        settled: Whether the search found it; if not, the section is that of the normal given.
    """

    section: Section
    tilt: float
    settled: bool


def cut_perpendicular(index: SurfaceIndex, point: FloatArray, normal: FloatArray) -> Perpendicular:
    """The section of least area among the planes through a point, by Newton's method on the inverse area.

    A cylinder with the axis t and the area A has the section A / (n . t) in the plane of normal n, so 1 / A(n) has its
    only maximum at n = t, and is smooth around it. Seven planes around the present normal give its slope and curvature;
    in a cylinder the first step arrives, bends, tapers and throats take a few.

    Where the radius r bulges outwards along the vessel with r'' < -(1 + 3 r'²) / r, as on the shoulder of an abrupt
    narrowing, the perpendicular section is no longer the least. The probes show that, and the normal given is kept.

    Args:
        index: The surface.
        point: (3,) point inside the vessel [m]; all planes pass through it.
        normal: (3,) unit vector, roughly along the vessel; 15° off is no harm.

    Raises:
        SurfaceError: The plane given misses the surface.
    """
    point = np.asarray(point, dtype=np.float64)
    start = np.asarray(normal, dtype=np.float64) / np.linalg.norm(normal)
    best, least = start, area_around(index, point, start)
    settled = False
    for _ in range(_STEPS if np.isfinite(least) else 0):
        aim = _aim(index, point, best, least)
        if aim is None:
            break
        step = _angle(best, aim)
        turned = _descend(index, point, best, aim, least) if step > _SETTLED else None
        if turned is None:
            settled = step < _STALLED
            break
        best, least = turned
    if not settled or _angle(best, start) > _LIMIT:
        return Perpendicular(section=cut(index, point, start), tilt=0.0, settled=False)
    return Perpendicular(section=cut(index, point, best), tilt=_angle(best, start), settled=True)


def _descend(
    index: SurfaceIndex, point: FloatArray, normal: FloatArray, aim: FloatArray, area: float
) -> tuple[FloatArray, float] | None:
    """A normal on the way to the aim with a smaller area, and that area; None if there is none."""
    step = min(_angle(normal, aim), _LARGEST_STEP)
    for _ in range(_HALVINGS):
        tried = _towards(normal, aim, step)
        found = area_around(index, point, tried)
        if found < area:
            return tried, found
        step *= 0.5
    return None


def _aim(index: SurfaceIndex, point: FloatArray, normal: FloatArray, area: float) -> FloatArray | None:
    """The normal at which a quadratic through the probed inverse areas is largest.

    With u the components of a unit vector across the normal, A(0) / A(u) = 1 + g . u + ½ u . H u; in a cylinder H = -1.

    Returns:
        None where planes miss the vessel, or where the quadratic has no maximum.
    """
    first, second = plane_axes(normal)
    turns = 2.0 * np.pi * np.arange(_PROBES) / _PROBES
    u, v = np.sin(_PROBE) * np.cos(turns), np.sin(_PROBE) * np.sin(turns)
    tilted = np.cos(_PROBE) * normal + u[:, None] * first + v[:, None] * second
    gain = area / np.array([area_around(index, point, each) for each in tilted]) - 1.0
    if not np.isfinite(gain).all():
        return None
    terms = np.column_stack([u, v, 0.5 * u * u, u * v, 0.5 * v * v])
    slope_u, slope_v, *curvature = np.linalg.lstsq(terms, gain, rcond=None)[0]
    bends, directions = np.linalg.eigh(np.array([[curvature[0], curvature[1]], [curvature[1], curvature[2]]]))
    if bends.max() > -_LEAST_BEND:
        return None
    move = directions @ (directions.T @ np.array([slope_u, slope_v]) / -bends)
    aim = normal + move[0] * first + move[1] * second
    return np.asarray(aim / np.linalg.norm(aim))


def _angle(one: FloatArray, other: FloatArray) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other))


def _towards(one: FloatArray, other: FloatArray, angle: float) -> FloatArray:
    """A unit vector turned towards another by an angle; itself where the two are the same."""
    across = other - (other @ one) * one
    length = float(np.linalg.norm(across))
    return np.asarray(np.cos(angle) * one + np.sin(angle) * across / length) if length > 0.0 else one
