"""Finer cells inside: in narrowings, and wherever the caller wants them, such as along a jet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError

EDGES_ACROSS_NARROWING = 8.0
"""Edges across a lumen that is narrower than every opening: there the jet is born."""
NARROW = 0.8
"""Share of the smallest opening's radius below which a lumen counts as a narrowing."""
GRADATION = 0.3
"""Growth of the size with the distance from where it is wanted."""
FINEST_AT_WALL = 0.87
"""Smallest size at the wall over the wall's own edges: what is finer joins the wall in slivers."""
_MOST_NODES = 1_500_000
_REACH = 1.2
"""Radius of the region of a narrowing around each of its wall vertices, over the local radius."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """A region in which cells are finer than the surface's.

    Attributes:
        points: (k, 3) a point, or points along a line, whose gaps are filled [m].
        radius: Of the region around them [m]: one number, or (k,).
        size: Wanted edge [m].
    """

    points: FloatArray
    radius: float | FloatArray
    size: float

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64).reshape(-1, 3)
        radius = np.broadcast_to(np.asarray(self.radius, dtype=np.float64), (len(points),))
        if not (len(points) and np.isfinite(points).all() and self.size > 0.0 and (radius > 0.0).all()):
            raise MeshError(
                "a region of finer cells has no extent",
                where="mesh",
                value=f"{len(points)} points, edges of {1e3 * self.size:g} mm",
                expected="points, a radius and a size that are positive",
            )
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "radius", radius)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeGrid:
    """Sizes at the nodes of a regular grid; outside nothing is wanted.

    Attributes:
        origin: (3,) first node [m].
        spacing: Of the nodes [m].
        sizes: (nx, ny, nz) wanted edges [m].
    """

    origin: FloatArray
    spacing: float
    sizes: FloatArray

    def at(self, points: FloatArray) -> FloatArray:
        """(k,) trilinear interpolation at points (k, 3); infinite outside [m]."""
        place = (np.atleast_2d(points) - self.origin) / self.spacing
        last = np.array(self.sizes.shape) - 1
        outside = ((place < 0.0) | (place > last)).any(axis=1)
        cell = np.clip(np.floor(place).astype(np.int64), 0, last - 1)
        part = place - cell
        result = np.zeros(len(place))
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(np.array(corner) == 1, part, 1.0 - part), axis=1)
            i, j, k = (cell + np.array(corner)).T
            result += weight * self.sizes[i, j, k]
        return np.where(outside, np.inf, result)


def jet_path(
    points: FloatArray,
    radius: FloatArray,
    *,
    narrowest: int,
    diameters: float = 8.0,
    edges_across: float = 12.0,
) -> Refinement:
    """The way of a jet behind a narrowing: along a centreline, some diameters of the narrowest place far.

    Args:
        points: (k, 3) along the centreline, in the direction of the flow [m].
        radius: (k,) of the largest inscribed ball [m].
        narrowest: Index of the throat.
        diameters: Length of the region, in diameters of the throat.
        edges_across: Edges across the throat; the jet keeps its size.

    Returns:
        A tube around the centreline from one diameter before the throat; it widens with the shear layer of a free jet,
        1 in 10 to each side, up to the wall.

    Source: spreading of the shear layer of a round jet: Pope, Turbulent Flows, 2000, section 5.1,
        doi:10.1017/CBO9780511840531.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    along -= along[narrowest]
    throat = float(radius[narrowest])
    kept = (along >= -2.0 * throat) & (along <= 2.0 * throat * diameters)
    width = np.minimum(radius[kept], throat + 0.1 * np.maximum(along[kept], 0.0))
    return Refinement(points=points[kept], radius=width, size=2.0 * throat / edges_across)


def size_grid(
    surface: Surface, radius: FloatArray, *, refinements: Sequence[Refinement] = ()
) -> SizeGrid | None:
    """Sizes inside a surface that are finer than what its triangles carry on; None where nothing is wanted.

    In lumens that are narrower than every opening there are eight edges across; the caller's regions come on top. The
    size grows by `GRADATION` with the distance from there, and at the wall it is no finer than the wall's edges allow.

    Args:
        surface: Closed, with openings.
        radius: (n,) local radius at its vertices [m].
        refinements: Regions of finer cells.
    """
    edges = mean_edges(surface)
    balls = [_narrowings(surface, radius, edges), *(_along(region) for region in refinements)]
    centres, radii, sizes = (np.concatenate(parts) for parts in zip(*balls, strict=True))
    if not len(centres):
        return None
    largest = float(edges.max())
    reach = float((radii + np.maximum(largest - sizes, 0.0) / GRADATION).max())
    low = np.maximum(centres.min(axis=0) - reach, surface.points.min(axis=0) - largest)
    high = np.minimum(centres.max(axis=0) + reach, surface.points.max(axis=0) + largest)
    if (high <= low).any():
        return None
    spacing = max(
        0.5 * float(sizes.min()), float(np.prod((high - low) / _MOST_NODES ** (1.0 / 3.0))) ** (1.0 / 3.0)
    )
    shape = np.ceil((high - low) / spacing).astype(np.int64) + 1
    values = np.full(tuple(int(count) for count in shape), np.inf)
    _lower_in_balls(values, low, spacing, centres, np.maximum(radii, spacing), sizes)
    floor = FINEST_AT_WALL * edges
    near = ((surface.points > low - largest) & (surface.points < high + largest)).all(axis=1)
    _grade(values, GRADATION * spacing)
    _raise_near_wall(values, low, spacing, surface.points[near], floor[near], GRADATION)
    return SizeGrid(origin=low, spacing=spacing, sizes=values)


