"""Safe repairs: those that change no wall. What they cannot repair is left to be told, or to be rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.surfaces.defects import DEGENERATE, body_volumes, millimetres, triangle_quality
from geometry.surfaces.raw import RawSurface
from geometry.surfaces.rims import close_rim, find_rims
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors
from geometry.surfaces.thickness import inscribed_radius
from geometry.surfaces.topology import find_edges, label_bodies, label_fans, split_vertices, unify_winding
from hemoplan.arrays import IntArray

SAME_POINT = 1.0e-7
"""Distance, over the extent, below which points are one: the rounding of single-precision files."""
CRUMB = 0.01
"""A body with less than this share of the largest one's area and volume is a crumb."""
SMALL_HOLE = 0.25
"""A hole in the wall of less than this share of the vessel's radius is closed flat."""
FIN = 0.02
"""A sheet that hangs on an edge by one side is dropped if it has less than this share of the area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A surface after the safe repairs.

    Attributes:
        surface: The surface.
        repairs: What was done, a clause each.
    """

    surface: RawSurface
    repairs: tuple[str, ...]


def mend(surface: RawSurface) -> Mended:
    """Merge points, drop what has no area or is there twice, unify the winding, keep the body, close pinholes.

    No vertex of the wall is moved by more than rounding, and no body of a size that could be a vessel is dropped.
    """
    done: list[str] = []
    for repair in _REPAIRS:
        surface, what = repair(surface)
        if what:
            done.append(what)
    return Mended(surface=surface, repairs=tuple(done))


def keep_body(surface: RawSurface) -> RawSurface:
    """The largest body of a closed, consistently wound surface, with a vertex of its own for each fan.

    Voids inside of it and crumbs beside it are what a signed distance field leaves where walls nearly met.
    """
    surface, _ = _split_fans(surface)
    _, label = label_bodies(find_edges(surface.triangles))
    largest = int(np.argmax(body_volumes(surface.points, surface.triangles, label)))
    kept = label == largest
    return surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])


def merge_points(surface: RawSurface) -> RawSurface:
    """The surface with one vertex for points that coincide up to rounding."""
    return _merge_points(surface)[0]


def _merge_points(surface: RawSurface) -> tuple[RawSurface, str]:
    points = surface.points
    if not np.isfinite(points).all():
        return surface, ""
    grain = SAME_POINT * float(np.ptp(points, axis=0).max())
    keys = np.round((points - points.min(axis=0)) / max(grain, np.finfo(np.float64).tiny)).astype(np.int64)
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    used = len(np.unique(surface.triangles))
    merged = surface.renewed(points[first], which.ravel()[surface.triangles], surface.patch_id)
    count = used - len(merged.points)
    return merged, f"merged {count} points" if count else ""


def _drop_degenerate(surface: RawSurface) -> tuple[RawSurface, str]:
    """Without triangles that have two equal corners; needles of no area lose their shortest edge."""
    total = 0
    for _ in range(4):
        equal = (surface.triangles == np.roll(surface.triangles, 1, axis=1)).any(axis=1)
        total += int(equal.sum())
        surface = surface.renewed(surface.points, surface.triangles[~equal], surface.patch_id[~equal])
        needles = np.flatnonzero(triangle_quality(surface.points, surface.triangles) < DEGENERATE)
        if not needles.size:
            break
        corners = surface.points[surface.triangles[needles]]
        shortest = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2).argmin(axis=1)
        start = surface.triangles[needles, shortest]
        end = surface.triangles[needles, (shortest + 1) % 3]
        target = np.arange(len(surface.points))
        np.minimum.at(target, np.maximum(start, end), np.minimum(start, end))
        surface = surface.renewed(surface.points, target[surface.triangles], surface.patch_id)
    return surface, f"dropped {total} triangles without area" if total else ""


def _drop_duplicates(surface: RawSurface) -> tuple[RawSurface, str]:
    """Of triangles with the same corners one, or none where they face each other: a fold without thickness."""
    _, first, which, counts = np.unique(
        np.sort(surface.triangles, axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    if (counts == 1).all():
        return surface, ""
    turn = _parity(surface.triangles)
    balance = np.bincount(which.ravel(), weights=turn, minlength=len(first))
    kept = np.zeros(len(surface.triangles), dtype=np.bool_)
    kept[first[(balance != 0.0) | (counts == 1)]] = True
    mended = surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])
    return mended, f"dropped {int((~kept).sum())} triangles that were there twice"


