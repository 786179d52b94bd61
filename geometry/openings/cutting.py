"""Openings: vessel ends that are cut flat, capped and named."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geometry.openings.finding import Found, find_openings, list_openings
from geometry.openings.loops import nearest_loop
from geometry.openings.naming import Named, choose_rule, name_openings
from geometry.surfaces.flat_caps import Plane, cut_flat
from geometry.surfaces.parting import fit_axis, part_by_plane
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.surface import (
    WALL_TAG,
    Surface,
    area_vectors,
    check_closed,
    describe_patch,
    vertex_normals,
)
from hemoplan.arrays import FloatArray
from hemoplan.case import Opening
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

REACH = 4.0
"""A point outside of the vessels may lie this many radii away from the tip that it names."""
AT_TIP = 2.0
"""A point inside of a vessel and farther from the tip than this many radii means a place in the vessel, not the tip."""
SHIFTS = (0.0, 0.3, 0.6, 1.0)
"""How far inside, in radii, a cut behind an end is tried again where its plane meets another vessel."""
DOUBTFUL = 0.8
"""A name that a rule gives with less confidence is warned of."""

OFFSETS = (-0.6, -0.3, 0.0, 0.3, 0.6)
"""Where along a vessel, in radii, sections are laid to find its axis."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a vessel is cut.

    Attributes:
        origin: (3,) a point of the plane inside the vessel [m].
        axis: (3,) unit normal of the plane, towards the part that is dropped.
        radius: Radius of the vessel there [m].
        movable: Whether the plane may be moved inside where it cannot part the vessel.
    """

    origin: FloatArray
    axis: FloatArray
    radius: float
    movable: bool = True


def cut_openings(surface: Surface, openings: Sequence[Opening]) -> Surface:
    """Cut a closed surface flat at every opening, perpendicular to the vessel, and cap it there.

    An opening's point names the nearest vessel end, which is cut a little inside of its tip. A point that lies deeper
    inside of a vessel cuts the vessel right there, and drops the part that holds none of the other openings. Openings
    without a point are named by rule (see `geometry.openings.naming`). An end that no opening names stays closed, and
    a warning is logged.

    Args:
        surface: A closed surface, all wall.
        openings: What to cut, with a point for each, or with names that a rule gives.

    Returns:
        A closed surface; its patches are the wall (tag 1) and the openings in the order given (tags from 2).

    Raises:
        SurfaceError: An opening has no end near it, two openings mean the same end, a rule does not fit, or an end
            cannot be cut.
    """
    check_closed(surface, where="openings")
    found = find_openings(surface)
    cuts = place_cuts(surface, found, openings)
    raw = as_raw(surface)
    for tag, (opening, cut) in enumerate(zip(openings, cuts, strict=True), start=WALL_TAG + 1):
        raw = _cut(raw, cut, tag, opening.name)
    result = Surface(points=raw.points, triangles=raw.triangles, patch_id=raw.patch_id)
    _check_caps(result, openings, cuts)
    check_closed(result, where="openings")
    for end in find_unnamed(result, found):
        _log.warning("the vessel end at %s has no name and stays closed", end)
    return label_patches(result, [(opening.name, opening.role) for opening in openings])


def place_cuts(surface: Surface, found: Sequence[Found], openings: Sequence[Opening]) -> tuple[Cut, ...]:
    """Where each opening cuts the surface.

    Raises:
        SurfaceError: An opening's point is near no end and in no vessel, two openings mean the same end, or openings
            without points cannot be named by rule.
    """
    by_rule = find_by_rule(found, surface, openings)
    taken: dict[int, str] = {}
    cuts: list[Cut] = []
    for opening in openings:
        number = _nearest(surface, found, opening) if opening.near is not None else by_rule[opening.name]
        if number is None:
            cuts.append(_cut_through(surface, opening, openings))
            continue
        end = found[number]
        if number in taken:
            raise SurfaceError(
                "two openings mean the same vessel end",
                where=f"openings.{opening.name}.near",
                value=f"'{taken[number]}' and '{opening.name}' at {end}",
                expected=f"each near an end of its own: {list_openings(found)}",
            )
        taken[number] = opening.name
        cuts.append(Cut(origin=end.centre, axis=end.axis, radius=end.radius))
    return tuple(cuts)


def find_by_rule(
    found: Sequence[Found], surface: Surface | RawSurface, openings: Sequence[Opening]
) -> dict[str, int]:
    """Number of the found opening that each opening without a point means; all empty where every one has a point.

    Raises:
        SurfaceError: No rule gives these names, or it does not fit.
    """
    wanted = [opening.name for opening in openings if opening.near is None]
    if not wanted:
        return {}
    rule = choose_rule(wanted, beside=[opening.name for opening in openings])
    named = {each.name: each for each in name_openings(found, surface, rule=rule)}
    missing = [name for name in wanted if name not in named]
    if missing:
        raise SurfaceError(
            "there are fewer openings than names",
            where=f"openings.{missing[0]}",
            value=f"{len(named)} found: {list_openings(found)}",
            expected=", ".join(wanted),
            remedy="check the segmentation if a vessel is missing",
        )
    for name in wanted:
        _tell(named[name])
    return {name: next(n for n, each in enumerate(found) if each is named[name].found) for name in wanted}


def _tell(named: Named) -> None:
    level = logging.INFO if named.confidence >= DOUBTFUL else logging.WARNING
    _log.log(
        level,
        "%s is the end at %s (%s; confidence %.2f)",
        named.name,
        named.found,
        named.reason,
        named.confidence,
    )


def find_unnamed(surface: Surface, found: Sequence[Found]) -> tuple[Found, ...]:
    """Ends that are still part of a surface after it was cut."""
    tree = cKDTree(surface.points[np.unique(surface.triangles[surface.patch_id == WALL_TAG])])
    return tuple(end for end in found if tree.query(end.tip)[0] < 0.5 * end.radius)


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


def _nearest(surface: Surface, found: Sequence[Found], opening: Opening) -> int | None:
    """Number of the opening that a point names; None where it lies in the middle of a vessel."""
    near = np.array(opening.near)
    gaps = [float(np.linalg.norm(end.tip - near)) / end.radius for end in found]
    nearest = int(np.argmin(gaps)) if gaps else None
    if (nearest is None or gaps[nearest] > AT_TIP) and _is_inside(surface, near):
        return None
    if nearest is None or gaps[nearest] > REACH:
        raise SurfaceError(
            "there is no vessel end near the opening",
            where=f"openings.{opening.name}.near",
            value=_millimetres(near),
            expected=f"a point inside a vessel, or near one of the ends found: {list_openings(found)}",
            remedy="correct 'near', or check the segmentation if the vessel is missing",
        )
    return nearest


def _is_inside(surface: Surface, point: FloatArray) -> bool:
    """Whether a point lies in the lumen, judged by the triangles around the nearest vertex."""
    nearest = int(np.argmin(np.linalg.norm(surface.points - point, axis=1)))
    around = surface.triangles[(surface.triangles == nearest).any(axis=1)]
    normal = area_vectors(surface.points, around).sum(axis=0)
    return bool((point - surface.points[nearest]) @ normal < 0.0)


def _cut_through(surface: Surface, opening: Opening, openings: Sequence[Opening]) -> Cut:
    """Cut a vessel at a point inside of it, so that all other openings stay on one side."""
    station = _fit_station(surface, np.array(opening.near))
    section = None if station is None else part_by_plane(surface, *station)
    if station is None or section is None:
        raise _cannot_cut(opening.name, _millimetres(np.array(opening.near)))
    _, axis = station
    others = [np.array(other.near) for other in openings if other is not opening and other.near is not None]
    if not others:
        raise SurfaceError(
            "a point inside of a vessel does not tell which side of the cut to keep",
            where=f"openings.{opening.name}.near",
            value=_millimetres(np.array(opening.near)),
            expected="a point 'near' another opening too",
        )
    _, vertices = cKDTree(surface.points).query(np.array(others))
    dropped = section.beyond[vertices]
    if dropped.any() and not dropped.all():
        raise SurfaceError(
            "the cut at the opening would separate other openings from each other",
            where=f"openings.{opening.name}.near",
            value=_millimetres(np.array(opening.near)),
            expected="a point beyond which lies no other opening",
        )
    return Cut(
        origin=section.centre,
        axis=-axis if dropped.all() else axis,
        radius=section.radius,
        movable=False,
    )


def _fit_station(surface: Surface, point: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Centre and axis of the vessel at a point inside of it; None where no plane cuts it.

    The axis is first the direction that the wall's normals nearby have least of, then the line through the centroids
    of sections before and behind the point.
    """
    gaps = np.linalg.norm(surface.points - point, axis=1)
    near = gaps < 2.0 * float(gaps.min())
    normals = vertex_normals(surface.points, surface.triangles)[near]
    axis = np.asarray(np.linalg.eigh(normals.T @ normals)[1][:, 0])
    for _ in range(3):
        section = nearest_loop(surface, point, axis)
        if section is None:
            return None
        loops = [
            nearest_loop(surface, section.centre + step * section.radius * axis, axis) for step in OFFSETS
        ]
        centres = np.array([loop.centre for loop in loops if loop is not None])
        if len(centres) < 2:
            return None
        line = fit_axis(centres)
        axis, point = line if line @ axis > 0.0 else -line, section.centre
    return point, axis


