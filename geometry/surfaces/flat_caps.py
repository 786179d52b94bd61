"""Flat caps at the ends of vessels: on open rims, on planes, and on openings that arrive already closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.surfaces.defects import describe_rim, millimetres
from geometry.surfaces.parting import part_by_plane
from geometry.surfaces.raw import Group, RawSurface
from geometry.surfaces.rims import FLAT, Rim, close_rim, find_rims
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors, describe_patch
from geometry.surfaces.topology import find_edges
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch, Role

SNAP = 0.15
"""Vertices closer to a cut than this share of the mean edge there are moved onto it, so that no sliver is left."""
CLEAR = 0.1
"""A ragged end is cut this many radii behind its deepest notch."""
DEEPEST = 3.0
"""Most of a vessel, in radii, that is cut off to make a ragged end flat."""
WIDER = 1.6
"""Largest ratio of the radius of a cut to that of the rim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A flat end of a vessel.

    Attributes:
        origin: (3,) its middle [m].
        axis: (3,) unit normal, out of the vessel.
        radius: Radius of the circle of the same area [m].
        tag: Of the opening.
    """

    origin: FloatArray
    axis: FloatArray
    radius: float
    tag: int


def cap_ends(surface: RawSurface, *, where: str) -> tuple[RawSurface, tuple[str, ...]]:
    """Close every open rim with a flat cap, and make flat the caps that are there.

    A flat rim is closed as it is. A ragged one is cut off perpendicular to its own plane, just behind its deepest
    notch. Openings that are new get the names end_1, end_2, … from the widest to the narrowest; the widest is taken
    for the inlet.

    Args:
        surface: Consistently wound outwards, one body; its only open edges are rims.
        where: For messages.

    Returns:
        The closed surface, and what was done.

    Raises:
        SurfaceError: A rim is a hole in the wall, or a ragged end cannot be cut flat.
    """
    done: list[str] = []
    for group in surface.groups:
        if _unevenness(surface, group.tag) > FLAT * _radius(surface, group.tag):
            surface = _drop_cap(surface, group.tag)
            rims = find_rims(surface.points, surface.triangles)
            surface, what = _cap(surface, rims[0], group.tag, where)
            done.append(f"{what} ({group.name})")
    rims = find_rims(surface.points, surface.triangles)
    taken = max([WALL_TAG, *(group.tag for group in surface.groups)])
    groups = [
        Group(tag=taken + number, name=f"end_{number}", role=Role.OUTLET if number > 1 else Role.INLET)
        for number in range(1, len(rims) + 1)
    ]
    if surface.groups:
        groups = [Group(tag=group.tag, name=group.name, role=Role.OUTLET) for group in groups]
    ends = [(rim.centre, group) for rim, group in zip(rims, groups, strict=True)]
    for centre, group in ends:
        left = find_rims(surface.points, surface.triangles)
        rim = min(left, key=lambda each: float(np.linalg.norm(each.centre - centre)))
        surface, what = _cap(surface, rim, group.tag, where)
        done.append(f"{what} ({group.name})")
    return _with_groups(surface, (*surface.groups, *groups)), tuple(done)


def cut_flat(surface: RawSurface, plane: Plane, *, where: str) -> RawSurface:
    """Cut a closed surface along one loop of a plane, drop what lies beyond, and close it with a flat cap.

    Raises:
        SurfaceError: The plane misses the vessel, meets a much wider one, or does not part the surface.
    """
    section = part_by_plane(_closed(surface), plane.origin, plane.axis)
    if section is None or not plane.radius / WIDER < section.radius < WIDER * plane.radius:
        raise _cannot_cut(plane, where)
    beyond = section.beyond.copy()
    points = surface.points.copy()
    height = (points - plane.origin) @ plane.axis
    inside = beyond[surface.triangles]
    crossed = np.unique(surface.triangles[inside.any(axis=1) & ~inside.all(axis=1)])
    snap = SNAP * _mean_edge(points, surface.triangles[inside.any(axis=1) & ~inside.all(axis=1)])
    rim = crossed[np.abs(height[crossed]) < snap]
    points[rim] -= height[rim, None] * plane.axis
    beyond[rim], height[rim] = False, 0.0
    points, triangles, patch_id = _trim(points, surface, beyond, height)
    trimmed = surface.renewed(points, triangles, patch_id)
    rims = find_rims(trimmed.points, trimmed.triangles)
    if len(rims) != 1:
        raise _cannot_cut(plane, where)
    return close_rim(trimmed, rims[0], plane.tag)


def find_planes(surface: RawSurface) -> tuple[Plane, ...]:
    """The plane of each opening."""
    planes = []
    for group in surface.groups:
        chosen = surface.triangles[surface.patch_id == group.tag]
        patch = describe_patch(surface.points, chosen, name=group.name, role=group.role, tag=group.tag)
        planes.append(
            Plane(
                origin=np.array(patch.centre),
                axis=np.array(patch.normal),
                radius=float(np.sqrt(patch.area / np.pi)),
                tag=group.tag,
            )
        )
    return tuple(planes)


def named(surface: RawSurface) -> Surface:
    """The surface with its patches measured: the wall, then the openings, tagged from 2 in the order of the groups."""
    patch_id = np.full(len(surface.triangles), WALL_TAG, dtype=np.int64)
    for tag, group in enumerate(surface.groups, start=WALL_TAG + 1):
        patch_id[surface.patch_id == group.tag] = tag
    entries = [("wall", Role.WALL), *((group.name, group.role) for group in surface.groups)]
    patches: tuple[Patch, ...] = ()
    if surface.groups:
        patches = tuple(
            describe_patch(surface.points, surface.triangles[patch_id == tag], name=name, role=role, tag=tag)
            for tag, (name, role) in enumerate(entries, start=WALL_TAG)
        )
    return Surface(points=surface.points, triangles=surface.triangles, patch_id=patch_id, patches=patches)


def flatness(surface: Surface) -> float:
    """Largest distance of a vertex of an opening from the opening's plane [m]; 0 where there are none."""
    raw = RawSurface(points=surface.points, triangles=surface.triangles, patch_id=surface.patch_id)
    return max((_unevenness(raw, patch.tag) for patch in surface.openings), default=0.0)


