"""The conditioning ladder: from any triangles to a surface that a mesher takes, or an error that says why not.

Each rung has its own check, a line in the log, and a record. The rungs:

1. manifold: safe repairs; then the surface must be one consistently wound body, closed but for the ends of vessels.
2. openings: every end closed by a flat cap.
3. remesh: triangles whose size follows radius and curvature.
4. crossings: no two triangles may meet outside of what they share.
5. rebuild, only where 3, 4 or 6 fail: anew from a signed distance field, cut at the old planes, remeshed, tested again.
6. gates: closed, manifold, flat openings, well-shaped triangles, near the surface that came in.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np

from geometry.surfaces.defects import (
    Diagnosis,
    Kind,
    body_volumes,
    diagnose,
    millimetres,
    triangle_quality,
)
from geometry.surfaces.deviation import Deviation, measure_deviation
from geometry.surfaces.flat_caps import cap_ends, flatness, named
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.mending import mend
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.rebuild import rebuild
from geometry.surfaces.remesh import DEVIATION, SurfaceQuality, measure_quality, remesh
from geometry.surfaces.surface import WALL_TAG, Surface, check_closed, enclosed_volume
from geometry.surfaces.thickness import inscribed_radius
from geometry.surfaces.topology import find_edges
from hemoplan.errors import SurfaceError

WORST_QUALITY = 0.1
"""Smallest quality of a triangle that passes the gates."""
FLATNESS = 1.0e-6
"""Largest distance of an opening's vertices from its plane, over the opening's radius."""
FARTHEST = 0.05
"""Largest mean deviation that passes the gates, over the median radius: that of a tube of eight flat sides from the
round one that it stands for."""
LOST = 3.0
"""The old wall may lie farther from the new one than the new one from the old by this factor; more is a lost detail."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What happened on one rung.

    Attributes:
        name: Of the rung.
        passed: Whether its check held.
        finding: What was found and done, in words.
        seconds: Time that it took [s].
    """

    name: str
    passed: bool
    finding: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioned:
    """A surface that passed the ladder, and how.

    Attributes:
        surface: Closed, outward, free of crossings; its openings are flat and named.
        rungs: In the order in which they were climbed.
        before: What was wrong with the surface that came in.
        rebuilt: Whether it was rebuilt from a distance field.
        outward: Distances of the new wall's vertices from the old surface.
        inward: Distances of the old wall's vertices from the new surface; parts that were cut off do not count.
        volume_change: Relative change of the enclosed volume, from after the caps on.
        quality: Of the new triangles.
    """

    surface: Surface
    rungs: tuple[Rung, ...]
    before: Diagnosis
    rebuilt: bool
    outward: Deviation
    inward: Deviation
    volume_change: float
    quality: SurfaceQuality

    @property
    def text(self) -> str:
        """The rungs, a line each."""
        return "\n".join(
            f"{'passed' if rung.passed else 'FAILED':6} {rung.name:10} {rung.seconds:5.2f} s  {rung.finding}"
            for rung in self.rungs
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes of triangles: largest and smallest edge [m], edges in the local radius."""

    size: float
    min_size: float
    edges_per_radius: float


