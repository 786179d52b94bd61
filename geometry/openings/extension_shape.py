"""The shape of an extension: from the outline of an opening along its normal to a circle of the same area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.openings.extension_cuts import circle_share
from geometry.surfaces.rims import Rim
from hemoplan.arrays import FloatArray, IntArray

type ComplexArray = NDArray[np.complex128]

FEWEST = 16
"""Least number of edges around an extension: with fewer, it is no circle."""
ROW = float(np.sqrt(0.75))
"""Height of a row of equilateral triangles, in edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The rim of an opening in its plane, whose points are complex numbers: real along `across`, imaginary along `up`.

    Attributes:
        centre: (3,) centroid of the enclosed area [m].
        normal: (3,) unit normal, out of the vessel; across, up and normal are right-handed.
        across: (3,) unit direction in the plane.
        up: (3,) unit direction in the plane.
        curve: (k,) its vertices, counter-clockwise seen from the tip of the normal [m].
        share: (k,) arc length from the first vertex to each, over the perimeter; in [0, 1).
        area: Enclosed area [m²].
        perimeter: Length [m].
        phase: Angle of the circle's point that stands for the first vertex [rad].
    """

    centre: FloatArray
    normal: FloatArray
    across: FloatArray
    up: FloatArray
    curve: ComplexArray
    share: FloatArray
    area: float
    perimeter: float
    phase: float

    @property
    def radius(self) -> float:
        """Radius of the circle of the same area [m]."""
        return float(np.sqrt(self.area / np.pi))

    @property
    def diameter(self) -> float:
        """Diameter of that circle [m]."""
        return 2.0 * self.radius

    @property
    def reach(self) -> float:
        """Distance of the farthest vertex from the centre [m]."""
        return float(np.abs(self.curve).max())

    def place(self, section: ComplexArray, height: float) -> FloatArray:
        """(n, 3) points of a section that lies a height beyond the plane [m]."""
        flat = section.real[:, None] * self.across + section.imag[:, None] * self.up
        return np.asarray(self.centre + height * self.normal + flat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """Triangles of an extension. Vertices 0 to k - 1 are those of the rim, in its order; `points` are the others.

    Attributes:
        points: (n, 3) new vertices, numbered from k on [m].
        wall: (m, 3) triangles of the new wall.
        cap: (c, 3) triangles of the new flat end.
    """

    points: FloatArray
    wall: IntArray
    cap: IntArray


def read_outline(points: FloatArray, rim: Rim) -> Outline:
    """The outline of a flat rim."""
    across = np.cross(rim.normal, np.eye(3)[int(np.abs(rim.normal).argmin())])
    across /= np.linalg.norm(across)
    up = np.asarray(np.cross(rim.normal, across), dtype=np.float64)
    corners = points[rim.vertices] - rim.centre
    curve = corners @ across + 1j * (corners @ up)
    after = np.roll(curve, -1)
    twice = (np.conj(curve) * after).imag
    centroid = (twice * (curve + after)).sum() / (3.0 * twice.sum())
    curve = curve - centroid
    edges = np.abs(after - np.roll(after, 1))
    share = np.concatenate([[0.0], np.cumsum(edges)[:-1]]) / edges.sum()
    # The turn of the circle that brings its points nearest to those of the outline with the same arc length.
    weight = 0.5 * (edges + np.roll(edges, 1))
    phase = float(np.angle((weight * curve * np.exp(-2j * np.pi * share)).sum()))
    return Outline(
        centre=rim.centre + centroid.real * across + centroid.imag * up,
        normal=rim.normal,
        across=across,
        up=up,
        curve=curve,
        share=share,
        area=float(0.5 * twice.sum()),
        perimeter=float(edges.sum()),
        phase=phase,
    )


def make_tube(outline: Outline, *, length: float, size: float) -> Tube:
    """Triangulate an extension.

    All its sections are polygons of the outline's area. Each is a mean of the outline and the circle, point by point
    of the same share of the arc length, so a section follows from the one before it without a twist; its rows are
    shifted by half an edge against each other.

    Args:
        outline: Where it starts.
        length: How far its flat end lies beyond the outline [m].
        size: Edge length to aim at [m].
    """
    count = max(FEWEST, round(outline.perimeter / size))
    rows = max(1, round(length * count / (ROW * outline.perimeter)))
    heights = length * np.arange(1, rows + 1) / rows
    weights = circle_share(heights, length=length, diameter=outline.diameter)
    first = len(outline.curve)
    below, below_share = np.arange(first), outline.share
    points, wall = [], []
    for row, (height, weight) in enumerate(zip(heights, weights, strict=True)):
        share = _evenly(count, shifted=row % 2 == 1)
        section = _section(outline, share, float(weight))
        ring = first + row * count + np.arange(count)
        points.append(outline.place(section, float(height)))
        wall.append(stitch(below, below_share, ring, share))
        below, below_share = ring, share
    inner, cap = _fill_circle(below, below_share, section, first=first + rows * count)
    points.append(outline.place(inner, length))
    return Tube(points=np.vstack(points), wall=np.vstack(wall), cap=cap)


def _section(outline: Outline, share: FloatArray, weight: float) -> ComplexArray:
    """Polygon of the outline's area, at shares of the arc length, between the outline (0) and the circle (1)."""
    circle = outline.radius * np.exp(1j * (2.0 * np.pi * share + outline.phase))
    followed = np.interp(share, outline.share, outline.curve, period=1.0)
    mixed = (1.0 - weight) * followed + weight * circle
    area = 0.5 * float((np.conj(mixed) * np.roll(mixed, -1)).imag.sum())
    return np.asarray(mixed * np.sqrt(outline.area / area))


