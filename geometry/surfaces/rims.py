"""Open rims of a surface: where they are, how flat, whether a vessel ends there or the wall is torn; and their caps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista as pv

from geometry.surfaces.raw import RawSurface
from geometry.surfaces.surface import area_vectors
from geometry.surfaces.topology import Edges, find_edges
from hemoplan.arrays import FloatArray, IntArray

PINHOLE = 0.5e-3
"""Radius up to which a rim is a pinhole [m]: no vessel that is planned on is as thin."""
FLAT = 0.02
"""Largest distance from its plane, in radii, at which a rim is flat: it is then moved onto the plane."""
TORN = 0.75
"""Mean |cosine| between the wall's normal and the rim's from which on the rim is a hole in a wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """A closed curve of edges that have a triangle on one side only.

    Attributes:
        vertices: (k,) in order, so that a fan over them is wound like the surface.
        centre: (3,) mean of the curve [m].
        normal: (3,) unit normal of its plane, out of the vessel where the surface is wound outwards.
        perimeter: Length [m].
        area: Area of the curve seen along its normal [m²].
        unevenness: Largest distance of a vertex from its plane [m].
        torn: Whether it is a hole in a wall, and no end of a vessel.
    """

    vertices: IntArray
    centre: FloatArray
    normal: FloatArray
    perimeter: float
    area: float
    unevenness: float
    torn: bool

    @property
    def radius(self) -> float:
        """Radius of the circle of the same area [m]."""
        return float(np.sqrt(self.area / np.pi))

    @property
    def pinhole(self) -> bool:
        """Whether it is too small to be a vessel's end."""
        return self.perimeter < 2.0 * np.pi * PINHOLE or len(self.vertices) <= 4

    @property
    def flat(self) -> bool:
        """Whether it lies in a plane, but for `FLAT`."""
        return self.unevenness <= FLAT * self.radius


def find_rims(points: FloatArray, triangles: IntArray, edges: Edges | None = None) -> tuple[Rim, ...]:
    """The open rims of triangles, the widest first.

    Rims are followed from edge to edge; where two of them touch at a vertex, they may be found joined in any order.
    """
    edges = edges or find_edges(triangles)
    half = np.flatnonzero(edges.open[edges.edge])
    if not half.size:
        return ()
    follow: dict[int, list[int]] = {}
    owner: dict[tuple[int, int], int] = {}
    # The cap runs along an open edge in the other direction than the wall's triangle does.
    for side in half:
        start, end = int(edges.end[side]), int(edges.start[side])
        follow.setdefault(start, []).append(end)
        owner[start, end] = int(side) // 3
    normals = area_vectors(points, triangles)
    rims = []
    while follow:
        first = vertex = next(iter(follow))
        loop, walls = [], []
        while vertex in follow:
            after = follow[vertex].pop()
            if not follow[vertex]:
                del follow[vertex]
            loop.append(vertex)
            walls.append(owner[vertex, after])
            vertex = after
            if vertex == first:
                break
        rims.append(_describe(points, np.array(loop, dtype=np.int64), normals[walls]))
    return tuple(sorted(rims, key=lambda rim: -rim.area))


def _describe(points: FloatArray, vertices: IntArray, walls: FloatArray) -> Rim:
    corners = points[vertices]
    after = np.roll(corners, -1, axis=0)
    lengths = np.linalg.norm(after - corners, axis=1)
    perimeter = float(lengths.sum())
    weight = 0.5 * (lengths + np.roll(lengths, 1))
    centre = (weight[:, None] * corners).sum(axis=0) / max(perimeter, np.finfo(np.float64).tiny)
    vector = 0.5 * np.cross(corners - centre, after - centre).sum(axis=0)
    area = float(np.linalg.norm(vector))
    normal = vector / max(area, np.finfo(np.float64).tiny)
    sizes = np.linalg.norm(walls, axis=1)
    facing = np.abs(walls @ normal).sum() / max(float(sizes.sum()), np.finfo(np.float64).tiny)
    return Rim(
        vertices=vertices,
        centre=centre,
        normal=normal,
        perimeter=perimeter,
        area=area,
        unevenness=float(np.abs((corners - centre) @ normal).max()),
        torn=bool(facing > TORN),
    )


def close_rim(surface: RawSurface, rim: Rim, tag: int) -> RawSurface:
    """Close a rim with triangles of a tag: a fan around its centre, or ears cut off where a fan would fold."""
    corners = surface.points[rim.vertices]
    count = len(rim.vertices)
    fan = np.cross(corners - rim.centre, np.roll(corners, -1, axis=0) - rim.centre) @ rim.normal
    points = surface.points
    if count > 3 and (fan > 0.0).all():
        hub = np.full(count, len(points))
        added = np.column_stack([rim.vertices, np.roll(rim.vertices, -1), hub])
        points = np.vstack([points, rim.centre])
    else:
        added = rim.vertices[_cut_ears(corners, rim.normal)]
    return RawSurface(
        points=points,
        triangles=np.vstack([surface.triangles, added]),
        patch_id=np.concatenate([surface.patch_id, np.full(len(added), tag, dtype=np.int64)]),
        groups=surface.groups,
        source=surface.source,
    )


def _cut_ears(corners: FloatArray, normal: FloatArray) -> IntArray:
    """(k, 3) triangles of a polygon, wound like it; a zigzag across it where it crosses itself."""
    count = len(corners)
    if count > 3:
        outline = pv.PolyData(corners, lines=np.concatenate([[count + 1], np.arange(count), [0]]))
        cells = outline.triangulate_contours()
        if cells.n_cells == count - 2 and cells.n_points == count:
            triangles = np.asarray(cells.regular_faces, dtype=np.int64)
            if (area_vectors(corners, triangles) @ normal).sum() < 0.0:
                return triangles[:, ::-1]
            return triangles
    low, high, turn = 0, count - 1, True
    zigzag = []
    while high - low > 1:
        if turn:
            zigzag.append((low, low + 1, high))
            low += 1
        else:
            zigzag.append((low, high - 1, high))
            high -= 1
        turn = not turn
    return np.array(zigzag, dtype=np.int64).reshape(-1, 3)
