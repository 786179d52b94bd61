"""What is wrong with a surface: every kind of defect, how often, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.rims import Rim, find_rims
from geometry.surfaces.surface import Surface, area_vectors
from geometry.surfaces.topology import Edges, find_edges, label_bodies, split_vertices, unify_winding
from hemoplan.arrays import FloatArray, IntArray, Vec3

SLIVER = 0.05
"""Quality 4 sqrt(3) A / (a² + b² + c²) below which a triangle is a sliver."""
DEGENERATE = 1.0e-6
"""Quality below which it has no area worth the name."""
_LISTED = 8
"""Rims and bodies that are listed one by one."""


class Kind(StrEnum):
    """Kinds of defect, in the order in which they are looked for."""

    EMPTY = "no triangles"
    NOT_FINITE = "coordinates that are no numbers"
    LOOSE_CORNERS = "points that coincide"
    DEGENERATE = "triangles without area"
    DUPLICATE = "triangles that are there twice"
    CROWDED_EDGE = "edges with more than two triangles"
    SPLIT_VERTEX = "vertices at which the surface touches itself"
    WINDING = "edges whose triangles are wound against each other"
    MOEBIUS = "triangles that have no inside"
    RIM = "open rims"
    BODIES = "bodies beside the largest"
    INSIDE_OUT = "normals that point into the lumen"
    CROSSING = "pairs of triangles that cross"
    SLIVER = "slivers"


HARMLESS = frozenset({Kind.SLIVER})
"""Kinds that a mesher lives with; remeshing removes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One kind of defect of a surface.

    Attributes:
        kind: What is wrong.
        count: How often.
        places: Where, at most eight of them [m].
        detail: More, in words; empty where there is nothing to add.
    """

    kind: Kind
    count: int
    places: tuple[Vec3, ...]
    detail: str = ""

    @property
    def text(self) -> str:
        """One line: kind, count, the first place."""
        if self.kind is Kind.EMPTY:
            return str(self.kind)
        line = f"{self.kind}: {self.count:,}"
        if self.detail:
            return f"{line} ({self.detail})"
        if self.places:
            line += f", {'at' if self.count == 1 else 'the first at'} {millimetres(self.places[0])}"
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a surface is and what is wrong with it.

    Attributes:
        points: Number of vertices.
        triangles: Number of triangles.
        extent: Size of the bounding box [m].
        rims: Its open rims, the widest first.
        defects: Kinds of defect that it has.
    """

    points: int
    triangles: int
    extent: Vec3
    rims: tuple[Rim, ...]
    defects: tuple[Defect, ...]

    @property
    def sound(self) -> bool:
        """Whether a mesher can take it as it is: closed, oriented outwards, one body, free of crossings."""
        return all(defect.kind in HARMLESS for defect in self.defects)

    def find(self, kind: Kind) -> Defect | None:
        """The defect of a kind; None where the surface has none."""
        return next((defect for defect in self.defects if defect.kind is kind), None)

    @property
    def text(self) -> str:
        """Size, and a line for each defect."""
        x, y, z = (1e3 * side for side in self.extent)
        head = f"{self.triangles:,} triangles, {self.points:,} points, {x:.1f} × {y:.1f} × {z:.1f} mm"
        if not self.defects:
            return f"{head}; no defects"
        return "\n".join([f"{head}; defects:", *(f"  - {defect.text}" for defect in self.defects)])


def diagnose(surface: Surface | RawSurface, *, crossings: bool = True) -> Diagnosis:
    """Find all defects of a surface.

    Points that coincide count only where a file repeats them along open edges (as STL does before they are merged).

    Args:
        surface: Any triangles.
        crossings: Whether to look for triangles that cross, which takes most of the time.
    """
    raw = as_raw(surface)
    points, triangles = raw.points, raw.triangles
    if not len(triangles):
        empty = Defect(kind=Kind.EMPTY, count=1, places=())
        return Diagnosis(points=len(points), triangles=0, extent=(0.0, 0.0, 0.0), rims=(), defects=(empty,))
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        bad = Defect(
            kind=Kind.NOT_FINITE,
            count=int((~finite).sum()),
            places=(),
            detail=f"the first is point {int(np.argmin(finite))}",
        )
        return Diagnosis(
            points=len(points),
            triangles=len(triangles),
            extent=_extent(points[finite]),
            rims=(),
            defects=(bad,),
        )
    edges = find_edges(triangles)
    rims = find_rims(points, triangles, edges)
    return Diagnosis(
        points=len(points),
        triangles=len(triangles),
        extent=_extent(points),
        rims=rims,
        defects=tuple(_look(points, triangles, edges, rims, crossings=crossings)),
    )


def triangle_quality(points: FloatArray, triangles: IntArray) -> FloatArray:
    """(m,) 4 sqrt(3) A / (a² + b² + c²): 1 for an equilateral triangle, 0 for one without area."""
    corners = points[triangles]
    squares = ((corners - np.roll(corners, -1, axis=1)) ** 2).sum(axis=(1, 2))
    areas = np.linalg.norm(area_vectors(points, triangles), axis=1)
    return np.asarray(4.0 * np.sqrt(3.0) * areas / np.maximum(squares, np.finfo(np.float64).tiny))