def _cap(surface: RawSurface, rim: Rim, tag: int, where: str) -> tuple[RawSurface, str]:
    """Close one rim flat."""
    if rim.torn:
        raise SurfaceError(
            "the wall has a hole",
            where=where,
            value=describe_rim(rim),
            expected="open rims at the ends of vessels only",
            remedy="close the hole in the program that made the surface, or segment again",
        )
    if rim.flat:
        points = surface.points.copy()
        points[rim.vertices] -= ((points[rim.vertices] - rim.centre) @ rim.normal)[:, None] * rim.normal
        flat = RawSurface(
            points=points,
            triangles=surface.triangles,
            patch_id=surface.patch_id,
            groups=surface.groups,
            source=surface.source,
        )
        return close_rim(flat, rim, tag), f"closed a flat rim at {millimetres(rim.centre)}"
    height = (surface.points[rim.vertices] - rim.centre) @ rim.normal
    depth = float(-height.min()) + CLEAR * rim.radius
    if depth > DEEPEST * rim.radius:
        raise SurfaceError(
            "an open end is too ragged to be cut flat",
            where=where,
            value=describe_rim(rim),
            expected=f"a rim that leaves its plane by at most {DEEPEST:g} radii ({3e3 * rim.radius:.1f} mm)",
            remedy="cut the vessel flat there in the program that made the surface",
        )
    # The other rims stay open, so they are closed for the cut and opened again.
    marker = max(int(surface.patch_id.max()), tag) + 1
    closed = surface
    for other in find_rims(surface.points, surface.triangles):
        closed = close_rim(closed, other, marker)
    plane = Plane(origin=rim.centre - depth * rim.normal, axis=rim.normal, radius=rim.radius, tag=tag)
    cut = cut_flat(closed, plane, where=where)
    kept = cut.patch_id != marker
    opened = cut.renewed(cut.points, cut.triangles[kept], cut.patch_id[kept])
    return opened, f"cut a ragged rim at {millimetres(rim.centre)} flat, {1e3 * depth:.1f} mm inside"


