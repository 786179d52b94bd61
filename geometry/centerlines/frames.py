"""How a line bends and twists: curvature, torsion, and frames that travel along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from geometry.centerlines.lines import Line
from hemoplan.arrays import FloatArray

_WINDOW = 1.5
"""Half of the length over which derivatives are fitted, in median radii of the line."""
_DEGREE = 4
_STRAIGHT = 1e-2
"""Curvature times radius below which a line has no plane in which it bends, and so no torsion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """How a line bends at each of its n points.

    Attributes:
        tangent: (n, 3) unit tangents, away from the inlet.
        normal: (n, 3) unit vectors towards the centre of the bend (Frenet's normal); zero where the line is straight.
        curvature: (n,) one over the radius of the bend [1/m].
        torsion: (n,) turn of the plane of the bend over length, positive as of a right-handed screw [1/m]; zero where
            the line is straight.
    """

    tangent: FloatArray
    normal: FloatArray
    curvature: FloatArray
    torsion: FloatArray

    @property
    def binormal(self) -> FloatArray:
        """(n, 3) tangent × normal."""
        return np.asarray(np.cross(self.tangent, self.normal))


def bend_of(line: Line, *, window: float | None = None) -> Bend:
    """Tangent, Frenet normal, curvature and torsion of a line.

    With the derivatives r', r'', r''' of polynomials of degree 4 fitted over a window (Savitzky–Golay):
    kappa = |r' × r''| / |r'|³ and tau = (r' × r'') · r''' / |r' × r''|².

    Args:
        line: The line.
        window: Half of the length of the fit [m]; 1.5 median radii of the line if absent. Within that length of the
            line's ends, the fit is one-sided and less sure.
    """
    arc = line.arc
    count = max(round(line.length / float(np.median(np.diff(arc)))), 2 * _DEGREE) + 1
    even = np.asarray(np.linspace(0.0, line.length, count), dtype=np.float64)
    step = float(even[1])
    half = _WINDOW * float(np.median(line.radius)) if window is None else window
    points = np.column_stack([np.interp(even, arc, line.points[:, axis]) for axis in range(3)])
    width = int(np.clip(2 * round(half / step) + 1, _DEGREE + 3, count - (count + 1) % 2))
    first, second, third = (
        _interpolate(arc, even, savgol_filter(points, width, _DEGREE, deriv=order, delta=step, axis=0))
        for order in (1, 2, 3)
    )
    speed = np.linalg.norm(first, axis=1)
    turn = np.cross(first, second)
    size = np.linalg.norm(turn, axis=1)
    curvature = size / speed**3
    tangent = first / speed[:, None]
    bent = curvature * line.radius > _STRAIGHT
    safe = np.where(bent, size, 1.0)
    normal = np.where(bent[:, None], np.cross(turn / safe[:, None], tangent), 0.0)
    torsion = np.where(bent, np.einsum("ij,ij->i", turn, third) / safe**2, 0.0)
    return Bend(tangent=tangent, normal=normal, curvature=curvature, torsion=torsion)


def transport_frames(line: Line, *, first: FloatArray | None = None) -> FloatArray:
    """Frames that travel along a line without turning about it.

    The double reflection of Wang, Jüttler, Zheng & Liu 2008, doi:10.1145/1330511.1330513: fourth order, and defined
    where the line is straight.

    Args:
        line: The line.
        first: (3,) direction that the second axis of the first frame points to as nearly as it can; any if absent.

    Returns:
        (n, 3, 3) right-handed frames; the rows of each are the tangent and the two unit vectors across.
    """
    tangents = line.tangents
    across = np.empty_like(tangents)
    seed = (
        np.eye(3)[int(np.abs(tangents[0]).argmin())] if first is None else np.asarray(first, dtype=np.float64)
    )
    across[0] = seed - (seed @ tangents[0]) * tangents[0]
    across[0] /= np.linalg.norm(across[0])
    for index, chord in enumerate(np.diff(line.points, axis=0)):
        square = chord @ chord
        mirrored = across[index] - 2.0 * (chord @ across[index]) / square * chord
        turned = tangents[index] - 2.0 * (chord @ tangents[index]) / square * chord
        axis = tangents[index + 1] - turned
        size = axis @ axis
        moved = mirrored - (2.0 * (axis @ mirrored) / size * axis if size > 0.0 else 0.0)
        across[index + 1] = moved / np.linalg.norm(moved)
    return np.stack([tangents, across, np.cross(tangents, across)], axis=1)


def _interpolate(arc: FloatArray, even: FloatArray, values: FloatArray) -> FloatArray:
    return np.column_stack([np.interp(arc, even, values[:, axis]) for axis in range(3)])
