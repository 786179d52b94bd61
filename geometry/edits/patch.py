"""Surgical patch: the vessel enlarged on one side, so that its lumen reaches a diameter over a length."""

from __future__ import annotations

import numpy as np
import pyvista as pv
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import inward_bend, narrowest
from geometry.edits.radial import Cylindrical, Reach, check_reach, dilate, smallest_diameter
from geometry.surfaces.surface import Surface, to_polydata
from hemoplan.arrays import FloatArray
from hemoplan.case import SurgicalPatch
from hemoplan.errors import VariantError

_TAPER = 0.75
"""Length of each tapered end, in patch diameters."""
_BLEND = 0.1
"""Width over which the new wall and the old one blend where they meet, in radii of the enlarged lumen."""
_STATIONS = 80
_SPAN = 0.125
"""Length over which the patch evens out the offset of its circles, as a share of the patch's length: it is a stiff
sheet that spans a narrow throat and does not dip into it."""


def sew_patch(surface: Surface, centerline: Centerline, patch: SurgicalPatch) -> Surface:
    """Enlarge the vessel to one side.

    In every section the lumen is joined with a circle of the wanted diameter that touches the wall from inside on the
    side opposite the patch. With r_0 the distance of that wall from the line and R the circle's radius, the circle's
    centre is off the line by delta = R - r_0, evened out along the line, and its wall is at

        rho(phi) = delta cos(phi) + sqrt(R² - delta² sin²(phi)),

    phi counted from the patch's side. So the opposite wall stays, and the new wall bulges to the patch's side.

    Raises:
        VariantError: The patch runs over an opening, is no wider than the vessel, or the vessel is straight, so that it
            has no inner and outer side.
        SurfaceError: The point `near` lies outside the vessels.
    """
    where = f"variant.{patch.name}"
    place = narrowest(centerline, np.array(patch.near), where=f"{where}.near")
    reach = Reach(place=place, length=patch.length, taper=_TAPER * patch.diameter)
    check_reach(surface, reach, diameter=patch.diameter, where=where)
    inward = inward_bend(place, reach=reach.half)
    if inward is None:
        raise VariantError(
            "the vessel is straight, so it has no inner and outer side",
            where=f"{where}.side",
            value=patch.side,
            expected="a place on a bend",
            remedy="move 'near', or use a stent",
        )
    side = inward if patch.side == "inner" else -inward
    radius = 0.5 * patch.diameter
    for _ in range(3):  # the wall is made of chords, so the first result is a little narrower than the circle
        target = _OffsetCircle(surface, reach, side=side, radius=radius)
        enlarged = dilate(surface, reach, target, blend=_BLEND * radius, where=where)
        radius *= patch.diameter / smallest_diameter(enlarged, place, patch.length)
    return enlarged


class _OffsetCircle:
    """The target radius of a circle that touches the wall opposite a side."""

    def __init__(self, surface: Surface, reach: Reach, *, side: FloatArray, radius: float) -> None:
        self.side = side
        self.radius = radius
        self.arcs, opposite = _opposite_wall(surface, reach, side)
        # A gap of the blend's width keeps the blend off the opposite wall.
        gap = np.minimum(_BLEND * radius, 0.5 * opposite)
        needed = np.maximum(radius - opposite + gap, 0.0)
        width = _SPAN * reach.length / (self.arcs[1] - self.arcs[0])
        spanned = maximum_filter1d(needed, 2 * round(2.0 * width) + 1, mode="nearest")
        self.offsets = np.maximum(gaussian_filter1d(spanned, width, mode="nearest"), needed)

    def __call__(self, around: Cylindrical) -> FloatArray:
        across = self.side - (around.tangent @ self.side)[:, None] * around.tangent
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        cosine = np.clip(np.einsum("ij,ij->i", around.direction, across), -1.0, 1.0)
        offset = np.interp(around.arc, self.arcs, self.offsets)
        return np.asarray(offset * cosine + np.sqrt(self.radius**2 - offset**2 * (1.0 - cosine**2)))


def _opposite_wall(surface: Surface, reach: Reach, side: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Arc lengths over the reach, and the distances from the line to the wall opposite the side, smoothed [m]."""
    line = reach.place.line
    curve = CubicSpline(line.arc, line.points)
    arcs = np.linspace(reach.place.arc - reach.half, reach.place.arc + reach.half, _STATIONS)
    mesh: pv.PolyData = to_polydata(surface)
    distances: list[float] = []
    for arc in arcs:
        foot, slope = curve(arc), curve(arc, 1)
        tangent = slope / np.linalg.norm(slope)
        away = (side @ tangent) * tangent - side
        away /= np.linalg.norm(away)
        hits, _ = mesh.ray_trace(foot, foot + 10.0 * reach.half * away, first_point=True)
        distances.append(float(np.linalg.norm(hits - foot)) if len(hits) else float("nan"))
    found = np.isfinite(distances)
    filled = np.interp(arcs, arcs[found], np.array(distances)[found])
    return np.asarray(arcs, dtype=np.float64), np.asarray(gaussian_filter1d(filled, 1.0, mode="nearest"))