def _cannot_cut(plane: Plane, where: str) -> SurfaceError:
    return SurfaceError(
        "the vessel cannot be cut flat",
        where=where,
        value=f"at {millimetres(plane.origin)}, radius {1e3 * plane.radius:.1f} mm",
        expected="a plane that meets this vessel alone, across",
        remedy="part the vessel from its neighbour there, or move the opening into a straight piece of it",
    )


def _trim(
    points: FloatArray, surface: RawSurface, beyond: NDArray[np.bool_], height: FloatArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Drop the triangles beyond the plane and cut those that cross it."""
    triangles, tags = surface.triangles, surface.patch_id
    outside = beyond[triangles]
    count = outside.sum(axis=1)
    edges = find_edges(triangles)
    low, high = edges.vertices.T
    cut = beyond[low] != beyond[high]
    inner, outer = np.where(beyond[low], high, low), np.where(beyond[low], low, high)
    # A kept vertex on the plane is itself where its edges are cut.
    new = cut & (height[inner] != 0.0)
    share = height[inner[new]] / (height[inner[new]] - height[outer[new]])
    added = points[inner[new]] + share[:, None] * (points[outer[new]] - points[inner[new]])
    crossing = np.where(cut, inner, -1)
    crossing[new] = len(points) + np.arange(int(new.sum()))
    on_side = crossing[edges.edge].reshape(-1, 3)
    pieces, marks = [triangles[count == 0]], [tags[count == 0]]
    for number, lone in ((1, outside), (2, ~outside)):
        chosen = np.flatnonzero(count == number)
        tip = lone[chosen].argmax(axis=1)
        a, b, c = (triangles[chosen, (tip + turn) % 3] for turn in range(3))
        ab, ca = on_side[chosen, tip], on_side[chosen, (tip + 2) % 3]
        if number == 1:
            pieces += [np.column_stack([b, c, ca]), np.column_stack([b, ca, ab])]
            marks += [tags[chosen], tags[chosen]]
        else:
            pieces.append(np.column_stack([a, ab, ca]))
            marks.append(tags[chosen])
    kept, patch_id = np.vstack(pieces), np.concatenate(marks)
    whole = (kept != np.roll(kept, 1, axis=1)).all(axis=1)
    return np.vstack([points, added]), kept[whole], patch_id[whole]


def _drop_cap(surface: RawSurface, tag: int) -> RawSurface:
    kept = surface.patch_id != tag
    return surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])


def _unevenness(surface: RawSurface, tag: int) -> float:
    """Largest distance of a cap's vertices from its plane [m]."""
    chosen = surface.triangles[surface.patch_id == tag]
    vectors = area_vectors(surface.points, chosen)
    normal = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    heights = surface.points[np.unique(chosen)] @ normal
    return float(np.ptp(heights)) / 2.0


def _radius(surface: RawSurface, tag: int) -> float:
    vectors = area_vectors(surface.points, surface.triangles[surface.patch_id == tag])
    return float(np.sqrt(np.linalg.norm(vectors, axis=1).sum() / np.pi))


def _mean_edge(points: FloatArray, triangles: IntArray) -> float:
    corners = points[triangles]
    return (
        float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean()) if len(triangles) else 0.0
    )


def _closed(surface: RawSurface) -> Surface:
    return Surface(points=surface.points, triangles=surface.triangles, patch_id=surface.patch_id)


def _with_groups(surface: RawSurface, groups: tuple[Group, ...]) -> RawSurface:
    return RawSurface(
        points=surface.points,
        triangles=surface.triangles,
        patch_id=surface.patch_id,
        groups=groups,
        source=surface.source,
    )