def _cannot_cut(name: str, value: str) -> SurfaceError:
    return SurfaceError(
        "the vessel cannot be cut by a plane",
        where=f"openings.{name}",
        value=value,
        expected="a straight piece of vessel of about three radii",
        remedy="move 'near' into a straight piece of the vessel",
    )


def _cut(surface: RawSurface, cut: Cut, tag: int, name: str) -> RawSurface:
    """Cut one opening and close it; a little further inside where the plane meets another vessel."""
    for shift in SHIFTS if cut.movable else SHIFTS[:1]:
        origin = cut.origin - shift * cut.radius * cut.axis
        plane = Plane(origin=origin, axis=cut.axis, radius=cut.radius, tag=tag)
        try:
            return cut_flat(surface, plane, where=f"openings.{name}")
        except SurfaceError as error:
            _log.debug("%s", error)
    raise _cannot_cut(name, f"{_millimetres(cut.origin)}, radius {1e3 * cut.radius:.1f} mm")


def _check_caps(surface: Surface, openings: Sequence[Opening], cuts: Sequence[Cut]) -> None:
    """Check that no cut dropped the cap of another."""
    for tag, (opening, cut) in enumerate(zip(openings, cuts, strict=True), start=WALL_TAG + 1):
        if not (surface.patch_id == tag).any():
            raise SurfaceError(
                "the cut at another opening takes this one along",
                where=f"openings.{opening.name}",
                value=_millimetres(cut.origin),
                expected="openings of which none lies beyond another",
                remedy="correct 'near' of the openings around it",
            )


def _millimetres(point: FloatArray) -> str:
    x, y, z = (1e3 * float(value) for value in point)
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
