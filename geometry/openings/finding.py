"""Openings found: open rims, flat faces on the image's border, tips of closed vessels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from geometry.openings.ends import VesselEnd, find_ends
from geometry.openings.loops import part_around
from geometry.openings.tubes import NoTube, Place, place_cut
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.rims import Rim, close_rim, find_rims
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors, enclosed_volume
from hemoplan.arrays import FloatArray
from hemoplan.patch import Patch

DEPTH = 1.2
"""Where no tubular section is found behind a tip, it is cut this many radii inside, where a round tip is full."""
SWOLLEN = 5.0
"""So many edges behind a flat face no vessel is cut: an edge is about a voxel long, and where a vessel leaves the image
the extraction knows only the one side, which makes it some percent too wide. At most `DEPTH` radii."""
NEAR = 7.0
"""Only triangles within this many radii of a tip are looked at."""
CHISEL = 2.0
"""Radius of the vessel, over that of a sharp end, with which a tube is looked for where none was found."""
FACE_ANGLE = np.cos(np.radians(8.0))
"""Least cosine between the normals of the triangles of a flat face and its own."""
FACE_HEIGHT = 0.04
"""Largest distance of their centroids from its plane, in radii of the vessel."""
FACE_SHARE = 0.25
"""Least area of a flat face, over the vessel's section; of a hemisphere, 0.02 is as flat."""
_TURNED = np.cos(np.radians(40.0))
"""A cut whose axis leaves the tip's by a larger angle follows another vessel."""
_WIDER = 1.6
"""So does one whose radius differs by this factor."""