class _Ladder:
    """The record of a climb, rung by rung."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.rungs: list[Rung] = []
        self._since = time.perf_counter()

    def climbed(self, name: str, finding: str, *, passed: bool = True) -> None:
        """Record a rung and log it."""
        now = time.perf_counter()
        rung = Rung(name=name, passed=passed, finding=finding, seconds=now - self._since)
        self._since = now
        self.rungs.append(rung)
        level = logging.INFO if passed else logging.WARNING
        _log.log(level, "%s, %s: %s (%.2f s)", self.source, name, finding, rung.seconds)

    def where(self, name: str) -> str:
        """Place for an error."""
        return f"{self.source}, {name}"


def condition(
    surface: Surface | RawSurface, *, size: float, min_size: float, edges_per_radius: float = 4.0
) -> Conditioned:
    """Climb the ladder.

    Args:
        surface: Any triangles around a lumen; openings are caps with tags of their own, or open rims.
        size, min_size, edges_per_radius: As for `geometry.surfaces.remesh.remesh`.

    Returns:
        The conditioned surface. Openings keep their names; open rims are named end_1, end_2, … from the widest on.

    Raises:
        SurfaceError: A rung cannot be climbed; the message names the rung, the place and what to do.
    """
    raw = as_raw(surface)
    ladder = _Ladder(raw.source)
    before = diagnose(raw)
    sound, joined = _make_manifold(raw, before, ladder)
    capped, done = cap_ends(sound, where=ladder.where("openings"))
    ladder.climbed("openings", "; ".join(done) or f"{len(capped.groups)} flat openings as they came")
    sizes = Sizes(size=size, min_size=min_size, edges_per_radius=edges_per_radius)
    allowed = DEVIATION * min_size
    result = None if joined else _remesh(capped, sizes, ladder)
    if result is not None:
        try:
            return _pass_gates(result, capped, before, ladder, allowed=allowed, rebuilt=False)
        except SurfaceError:
            pass  # the ladder has the finding
    result = _rebuild(capped, sizes, ladder)
    return _pass_gates(result, capped, before, ladder, allowed=allowed, rebuilt=True)


def _make_manifold(raw: RawSurface, before: Diagnosis, ladder: _Ladder) -> tuple[RawSurface, bool]:
    """The surface after the safe repairs, and whether walls are joined along edges, so that it must be rebuilt."""
    where = ladder.where("manifold")
    for kind in (Kind.EMPTY, Kind.NOT_FINITE):
        defect = before.find(kind)
        if defect is not None:
            raise SurfaceError(
                "the file holds no usable surface",
                where=where,
                value=defect.text,
                expected="triangles around a lumen",
                remedy="export the surface again from the program that made it",
            )
    mended = mend(raw)
    after = diagnose(mended.surface, crossings=False)
    edges = find_edges(mended.surface.triangles)
    joined = bool(edges.crowded.any()) and not edges.balance[edges.crowded].any()
    for kind, remedy in _REFUSED.items():
        defect = after.find(kind)
        if defect is None or (joined and kind is Kind.CROWDED_EDGE):
            continue
        ladder.climbed("manifold", defect.text, passed=False)
        raise SurfaceError(
            f"the surface has {_WORDS[kind]}",
            where=where,
            value=defect.text,
            expected=_EXPECTED,
            remedy=remedy,
        )
    finding = "; ".join(mended.repairs) or "sound as it came"
    if joined:
        finding += f"; walls are joined along {int(edges.crowded.sum())} edges"
    ladder.climbed("manifold", finding)
    return mended.surface, joined


def _remesh(capped: RawSurface, sizes: Sizes, ladder: _Ladder) -> Surface | None:
    """The surface with new triangles; None where the remesher fails or makes triangles that cross."""
    try:
        result = remesh(
            named(capped), size=sizes.size, min_size=sizes.min_size, edges_per_radius=sizes.edges_per_radius
        )
    except SurfaceError as error:
        ladder.climbed("remesh", str(error), passed=False)
        return None
    quality = measure_quality(result)
    ladder.climbed(
        "remesh",
        f"{quality.triangles:,} triangles, edges {1e3 * quality.shortest_edge:.2f} to "
        f"{1e3 * quality.longest_edge:.2f} mm, worst quality {quality.smallest:.2f}",
    )
    pairs = self_intersections(result.points, result.triangles)
    if not len(pairs):
        ladder.climbed("crossings", "none")
        return result
    place = millimetres(result.points[result.triangles[pairs[0, 0]]].mean(axis=0))
    ladder.climbed("crossings", f"{len(pairs)} pairs of triangles, the first at {place}", passed=False)
    return None


def _rebuild(capped: RawSurface, sizes: Sizes, ladder: _Ladder) -> Surface:
    """The surface from its distance field; with finer voxels where the first do not do."""
    for finer in _VOXELS:
        anew = rebuild(
            capped,
            size=sizes.size,
            min_size=sizes.min_size,
            finer=finer,
            where=ladder.where("rebuild"),
        )
        ladder.climbed("rebuild", anew.finding)
        result = _remesh(anew.surface, sizes, ladder)
        if result is not None:
            return result
    worst = next(rung for rung in reversed(ladder.rungs) if not rung.passed)
    raise SurfaceError(
        "the surface still crosses itself after it was rebuilt",
        where=ladder.where(worst.name),
        value=worst.finding,
        expected="walls that stay clear of each other",
        remedy="smooth or correct the surface at that place, or lower 'mesh.min_size'",
    )


def _pass_gates(
    result: Surface,
    capped: RawSurface,
    before: Diagnosis,
    ladder: _Ladder,
    *,
    allowed: float,
    rebuilt: bool,
) -> Conditioned:
    where = ladder.where("gates")
    check_closed(result, where=where)
    quality = measure_quality(result)
    outward, inward = _deviations(result, capped)
    old = float(
        body_volumes(capped.points, capped.triangles, np.zeros(len(capped.triangles), dtype=np.int64))[0]
    )
    change = enclosed_volume(result) / old - 1.0
    farthest = max(outward, inward, key=lambda each: each.largest)
    finding = (
        f"deviation mean {1e3 * outward.mean:.3f}, largest {1e3 * farthest.largest:.3f} mm at "
        f"{millimetres(farthest.place)}, volume {100.0 * change:+.2f} %, worst quality {quality.smallest:.2f}"
    )
    if inward.largest > LOST * max(outward.largest, allowed):
        finding += "; a detail thinner than the sizes was lost there"
    uneven = flatness(result)
    radius = min((np.sqrt(patch.area / np.pi) for patch in result.openings), default=1.0)
    refused = ""
    if uneven > FLATNESS * radius:
        refused, place = f"an opening leaves its plane by {1e3 * uneven:.2g} mm", outward.place
    elif quality.smallest < WORST_QUALITY:
        poor = int(triangle_quality(result.points, result.triangles).argmin())
        x, y, z = result.points[result.triangles[poor]].mean(axis=0)
        refused, place = f"a triangle of quality {quality.smallest:.2g}", (float(x), float(y), float(z))
    elif outward.mean > max(allowed, FARTHEST * float(np.median(inscribed_radius(result)))):
        refused, place = f"the new wall is {1e3 * outward.mean:.2f} mm off on average", outward.place
    if refused:
        ladder.climbed("gates", f"{refused}; {finding}", passed=False)
        raise SurfaceError(
            "the conditioned surface is too poor",
            where=where,
            value=f"{refused}, worst at {millimetres(place)}",
            expected=f"flat openings, quality of at least {WORST_QUALITY}, a wall that stays where it was",
            remedy="lower 'mesh.min_size', or smooth the surface at that place",
        )
    ladder.climbed("gates", finding)
    return Conditioned(
        surface=result,
        rungs=tuple(ladder.rungs),
        before=before,
        rebuilt=rebuilt,
        outward=outward,
        inward=inward,
        volume_change=change,
        quality=quality,
    )


def _deviations(result: Surface, capped: RawSurface) -> tuple[Deviation, Deviation]:
    """Of the new wall from the old surface, and of the old wall from the new surface."""
    new = np.unique(result.triangles[result.patch_id == WALL_TAG])
    old = np.unique(capped.triangles[capped.patch_id == WALL_TAG])
    return (
        measure_deviation(result.points[new], capped.points, capped.triangles),
        measure_deviation(capped.points[old], result.points, result.triangles),
    )


_REFUSED = {
    Kind.BODIES: "delete the bodies that are no lumen, or join the vessels to one surface",
    Kind.CROWDED_EDGE: "delete the sheet that hangs on the wall there, or segment again",
    Kind.SPLIT_VERTEX: "part the walls there, or segment again",
    Kind.MOEBIUS: "remove the triangles that turn the wall over there, or segment again",
    Kind.WINDING: "remove the triangles that turn the wall over there, or segment again",
    Kind.INSIDE_OUT: "turn the normals outwards in the program that made the surface",
}
"""Defects that the safe repairs leave only where they cannot be repaired, and what to do."""
_WORDS = {
    Kind.BODIES: "several bodies",
    Kind.CROWDED_EDGE: "edges with more than two triangles",
    Kind.SPLIT_VERTEX: "walls that touch at a point",
    Kind.MOEBIUS: "no inside: it turns over like a Möbius strip",
    Kind.WINDING: "triangles that are wound against each other",
    Kind.INSIDE_OUT: "its normals inside",
}
_EXPECTED = "one closed wall around a lumen, open at most at the ends of vessels"
_VOXELS = (1.0, 0.7)
"""Factors on the size of the voxels that are tried."""