def mean_edges(surface: Surface) -> FloatArray:
    """(n,) mean length of the edges at each vertex [m]."""
    starts = surface.triangles.ravel()
    ends = surface.triangles[:, [1, 2, 0]].ravel()
    lengths = np.linalg.norm(surface.points[starts] - surface.points[ends], axis=1)
    both = np.concatenate([starts, ends])
    total = np.bincount(both, weights=np.tile(lengths, 2), minlength=len(surface.points))
    return np.asarray(total / np.maximum(np.bincount(both, minlength=len(surface.points)), 1))


def _narrowings(
    surface: Surface, radius: FloatArray, edges: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centres, radii and sizes of balls that cover the lumens that are narrower than every opening."""
    widths = [float(np.sqrt(patch.area / np.pi)) for patch in surface.openings]
    narrow = radius < NARROW * min(widths, default=0.0)
    around = cKDTree(surface.points).query_ball_point(surface.points[narrow], radius[narrow])
    # One rough spot in a wide vessel is no narrowing: most of the wall around has to be narrow too.
    narrow[narrow] = [float(narrow[near].mean()) > 0.5 for near in around]
    sizes = np.maximum(2.0 * radius[narrow] / EDGES_ACROSS_NARROWING, FINEST_AT_WALL * edges[narrow])
    return surface.points[narrow], _REACH * radius[narrow], sizes


def _along(region: Refinement) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centres, radii and sizes of balls that cover a region, close enough to leave no gap."""
    points, radius = region.points, np.asarray(region.radius)
    if len(points) > 1:
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        places = np.linspace(0.0, along[-1], 2 + int(4.0 * along[-1] / radius.min()))
        points = np.column_stack([np.interp(places, along, points[:, axis]) for axis in range(3)])
        radius = np.interp(places, along, radius)
    return points, np.asarray(radius), np.full(len(points), region.size)


@njit(cache=True)
def _lower_in_balls(
    values: FloatArray,
    origin: FloatArray,
    spacing: float,
    centres: FloatArray,
    radii: FloatArray,
    sizes: FloatArray,
) -> None:
    """Values of the nodes in balls, to no more than the sizes of these."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for ball in range(len(centres)):
        for axis in range(3):
            place = (centres[ball, axis] - origin[axis]) / spacing
            reach = radii[ball] / spacing
            low[axis] = max(0, int(np.ceil(place - reach)))
            high[axis] = min(values.shape[axis] - 1, int(np.floor(place + reach)))
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    square = (
                        (origin[0] + i * spacing - centres[ball, 0]) ** 2
                        + (origin[1] + j * spacing - centres[ball, 1]) ** 2
                        + (origin[2] + k * spacing - centres[ball, 2]) ** 2
                    )
                    if square <= radii[ball] ** 2:
                        values[i, j, k] = min(values[i, j, k], sizes[ball])


@njit(cache=True)
def _grade(values: FloatArray, growth: float) -> None:
    """Lower values until neighbouring nodes differ by no more than `growth` a spacing (chamfer sweeps to and fro)."""
    nx, ny, nz = values.shape
    for sweep in range(4):
        forward = sweep % 2 == 0
        for a in range(nx):
            i = a if forward else nx - 1 - a
            for b in range(ny):
                j = b if forward else ny - 1 - b
                for c in range(nz):
                    k = c if forward else nz - 1 - c
                    best = values[i, j, k]
                    for di in range(-1, 2):
                        for dj in range(-1, 2):
                            for dk in range(-1, 2):
                                order = 9 * di + 3 * dj + dk
                                if order == 0 or (order > 0) == forward:
                                    continue
                                x, y, z = i + di, j + dj, k + dk
                                if x < 0 or y < 0 or z < 0 or x >= nx or y >= ny or z >= nz:
                                    continue
                                step = growth * np.sqrt(float(di * di + dj * dj + dk * dk))
                                best = min(best, values[x, y, z] + step)
                    values[i, j, k] = best


@njit(cache=True)
def _raise_near_wall(
    values: FloatArray,
    origin: FloatArray,
    spacing: float,
    wall: FloatArray,
    floor: FloatArray,
    gradation: float,
) -> None:
    """Values of nodes near wall vertices, to no less than their floor minus `gradation` times the distance."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for vertex in range(len(wall)):
        reach = floor[vertex] / gradation
        for axis in range(3):
            place = (wall[vertex, axis] - origin[axis]) / spacing
            low[axis] = max(0, int(np.ceil(place - reach / spacing)))
            high[axis] = min(values.shape[axis] - 1, int(np.floor(place + reach / spacing)))
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    distance = np.sqrt(
                        (origin[0] + i * spacing - wall[vertex, 0]) ** 2
                        + (origin[1] + j * spacing - wall[vertex, 1]) ** 2
                        + (origin[2] + k * spacing - wall[vertex, 2]) ** 2
                    )
                    values[i, j, k] = max(values[i, j, k], floor[vertex] - gradation * distance)