def _fill_circle(
    rim: IntArray, share: FloatArray, section: ComplexArray, *, first: int
) -> tuple[ComplexArray, IntArray]:
    """Points inside of a circle on rings around its centre, numbered from `first` on, and the triangles of the disc."""
    count, radius = len(rim), float(np.abs(section).mean())
    rings = max(1, round(count / (2.0 * np.pi * ROW)))
    start = float(np.angle(section[0])) - 2.0 * np.pi * float(share[0])
    points: list[ComplexArray] = []
    triangles: list[IntArray] = []
    for number in range(1, rings):
        inward = 1.0 - number / rings
        shares = _evenly(max(6, round(count * inward)), shifted=number % 2 == 1)
        ring = first + np.arange(len(shares))
        points.append(inward * radius * np.exp(1j * (start + 2.0 * np.pi * shares)))
        triangles.append(stitch(rim, share, ring, shares))
        rim, share, first = ring, shares, first + len(shares)
    hub = np.full(len(rim), first)
    triangles.append(np.column_stack([rim, np.roll(rim, -1), hub]))
    points.append(np.zeros(1, dtype=np.complex128))
    return np.concatenate(points), np.vstack(triangles)


def _evenly(count: int, *, shifted: bool) -> FloatArray:
    return np.asarray((np.arange(count) + 0.5 * shifted) / count)


def stitch(lower: IntArray, lower_share: FloatArray, upper: IntArray, upper_share: FloatArray) -> IntArray:
    """Triangles of the strip between two closed loops, counter-clockwise where the upper loop is left of the lower one.

    Each edge of a loop is joined to the vertex of the other loop whose stretch, between the middles of its two edges,
    holds the middle of that edge.

    Args:
        lower, upper: (k,) and (n,) numbers of the vertices; both loops run the same way.
        lower_share, upper_share: Where they are on their loops, ascending, in [0, 1).
    """
    sides = []
    middles = [_middles(lower_share), _middles(upper_share)]
    order = np.argsort(np.concatenate(middles), kind="stable")
    on_lower = order < len(lower)
    for loop, own, middle in ((lower, on_lower, middles[0]), (upper, ~on_lower, middles[1])):
        edges = np.argsort(middle, kind="stable")
        # Until the walk has passed the middle of an edge, the loop stands at the edge's first vertex.
        standing = edges[(np.cumsum(own) - own) % len(loop)]
        sides.append((loop[standing], loop[(standing + 1) % len(loop)]))
    (low, low_after), (high, high_after) = sides
    along = np.column_stack([low, low_after, high])[on_lower]
    back = np.column_stack([high_after, high, low])[~on_lower]
    return np.vstack([along, back])


def _middles(share: FloatArray) -> FloatArray:
    """Middle of the edge that follows each vertex, in [0, 1)."""
    after = np.append(share[1:], share[0] + 1.0)
    return np.asarray((0.5 * (share + after)) % 1.0)
