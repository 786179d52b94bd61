"""Ligation: the vessel tied off, so that two closed, rounded stumps are left of it."""

from __future__ import annotations

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import Station, at_arc, nearest
from geometry.edits.radial import Reach, check_room, measured_again
from geometry.surfaces.flat_caps import Plane, cut_flat
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import IntArray
from hemoplan.case import Ligation
from hemoplan.errors import SurfaceError, VariantError

_FLAT = 1e-6
"""Distance from the plane of a cut, over the radius, within which vertices belong to its cap."""
_NEAR = 2.0
"""Distance from its middle, over the radius, within which they do."""
_FEWEST_RINGS = 4
"""Of vertices between the rim of a dome and its tip."""


def tie_off(surface: Surface, centerline: Centerline, ligation: Ligation) -> Surface:
    """Close a vessel over a length: on both sides of it, the stumps end in half a ball.

    It is cut across a radius before each end of that length, and a dome of wall is set on each cut; what lies beyond
    the cuts stays as it is. Where no other way joins the two sides, as with a duct
    between two great arteries, two bodies are left, each with its own openings.

    Raises:
        VariantError: The ligature runs over an opening, or the vessel cannot be cut across there.
        SurfaceError: The point `near` lies outside the vessels.
    """
    where = f"variant.{ligation.name}"
    place = nearest(centerline, np.array(ligation.near), where=f"{where}.near")
    reach = Reach(place=place, length=ligation.length, taper=place.radius)
    check_room(reach, where=where)
    begin, end = (at_arc(place.line, place.arc + side * reach.half) for side in (-1.0, 1.0))
    upstream = _kept(surface, begin, 1.0, place.radius, where)
    downstream = _kept(surface, end, -1.0, place.radius, where)
    return measured_again(_together(surface, upstream, downstream, where))


def _kept(surface: Surface, end: Station, side: float, height: float, where: str) -> RawSurface:
    """One side of a cut across the vessel, closed by wall; `side` 1 drops what lies downstream, -1 what is upstream."""
    plane = Plane(origin=end.point, axis=side * end.tangent, radius=end.radius, tag=WALL_TAG)
    try:
        return _domed(cut_flat(as_raw(surface), plane, where=where), plane, height)
    except SurfaceError as error:
        x, y, z = 1e3 * end.point
        raise VariantError(
            "the vessel cannot be tied off there",
            where=where,
            value=f"no plane across ({x:.1f}, {y:.1f}, {z:.1f}) mm parts it from the rest",
            expected="a piece of vessel of about two diameters, with no way around it",
            remedy="move 'near' into the middle of the vessel, or reduce 'length'",
        ) from error


def _domed(surface: RawSurface, plane: Plane, height: float) -> RawSurface:
    """A flat end raised to a dome that goes on from the wall without an edge.

    With c the middle of the rim, n the axis, and t from 0 at the rim to pi/2 at the tip, a point x of the rim becomes

        c + (x - c) cos t + height n sin t.
    """
    level = np.abs((surface.points - plane.origin) @ plane.axis) < _FLAT * plane.radius
    level &= np.linalg.norm(surface.points - plane.origin, axis=1) < _NEAR * plane.radius
    flat = level[surface.triangles].all(axis=1)
    rim = _rim_of(surface.triangles[flat])
    corners = surface.points[rim]
    middle = corners.mean(axis=0)
    rings = max(_FEWEST_RINGS, len(rim) // 4)
    angles = 0.5 * np.pi * np.arange(1, rings) / rings
    raised = [middle + np.cos(t) * (corners - middle) + height * np.sin(t) * plane.axis for t in angles]
    tip = middle + height * plane.axis
    count, before = len(rim), len(surface.points)
    numbers = np.vstack([rim, before + np.arange((rings - 1) * count).reshape(rings - 1, count)])
    ahead = np.roll(numbers, -1, axis=1)
    low, low_ahead, high, high_ahead = (
        part.ravel() for part in (numbers[:-1], ahead[:-1], numbers[1:], ahead[1:])
    )
    top = np.full(count, before + (rings - 1) * count)
    dome = np.vstack(
        [
            np.column_stack([low, low_ahead, high_ahead]),
            np.column_stack([low, high_ahead, high]),
            np.column_stack([numbers[-1], ahead[-1], top]),
        ]
    )
    return surface.renewed(
        np.vstack([surface.points, *raised, tip]),
        np.vstack([surface.triangles[~flat], dome]),
        np.concatenate([surface.patch_id[~flat], np.full(len(dome), WALL_TAG, dtype=np.int64)]),
    )


def _rim_of(cap: IntArray) -> IntArray:
    """Vertices around a cap, in the order in which its triangles run along its edge."""
    edges = np.concatenate([cap[:, [0, 1]], cap[:, [1, 2]], cap[:, [2, 0]]])
    inner = {(int(end), int(begin)) for begin, end in edges}
    follow = {int(begin): int(end) for begin, end in edges if (int(begin), int(end)) not in inner}
    around = [next(iter(follow))]
    while (after := follow[around[-1]]) != around[0]:
        around.append(after)
    return np.array(around, dtype=np.int64)


def _together(surface: Surface, upstream: RawSurface, downstream: RawSurface, where: str) -> Surface:
    """Both sides as one surface with the openings of the whole.

    Raises:
        VariantError: An opening is on both sides or on neither: the cuts do not part the vessel.
    """
    tags = np.concatenate([np.unique(side.patch_id) for side in (upstream, downstream)])
    names = [patch.name for patch in surface.openings if (tags == patch.tag).sum() != 1]
    if names:
        raise VariantError(
            "the ligature does not part the vessel",
            where=where,
            value=f"{', '.join(names)} would be lost, or can still be reached from both sides",
            remedy="reduce 'length', or move 'near'",
        )
    return Surface(
        points=np.vstack([upstream.points, downstream.points]),
        triangles=np.vstack([upstream.triangles, downstream.triangles + len(upstream.points)]),
        patch_id=np.concatenate([upstream.patch_id, downstream.patch_id]),
        patches=surface.patches,
    )
