"""The radial field that edits share: wall vertices are moved away from a line, or towards it, to a target radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geometry.centerlines.stations import Station
from geometry.measurements.sections import cut
from geometry.surfaces.surface import Surface, describe_patch
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError, VariantError
from hemoplan.patch import Role

_RELAXATIONS = 15
_TAUBIN = (0.5, -0.53)
_LEAST_SHIFT = 0.02
"""Share of the largest shift above which a vertex counts as moved when the moved ones are evened out."""
_MEASURES = 15
"""Cross-sections that the diameter is measured in over the length of an edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The part of a line that an edit acts on.

    Attributes:
        place: The station at its middle.
        length: Length with the full effect [m].
        taper: Length on both sides over which the effect fades to nothing [m].
    """

    place: Station
    length: float
    taper: float

    @property
    def half(self) -> float:
        """Distance from the middle to where the effect has gone [m]."""
        return 0.5 * self.length + self.taper

    def weight(self, arc: FloatArray) -> FloatArray:
        """Share of the effect by arc length: 1 over the length, then a smooth step down to 0."""
        ramp = np.clip((self.half - np.abs(arc - self.place.arc)) / self.taper, 0.0, 1.0)
        return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cylindrical:
    """Coordinates of points about a line.

    Attributes:
        arc: (n,) arc length of the foot on the line [m].
        distance: (n,) distance from the foot [m].
        direction: (n, 3) unit vector from the foot to the point.
        tangent: (n, 3) unit tangent of the line at the foot.
    """

    arc: FloatArray
    distance: FloatArray
    direction: FloatArray
    tangent: FloatArray


TargetRadius = Callable[[Cylindrical], FloatArray]
"""(n,) radius [m] that the wall has to reach in the direction of each point."""


def dilate(surface: Surface, reach: Reach, target: TargetRadius, *, blend: float, where: str) -> Surface:
    """Move the wall outwards so that it reaches a target radius about the line, and leave it where it is wider already.

    rho' = rho + w(s) (smax(rho, R) - rho), with smax(a, b) = max(a, b) + max(blend - |a - b|, 0)² / (4 blend), which
    is exact where a and b differ by more than `blend`. Only the piece of the wall that hangs together with the middle
    of the reach is moved, so a neighbouring vessel stays; vertices of openings never move.

    Raises:
        VariantError: The moved part touches an opening.
    """
    return _move(surface, reach, target, outwards=1.0, blend=blend, where=where)


def constrict(surface: Surface, reach: Reach, target: TargetRadius, *, blend: float, where: str) -> Surface:
    """Move the wall inwards to a target radius about the line, and leave it where it is narrower already.

    The mirror of `dilate`: rho' = rho + w(s) (smin(rho, R) - rho), with smin(a, b) = -smax(-a, -b).

    Raises:
        VariantError: The moved part touches an opening.
    """
    return _move(surface, reach, target, outwards=-1.0, blend=blend, where=where)


def _move(
    surface: Surface, reach: Reach, target: TargetRadius, *, outwards: float, blend: float, where: str
) -> Surface:
    """The field of `dilate` (outwards = 1) and of `constrict` (-1)."""
    wall = next(patch for patch in surface.patches if patch.role is Role.WALL)
    around = about_line(surface.points, reach)
    radius = target(around)
    in_reach = np.abs(around.arc - reach.place.arc) < reach.half
    local = np.interp(around.arc, reach.place.line.arc, reach.place.line.radius)
    vessel = in_reach & (around.distance < 1.6 * np.maximum(radius, local))
    vessel &= _piece(surface.triangles, vessel, int(cKDTree(surface.points).query(reach.place.point)[1]))
    gap = np.maximum(blend - np.abs(around.distance - radius), 0.0)
    furthest = outwards * np.maximum(outwards * around.distance, outwards * radius)
    rise = furthest + outwards * gap**2 / (4.0 * blend) - around.distance
    shift = np.where(vessel, reach.weight(around.arc) * rise, 0.0)
    openings = np.unique(surface.triangles[surface.patch_id != wall.tag])
    touched = openings[np.abs(shift[openings]) > 1e-9]
    if touched.size:
        names = {patch.tag: patch.name for patch in surface.patches}
        held = np.isin(surface.triangles, touched).any(axis=1) & (surface.patch_id != wall.tag)
        raise VariantError(
            "the edit runs over an opening of the model",
            where=where,
            value=", ".join(sorted({names[int(tag)] for tag in surface.patch_id[held]})),
            expected="an edit that leaves all openings as they are",
            remedy="shorten it, or keep a longer piece of the vessel in the model",
        )
    size = np.abs(shift)
    points = surface.points + shift[:, None] * around.direction
    points = _relax(points, surface.triangles, moved=size > _LEAST_SHIFT * float(size.max()))
    return measured_again(replace(surface, points=points))


def measured_again(surface: Surface) -> Surface:
    """The same surface with its patches measured anew."""
    patches = tuple(
        describe_patch(
            surface.points,
            surface.triangles[surface.patch_id == patch.tag],
            name=patch.name,
            role=patch.role,
            tag=patch.tag,
        )
        for patch in surface.patches
    )
    return replace(surface, patches=patches)


def about_line(points: FloatArray, reach: Reach) -> Cylindrical:
    """Cylindrical coordinates about the part of a line that an edit reaches, by Newton steps on its cubic spline."""
    line = reach.place.line
    curve = CubicSpline(line.arc, line.points)
    begin, end = np.clip([reach.place.arc - reach.half, reach.place.arc + reach.half], 0.0, line.length)
    samples = np.linspace(begin, end, 400)
    arc = samples[cKDTree(curve(samples)).query(points)[1]]
    for _ in range(3):
        offset, slope, bend = points - curve(arc), curve(arc, 1), curve(arc, 2)
        curvature = np.einsum("ij,ij->i", slope, slope) - np.einsum("ij,ij->i", offset, bend)
        step = np.einsum("ij,ij->i", offset, slope) / np.maximum(curvature, 0.2)
        arc = np.clip(arc + np.clip(step, -0.01 * reach.half, 0.01 * reach.half), begin, end)
    offset, slope = points - curve(arc), curve(arc, 1)
    distance = np.linalg.norm(offset, axis=1)
    return Cylindrical(
        arc=arc,
        distance=distance,
        direction=offset / np.maximum(distance, np.finfo(float).tiny)[:, None],
        tangent=slope / np.linalg.norm(slope, axis=1, keepdims=True),
    )


def smallest_diameter(surface: Surface, place: Station, length: float) -> float:
    """Smallest equivalent diameter of the cross-sections over a length about a station [m]."""
    return min(_diameters(surface, place, length))


def largest_diameter(surface: Surface, place: Station, length: float) -> float:
    """Largest equivalent diameter of the cross-sections over a length about a station [m]."""
    return max(_diameters(surface, place, length))


def _diameters(surface: Surface, place: Station, length: float) -> list[float]:
    """Equivalent diameters of the cross-sections over a length about a station [m]."""
    line = place.line
    curve = CubicSpline(line.arc, line.points)
    arcs = place.arc + np.linspace(-0.5, 0.5, _MEASURES) * length
    diameters = []
    for arc in arcs:
        slope = curve(arc, 1)
        diameters.append(cut(surface, curve(arc), slope / np.linalg.norm(slope)).equivalent_diameter)
    return diameters


def check_reach(surface: Surface, reach: Reach, *, diameter: float, where: str) -> None:
    """Check that an edit fits into its vessel and enlarges it.

    Raises:
        VariantError: It runs over the vessel's end, or the vessel is as wide as that already.
    """
    check_room(reach, where=where)
    present = present_diameter(surface, reach, smallest_diameter, where=where)
    if diameter <= present:
        raise VariantError(
            "the vessel is at least as wide as that already, so the edit would close it instead of opening it",
            where=where,
            value=f"diameter {1e3 * diameter:.2f} mm",
            expected=f"more than the present {1e3 * present:.2f} mm (equivalent diameter of the narrowest section)",
            remedy="give a larger 'diameter', or check 'near'",
        )


def check_room(reach: Reach, *, where: str) -> None:
    """Check that an edit fits into its vessel.

    Raises:
        VariantError: It runs over the vessel's end.
    """
    line, place = reach.place.line, reach.place
    room = min(place.arc, line.length - place.arc)
    if reach.half > room:
        end = "the inlet" if place.arc < line.length - place.arc else line.outlet
        raise VariantError(
            "the edit runs over an opening of the model",
            where=where,
            value=f"{1e3 * reach.half:.1f} mm to each side, ends included, and {end} is {1e3 * room:.1f} mm away",
            expected="an edit that leaves all openings as they are",
            remedy="shorten it, or keep a longer piece of the vessel in the model",
        )


def present_diameter(
    surface: Surface, reach: Reach, measure: Callable[[Surface, Station, float], float], *, where: str
) -> float:
    """`smallest_diameter` or `largest_diameter` over the length of an edit, before it [m].

    Raises:
        VariantError: The vessel has no section there.
    """
    try:
        return measure(surface, reach.place, reach.length)
    except SurfaceError as error:
        raise VariantError("the vessel cannot be measured there", where=where, value=error) from error


def _relax(points: FloatArray, triangles: IntArray, *, moved: NDArray[np.bool_]) -> FloatArray:
    """Even out the moved vertices, which crowd where a steep wall was dilated, without shrinking the vessel.

    Smoothing steps inwards and outwards in turn (Taubin 1995, doi:10.1145/218380.218473).
    """
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    links = coo_array(
        (np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(points), len(points))
    ).tocsr()
    links = links[moved]
    mean = diags_array(1.0 / links.sum(axis=1)) @ links
    relaxed = points.copy()
    for _ in range(_RELAXATIONS):
        for share in _TAUBIN:
            relaxed[moved] += share * (mean @ relaxed - relaxed[moved])
    return relaxed


def _piece(triangles: IntArray, chosen: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """The chosen vertices that hang together with a seed by edges between chosen vertices."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[chosen[edges].all(axis=1)]
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(chosen), len(chosen)))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels == labels[seed])
