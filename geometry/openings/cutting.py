"""Openings: vessel ends that are cut flat, capped and named."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geometry.openings.ends import VesselEnd, find_ends
from geometry.surfaces.parting import fit_station, part_by_plane
from geometry.surfaces.surface import WALL_TAG, Surface, check_closed, describe_patch, vertex_normals
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.case import Opening
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

CUT_DEPTH = 1.2
"""A vessel is cut this many radii inside of its tip, where a round tip has its full radius."""
REACH = 4.0
"""A point outside of the vessels may lie this many radii away from the tip that it names."""
AT_TIP = 2.0
"""A point inside of a vessel and farther from the tip than this many radii means a place in the vessel, not the tip."""
SNAP = 0.15
"""Vertices closer to the cut than this share of the mean edge are moved onto it, so that no sliver is left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a vessel is cut.

    Attributes:
        origin: (3,) a point of the plane inside the vessel [m].
        axis: (3,) unit normal of the plane, towards the part that is dropped.
        radius: Radius of the vessel there [m].
    """

    origin: FloatArray
    axis: FloatArray
    radius: float


def cut_openings(surface: Surface, openings: Sequence[Opening]) -> Surface:
    """Cut a closed surface flat at every opening, perpendicular to the vessel, and cap it there.

    An opening's point names the nearest vessel end, which is cut a little inside of its tip. A point that lies deeper
    inside of a vessel cuts the vessel right there, and drops the part that holds none of the other openings. An end
    that no opening names stays closed, and a warning is logged.

    Args:
        surface: A closed surface, all wall.
        openings: What to cut, with a point for each.

    Returns:
        A closed surface; its patches are the wall (tag 1) and the openings in the order given (tags from 2).

    Raises:
        SurfaceError: An opening has no end near it, two openings mean the same end, or an end cannot be cut.
    """
    check_closed(surface, where="openings")
    ends = find_ends(surface)
    cuts = place_cuts(surface, ends, openings)
    for tag, (opening, cut) in enumerate(zip(openings, cuts, strict=True), start=WALL_TAG + 1):
        surface = _cut(surface, cut, tag, opening.name)
    check_closed(surface, where="openings")
    for end in find_unnamed(surface, ends):
        _log.warning("the vessel end at %s has no name and stays closed", _describe(end))
    return label_patches(surface, [(opening.name, opening.role) for opening in openings])


def place_cuts(surface: Surface, ends: Sequence[VesselEnd], openings: Sequence[Opening]) -> tuple[Cut, ...]:
    """Where each opening cuts the surface.

    Raises:
        SurfaceError: An opening's point is near no end and in no vessel, or two openings mean the same end.
    """
    listed = "; ".join(_describe(end) for end in ends) or "none"
    taken: dict[int, str] = {}
    cuts: list[Cut] = []
    for opening in openings:
        near = np.array(opening.near)
        gaps = [float(np.linalg.norm(end.tip - near)) / end.radius for end in ends]
        nearest = int(np.argmin(gaps)) if gaps else -1
        inside = _is_inside(surface, near)
        if inside and (not gaps or gaps[nearest] > AT_TIP):
            cuts.append(_cut_through(surface, opening, openings))
            continue
        if not gaps or gaps[nearest] > REACH:
            raise SurfaceError(
                "there is no vessel end near the opening",
                where=f"openings.{opening.name}.near",
                value=_millimetres(opening.near),
                expected=f"a point inside a vessel, or near one of the ends found: {listed}",
                remedy="correct 'near', or check the segmentation if the vessel is missing",
            )
        end = ends[nearest]
        if nearest in taken:
            raise SurfaceError(
                "two openings mean the same vessel end",
                where=f"openings.{opening.name}.near",
                value=f"'{taken[nearest]}' and '{opening.name}' at {_describe(end)}",
                expected=f"each near an end of its own: {listed}",
            )
        taken[nearest] = opening.name
        cuts.append(Cut(origin=end.tip - CUT_DEPTH * end.radius * end.axis, axis=end.axis, radius=end.radius))
    return tuple(cuts)


def find_unnamed(surface: Surface, ends: Sequence[VesselEnd]) -> tuple[VesselEnd, ...]:
    """Ends that are still part of a surface after it was cut."""
    tree = cKDTree(surface.points[np.unique(surface.triangles[surface.patch_id == WALL_TAG])])
    return tuple(end for end in ends if tree.query(end.tip)[0] < 0.5 * end.radius)


def label_patches(surface: Surface, names: Sequence[tuple[str, Role]]) -> Surface:
    """Measure the wall and the openings (tags from 2, in the order given) of a surface whose `patch_id` is set."""
    entries = [("wall", Role.WALL), *names]
    patches = tuple(
        describe_patch(
            surface.points, surface.triangles[surface.patch_id == tag], name=name, role=role, tag=tag
        )
        for tag, (name, role) in enumerate(entries, start=WALL_TAG)
    )
    return Surface(
        points=surface.points, triangles=surface.triangles, patch_id=surface.patch_id, patches=patches
    )


def _is_inside(surface: Surface, point: FloatArray) -> bool:
    """Whether a point lies in the lumen, judged by the nearest vertex."""
    nearest = int(np.argmin(np.linalg.norm(surface.points - point, axis=1)))
    normal = vertex_normals(surface.points, surface.triangles)[nearest]
    return bool((point - surface.points[nearest]) @ normal < 0.0)


def _cut_through(surface: Surface, opening: Opening, openings: Sequence[Opening]) -> Cut:
    """Cut a vessel at a point inside of it, so that all other openings stay on one side."""
    station = fit_station(surface, np.array(opening.near))
    if station is None:
        raise _cannot_cut(opening.name, _millimetres(opening.near))
    section, axis = station
    others = [np.array(other.near) for other in openings if other is not opening]
    _, vertices = cKDTree(surface.points).query(np.array(others))
    dropped = section.beyond[vertices]
    if dropped.any() and not dropped.all():
        raise SurfaceError(
            "the cut at the opening would separate other openings from each other",
            where=f"openings.{opening.name}.near",
            value=_millimetres(opening.near),
            expected="a point beyond which lies no other opening",
        )
    return Cut(origin=section.centre, axis=-axis if dropped.all() else axis, radius=section.radius)


def _cannot_cut(name: str, value: str) -> SurfaceError:
    return SurfaceError(
        "the vessel cannot be cut by a plane",
        where=f"openings.{name}",
        value=value,
        expected="a straight piece of vessel of about three radii",
        remedy="move 'near' into a straight piece of the vessel",
    )


def _cut(surface: Surface, cut: Cut, tag: int, name: str) -> Surface:
    """Cut one opening and close it with a fan around its centre."""
    section = part_by_plane(surface, cut.origin, cut.axis)
    if section is None or section.area > 4.0 * np.pi * cut.radius**2:
        raise _cannot_cut(name, f"{_millimetres(cut.origin)}, radius {1e3 * cut.radius:.1f} mm")
    beyond = section.beyond.copy()
    height = (surface.points - cut.origin) @ cut.axis
    edges = np.linalg.norm(np.diff(surface.points[surface.triangles[:, :2]], axis=1), axis=2)
    rim = _on_plane(surface, beyond, height, SNAP * float(edges.mean()))
    points = surface.points.copy()
    points[rim] -= height[rim, None] * cut.axis
    beyond[rim] = False
    height[rim] = 0.0
    if not beyond.any():
        raise _cannot_cut(name, f"{_millimetres(cut.origin)}, radius {1e3 * cut.radius:.1f} mm")
    points, triangles, patch_id = _split(points, surface, beyond, height)
    return _cap(points, triangles, patch_id, tag)


def _on_plane(surface: Surface, beyond: NDArray[np.bool_], height: FloatArray, snap: float) -> IntArray:
    """Vertices of triangles that the cut crosses and that lie close enough to the plane to be moved onto it."""
    inside = beyond[surface.triangles]
    crossed = np.unique(surface.triangles[inside.any(axis=1) & ~inside.all(axis=1)])
    return crossed[np.abs(height[crossed]) < snap]


def _split(
    points: FloatArray, surface: Surface, beyond: NDArray[np.bool_], height: FloatArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Drop the triangles beyond the plane and trim those that cross it."""
    count = beyond[surface.triangles].sum(axis=1)
    kept = list(surface.triangles[count == 0])
    tags = list(surface.patch_id[count == 0])
    added: dict[tuple[int, int], int] = {}
    corners: list[FloatArray] = []

    def crossing(inner: int, outer: int) -> int:
        """The new vertex on the edge from a kept vertex to one beyond; the kept one itself where it is on the plane."""
        if height[inner] == 0.0:
            return inner
        if (inner, outer) not in added:
            weight = height[inner] / (height[inner] - height[outer])
            added[inner, outer] = len(points) + len(corners)
            corners.append(points[inner] + weight * (points[outer] - points[inner]))
        return added[inner, outer]

    partly = (count == 1) | (count == 2)
    for triangle, tag in zip(surface.triangles[partly], surface.patch_id[partly], strict=True):
        polygon: list[int] = []
        for a, b in zip(triangle.tolist(), np.roll(triangle, -1).tolist(), strict=True):
            if not beyond[a]:
                polygon.append(a)
            if beyond[a] != beyond[b]:
                polygon.append(crossing(b, a) if beyond[a] else crossing(a, b))
        polygon = [
            corner
            for corner, after in zip(polygon, polygon[1:] + polygon[:1], strict=True)
            if corner != after
        ]
        for second, third in zip(polygon[1:], polygon[2:], strict=False):
            kept.append(np.array([polygon[0], second, third]))
            tags.append(tag)
    return np.vstack([points, *corners]), np.array(kept, dtype=np.int64), np.array(tags, dtype=np.int64)


def _cap(points: FloatArray, triangles: IntArray, patch_id: IntArray, tag: int) -> Surface:
    """Close the one hole of a surface with a fan, and drop vertices that are not used any more."""
    start = triangles.ravel()
    end = np.roll(triangles, -1, axis=1).ravel()
    alone = ~np.isin(start * len(points) + end, end * len(points) + start)
    rim = np.column_stack([end[alone], start[alone]])
    fan = np.column_stack([rim, np.full(len(rim), len(points))])
    points = np.vstack([points, points[rim[:, 0]].mean(axis=0)])
    triangles = np.vstack([triangles, fan])
    used, renumbered = np.unique(triangles, return_inverse=True)
    return Surface(
        points=points[used],
        triangles=renumbered.reshape(-1, 3).astype(np.int64),
        patch_id=np.concatenate([patch_id, np.full(len(fan), tag, dtype=np.int64)]),
    )


def _describe(end: VesselEnd) -> str:
    return f"{_millimetres(end.tip)}, radius {1e3 * end.radius:.1f} mm"


def _millimetres(point: Sequence[float] | FloatArray) -> str:
    x, y, z = (1e3 * float(value) for value in point)
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