def _parity(triangles: IntArray) -> NDArray[np.float64]:
    """1 for corners in a cyclic order of their numbers, else -1."""
    a, b, c = triangles.T
    return np.where((a < b).astype(int) + (b < c) + (c < a) == 2, 1.0, -1.0)


def _drop_fins(surface: RawSurface) -> tuple[RawSurface, str]:
    """Without small sheets that end freely and hang on an edge that has its two triangles without them."""
    edges = find_edges(surface.triangles)
    if not edges.crowded.any():
        return surface, ""
    count, label = label_bodies(edges, across=edges.uses == 2)
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    share = np.bincount(label, weights=areas, minlength=count) / areas.sum()
    free = np.bincount(label, weights=edges.open[edges.edge].reshape(-1, 3).any(axis=1), minlength=count) > 0
    fin = (free & (share < FIN))[label]
    if not fin.any():
        return surface, ""
    mended = surface.renewed(surface.points, surface.triangles[~fin], surface.patch_id[~fin])
    return mended, f"dropped {int(fin.sum())} triangles of loose sheets"


def _split_fans(surface: RawSurface) -> tuple[RawSurface, str]:
    """A vertex of its own for each fan of triangles, where fans touch."""
    edges = find_edges(surface.triangles)
    touching = int(split_vertices(edges).sum())
    if not touching:
        return surface, ""
    label, vertex = label_fans(edges)
    mended = surface.renewed(surface.points[vertex], label.reshape(-1, 3), surface.patch_id)
    return mended, f"parted {touching} vertices at which the surface touched itself"


def _unify_winding(surface: RawSurface) -> tuple[RawSurface, str]:
    turned, _ = unify_winding(find_edges(surface.triangles))
    if not turned.any():
        return surface, ""
    return _turn(surface, turned), f"turned {int(turned.sum())} triangles against their neighbours"


def _drop_crumbs(surface: RawSurface) -> tuple[RawSurface, str]:
    """The bodies without those that are tiny beside the largest."""
    count, label = label_bodies(find_edges(surface.triangles))
    if count == 1:
        return surface, ""
    areas = np.bincount(
        label, weights=np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    )
    volumes = np.abs(body_volumes(surface.points, surface.triangles, label))
    crumb = (areas < CRUMB * areas.max()) & (volumes < CRUMB * volumes.max())
    if not crumb.any():
        return surface, ""
    kept = ~crumb[label]
    mended = surface.renewed(surface.points, surface.triangles[kept], surface.patch_id[kept])
    return mended, f"dropped {int(crumb.sum())} crumbs of together {1e9 * volumes[crumb].sum():.3g} mm³"


def _turn_outwards(surface: RawSurface) -> tuple[RawSurface, str]:
    """Each body with its normals outwards."""
    _, label = label_bodies(find_edges(surface.triangles))
    inside_out = body_volumes(surface.points, surface.triangles, label) < 0.0
    if not inside_out.any():
        return surface, ""
    return _turn(surface, inside_out[label]), "turned the surface inside out"


def _close_pinholes(surface: RawSurface) -> tuple[RawSurface, str]:
    """Without pinholes, and without holes in the wall that are small beside the vessel."""
    rims = find_rims(surface.points, surface.triangles)
    if not rims:
        return surface, ""
    closed = Surface(points=surface.points, triangles=surface.triangles, patch_id=surface.patch_id)
    vessel = inscribed_radius(closed) if any(rim.torn for rim in rims) else np.zeros(len(surface.points))
    holes = [
        rim
        for rim in rims
        if rim.pinhole or (rim.torn and rim.radius < SMALL_HOLE * float(np.median(vessel[rim.vertices])))
    ]
    for rim in holes:
        surface = close_rim(surface, rim, WALL_TAG)
    places = ", ".join(millimetres(rim.centre) for rim in holes[:3])
    return surface, f"closed {len(holes)} small holes at {places}" if holes else ""


def _turn(surface: RawSurface, turned: NDArray[np.bool_]) -> RawSurface:
    triangles = np.where(turned[:, None], surface.triangles[:, ::-1], surface.triangles)
    return RawSurface(
        points=surface.points,
        triangles=triangles,
        patch_id=surface.patch_id,
        groups=surface.groups,
        source=surface.source,
    )


_Repair = Callable[[RawSurface], tuple[RawSurface, str]]
_REPAIRS: tuple[_Repair, ...] = (
    _merge_points,
    _drop_degenerate,
    _drop_duplicates,
    _drop_fins,
    _split_fans,
    _unify_winding,
    _drop_crumbs,
    _turn_outwards,
    _close_pinholes,
)