def body_volumes(points: FloatArray, triangles: IntArray, label: IntArray) -> FloatArray:
    """(bodies,) volume that each body encloses [m³], negative where it is inside out; rims are closed by fans."""
    centre = points.mean(axis=0)
    vectors = area_vectors(points, triangles)
    arms = points[triangles].mean(axis=1) - centre
    volumes = np.bincount(label, weights=np.einsum("ij,ij->i", vectors, arms)) / 3.0
    owner = np.zeros(len(points), dtype=np.int64)
    owner[triangles] = label[:, None]
    for rim in find_rims(points, triangles):
        volumes[owner[rim.vertices[0]]] += rim.area * float(rim.normal @ (rim.centre - centre)) / 3.0
    return np.asarray(volumes)


def millimetres(point: Vec3 | FloatArray) -> str:
    """A place for a message."""
    x, y, z = (1e3 * float(value) for value in point)
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"


def _look(
    points: FloatArray, triangles: IntArray, edges: Edges, rims: tuple[Rim, ...], *, crossings: bool
) -> Iterator[Defect]:
    middles = points[triangles].mean(axis=1)
    edge_middles = points[edges.vertices].mean(axis=1)
    _, first = np.unique(points, axis=0, return_index=True)
    repeated = np.setdiff1d(np.arange(len(points)), first)
    if repeated.size and edges.open.any():
        yield _defect(Kind.LOOSE_CORNERS, points[repeated])
    quality = triangle_quality(points, triangles)
    flat = quality < DEGENERATE
    if flat.any():
        yield _defect(Kind.DEGENERATE, middles[flat])
    _, first = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True)
    twice = np.setdiff1d(np.arange(len(triangles)), first)
    if twice.size:
        yield _defect(Kind.DUPLICATE, middles[twice])
    if edges.crowded.any():
        yield _defect(Kind.CROWDED_EDGE, edge_middles[edges.crowded])
    split = np.flatnonzero(split_vertices(edges))
    crowded = np.unique(edges.vertices[edges.crowded])
    split = np.setdiff1d(split, crowded)
    if split.size:
        yield _defect(Kind.SPLIT_VERTEX, points[split])
    turned, moebius = unify_winding(edges)
    if edges.twisted.any():
        yield _defect(Kind.WINDING, edge_middles[edges.twisted])
    if moebius.any():
        yield _defect(Kind.MOEBIUS, middles[moebius])
    if rims:
        detail = "; ".join(describe_rim(rim) for rim in rims[:_LISTED])
        yield _defect(Kind.RIM, np.array([rim.centre for rim in rims]), detail + _more(len(rims)))
    count, label = label_bodies(edges)
    volumes = body_volumes(points, np.where(turned[:, None], triangles[:, ::-1], triangles), label)
    largest = int(
        np.argmax(np.bincount(label, weights=np.linalg.norm(area_vectors(points, triangles), axis=1)))
    )
    if count > 1:
        yield _bodies(points, triangles, label, volumes, largest)
    own = body_volumes(points, triangles, label)[largest]
    if own < 0.0:
        yield _defect(Kind.INSIDE_OUT, middles[label == largest], f"enclosed volume {1e6 * own:.3g} mL")
    sound = triangles[~flat]
    pairs = self_intersections(points, sound) if crossings else np.empty((0, 2), dtype=np.int64)
    if len(pairs):
        yield _defect(Kind.CROSSING, points[sound[pairs[:, 0]]].mean(axis=1))
    slivers = (quality < SLIVER) & ~flat
    if slivers.any():
        yield _defect(Kind.SLIVER, middles[slivers])


def describe_rim(rim: Rim) -> str:
    """A rim in a few words."""
    what = "pinhole" if rim.pinhole else "hole in the wall" if rim.torn else "vessel end"
    shape = "flat" if rim.flat else f"{1e3 * rim.unevenness:.2f} mm off its plane"
    return f"{what} at {millimetres(rim.centre)}, perimeter {1e3 * rim.perimeter:.1f} mm, {shape}"


def _bodies(
    points: FloatArray, triangles: IntArray, label: IntArray, volumes: FloatArray, largest: int
) -> Defect:
    order = [int(body) for body in np.argsort(-np.abs(volumes), kind="stable") if body != largest]
    centres = np.array([points[triangles[label == body]].mean(axis=(0, 1)) for body in order[:_LISTED]])
    listed = [
        f"{1e6 * volumes[body]:.3g} mL at {millimetres(centre)}"
        for body, centre in zip(order[:_LISTED], centres, strict=True)
    ]
    detail = f"{'; '.join(listed)}{_more(len(order))}; the largest has {1e6 * volumes[largest]:.3g} mL"
    return Defect(kind=Kind.BODIES, count=len(order), places=_places(centres), detail=detail)


def _defect(kind: Kind, where: FloatArray, detail: str = "") -> Defect:
    return Defect(kind=kind, count=len(where), places=_places(where[:_LISTED]), detail=detail)


def _places(where: FloatArray) -> tuple[Vec3, ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in where)


def _more(count: int) -> str:
    return f"; and {count - _LISTED} more" if count > _LISTED else ""


def _extent(points: FloatArray) -> Vec3:
    if not len(points):
        return (0.0, 0.0, 0.0)
    x, y, z = (float(side) for side in np.ptp(points, axis=0))
    return (x, y, z)