class Kind(StrEnum):
    """How a vessel ends."""

    BORDER = "image border"
    RIM = "rim"
    TIP = "tip"
    CAP = "cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An opening of a surface.

    Attributes:
        kind: How the vessel ends there.
        tip: (3,) where it ends, on its axis [m].
        centre: (3,) where it is to be cut; of a rim or cap its own centre [m].
        axis: (3,) unit direction of the vessel there, out of the lumen: the normal of the cut.
        radius: Radius of the circle of the section's area [m].
        confidence: 1 where it is an opening for sure; less where its vessel is no tube.
        reason: Why it is taken for an opening, and cut there.
    """

    kind: Kind
    tip: FloatArray
    centre: FloatArray
    axis: FloatArray
    radius: float
    confidence: float
    reason: str

    def __str__(self) -> str:
        """Place, radius and kind, for messages."""
        x, y, z = 1e3 * self.tip
        return f"({x:.1f}, {y:.1f}, {z:.1f}) mm, radius {1e3 * self.radius:.1f} mm, {self.kind}"


def find_openings(surface: Surface | RawSurface) -> tuple[Found, ...]:
    """All openings of a surface, the widest first.

    Caps that are marked as openings, open rims, and ends of closed vessels. A closed end is an opening to be cut: on
    the image's border, where a flat face shows that the vessel goes on, or at a tip. It is cut at the first place
    behind the end where the vessel is a tube of full radius, perpendicular to the vessel. Rims that are pinholes or
    holes in a wall are left out.

    Args:
        surface: One consistently wound body; open or closed.
    """
    raw = as_raw(surface)
    rims = find_rims(raw.points, raw.triangles)
    body, outward = _closed(raw, rims)
    sign = 1.0 if outward else -1.0
    found = [_at_rim(rim, sign) for rim in rims if not (rim.pinhole or rim.torn)]
    found += [_at_cap(raw, group.tag, sign) for group in raw.groups]
    for end in find_ends(body):
        gaps = [float(np.linalg.norm(end.tip - each.centre)) / each.radius for each in found]
        if min(gaps, default=np.inf) > 1.5:
            found.append(_at_end(body, end))
    return tuple(sorted(found, key=lambda each: -each.radius))


def from_patches(patches: Sequence[Patch]) -> tuple[Found, ...]:
    """Openings of a surface that has flat caps, in their order."""
    return tuple(
        _cap(np.array(patch.centre), np.array(patch.normal), float(np.sqrt(patch.area / np.pi)))
        for patch in patches
    )


def list_openings(found: Sequence[Found]) -> str:
    """What there is, for messages."""
    return "; ".join(map(str, found)) or "none"


def _closed(raw: RawSurface, rims: Sequence[Rim]) -> tuple[Surface, bool]:
    """The surface with its rims closed and its normals outwards, and whether they pointed outwards before."""
    for rim in rims:
        raw = close_rim(raw, rim, WALL_TAG)
    surface = Surface(points=raw.points, triangles=raw.triangles, patch_id=raw.patch_id)
    if enclosed_volume(surface) >= 0.0:
        return surface, True
    return Surface(points=raw.points, triangles=raw.triangles[:, ::-1], patch_id=raw.patch_id), False


def _at_rim(rim: Rim, sign: float) -> Found:
    uneven = f"leaves its plane by {1e3 * rim.unevenness:.2f} mm" if not rim.flat else "is flat"
    return Found(
        kind=Kind.RIM,
        tip=rim.centre,
        centre=rim.centre,
        axis=sign * rim.normal,
        radius=rim.radius,
        confidence=1.0,
        reason=f"an open rim of {len(rim.vertices)} edges that {uneven}",
    )


def _at_cap(raw: RawSurface, tag: int, sign: float) -> Found:
    chosen = raw.triangles[raw.patch_id == tag]
    vectors = area_vectors(raw.points, chosen)
    areas = np.linalg.norm(vectors, axis=1)
    centre = areas @ raw.points[chosen].mean(axis=1) / areas.sum()
    axis = sign * vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    return _cap(centre, axis, float(np.sqrt(areas.sum() / np.pi)))


def _cap(centre: FloatArray, axis: FloatArray, radius: float) -> Found:
    return Found(
        kind=Kind.CAP,
        tip=centre,
        centre=centre,
        axis=axis,
        radius=radius,
        confidence=1.0,
        reason="a cap that is marked as an opening",
    )


def _at_end(body: Surface, end: VesselEnd) -> Found:
    """The opening behind a closed end."""
    near = part_around(body, end.tip, NEAR * end.radius)
    face = _flat_face(near, end)
    kind = Kind.TIP if face is None else Kind.BORDER
    what = "a closed tip" if face is None else "a flat face, where the vessel leaves the image"
    beyond = np.empty((0, 3)) if face is None else face
    margin = 0.0 if face is None else min(SWOLLEN * _mean_edge(near), DEPTH * end.radius)
    place = place_cut(near, end.tip, end.axis, end.radius, beyond=beyond, margin=margin)
    if isinstance(place, NoTube):
        # A steep face leaves the end sharp as a chisel; the vessel behind it is wider than its tip.
        stout = replace(end, radius=CHISEL * end.radius, typical=CHISEL * end.typical)
        around = part_around(body, end.tip, NEAR * stout.radius)
        wider = place_cut(around, end.tip, end.axis, stout.radius, beyond=beyond, margin=margin)
        if isinstance(wider, Place) and _same_vessel(wider, stout):
            place, end = wider, stout
    if isinstance(place, Place) and _same_vessel(place, end):
        moved = f", behind a funnel of {1e3 * place.funnel:.1f} mm" if place.funnel > 0.0 else ""
        return Found(
            kind=kind,
            tip=end.tip,
            centre=place.centre,
            axis=place.axis,
            radius=place.radius,
            confidence=1.0,
            reason=f"{what}; a tube from {1e3 * place.depth:.1f} mm inside on{moved}",
        )
    why = place.reason if isinstance(place, NoTube) else "the vessel turns or changes its width there"
    return Found(
        kind=kind,
        tip=end.tip,
        centre=end.tip - DEPTH * end.radius * end.axis,
        axis=end.axis,
        radius=end.radius,
        confidence=0.5,
        reason=f"{what}, but no tube behind it: {why}",
    )


def _same_vessel(place: Place, end: VesselEnd) -> bool:
    offset = place.centre - end.tip
    aside = float(np.linalg.norm(offset - (offset @ end.axis) * end.axis))
    alike = end.radius / _WIDER < place.radius < end.typical * _WIDER
    return bool(place.axis @ end.axis > _TURNED and alike and aside < end.radius)


def _mean_edge(surface: Surface) -> float:
    """Edge of an equilateral triangle of the mean area [m]."""
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    return float(np.sqrt(4.0 / np.sqrt(3.0) * areas.mean()))


def _flat_face(surface: Surface, end: VesselEnd) -> FloatArray | None:
    """(n, 3) corners of the flat face in which a vessel ends; None where its end is round.

    The face need not be perpendicular to the vessel. Its plane is first that of the triangles in the middle, then that
    of all that lie in it.
    """
    vectors = area_vectors(surface.points, surface.triangles)
    areas = np.maximum(np.linalg.norm(vectors, axis=1), np.finfo(np.float64).tiny)
    normals = vectors / areas[:, None]
    centroids = surface.points[surface.triangles].mean(axis=1) - end.tip
    along = centroids @ end.axis
    aside = np.linalg.norm(centroids - along[:, None] * end.axis, axis=1)
    front = (along > -2.5 * end.radius) & (aside < 2.0 * end.radius) & (normals @ end.axis > 0.3)
    chosen = front & (aside < 0.4 * end.radius)
    for _ in range(3):
        if not chosen.any():
            return None
        normal = vectors[chosen].sum(axis=0)
        normal /= np.linalg.norm(normal)
        heights = centroids @ normal
        level = float(np.average(heights[chosen], weights=areas[chosen]))
        flat = (normals @ normal > FACE_ANGLE) & (np.abs(heights - level) < FACE_HEIGHT * end.radius)
        chosen = front & flat
    # An oblique face is larger than the section; seen along the vessel, it is as large.
    if float(areas[chosen].sum() * (normal @ end.axis)) < FACE_SHARE * np.pi * end.radius**2:
        return None
    return np.asarray(surface.points[np.unique(surface.triangles[chosen])])
