"""Meshes of the DFG benchmarks: a channel with a round cylinder across it, from blocks, without a mesh generator.

The square around the cylinder is meshed by rays from the circle to its sides; rectangles join it to the inlet and the
outlet. In 3D the triangles are extruded along the cylinder and the prisms split in three.

            0.41 +-------+------------+-----------------------+
                 |       | \\        / |                       |
     inlet       |       |   ( cyl )  |                       |  outlet
                 |       | /        \\ |                       |
               0 +-------+------------+-----------------------+
                 0    x - 0.2      x + 0.2                   length
"""

from __future__ import annotations

from dataclasses import dataclass

import basix
import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.domain import Domain
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Patch, Role

HEIGHT, RADIUS, HALF_SQUARE = 0.41, 0.05, 0.2
CENTRES = {2: (0.2, 0.2), 3: (0.5, 0.2)}
LENGTHS = {2: 2.2, 3: 2.5}
WALLS, INLET, OUTLET, CYLINDER, MIRROR = 1, 2, 3, 4, 5
TOWARDS_CYLINDER, TOWARDS_OUTLET, TOWARDS_WALLS = 2.0, 1.6, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Points (n, d) and the corners of simplices (c, d + 1)."""

    points: FloatArray
    cells: IntArray


def channel(
    dimension: int,
    cells: int,
    *,
    curved: bool = False,
    half: bool = False,
    layers: int | None = None,
    comm: MPI.Intracomm = MPI.COMM_WORLD,
) -> Domain:
    """The channel in 2D (2.2 m long) or 3D (2.5 m). Collective.

    The inlet has the role of a wall: its velocity is prescribed point by point.

    Args:
        dimension: 2 or 3.
        cells: Across the channel and along a quarter of the circle; even.
        curved: Whether the edges on the cylinder are parabolas through the circle (second-order geometry).
        half: In 3D, only z < H/2, with the plane of symmetry as the patch `mirror`.
        layers: In 3D, cells along the (half) cylinder; by default as many as across.
        comm: Communicator.
    """
    grid = _rectangle_with_hole(dimension, cells)
    if dimension == 3:
        grid = _extrude(grid, _layers(layers or (cells // 2 if half else cells), half=half))
    on_circle = np.abs(_distance(grid.points, dimension) - RADIUS) < 1e-9
    nodes, points, degree = grid.cells, grid.points, 1
    if curved:
        nodes, points, degree = *_curve(grid, on_circle, dimension), 2
    if comm.rank > 0:
        nodes, points = nodes[:0], points[:0]
    cell = "triangle" if dimension == 2 else "tetrahedron"
    element = basix.ufl.element("Lagrange", cell, degree, shape=(dimension,))
    mesh = dmesh.create_mesh(comm, cells=nodes, x=points, e=element)
    return _name(mesh, dimension, half=half)


def _rectangle_with_hole(dimension: int, cells: int) -> _Grid:
    x, y = CENTRES[dimension]
    left, right, length = x - HALF_SQUARE, x + HALF_SQUARE, LENGTHS[dimension]
    side = np.linspace(0.0, 1.0, cells + 1)
    heights = HEIGHT * side
    rings = _grow(np.linspace(0.0, 1.0, cells + 1), TOWARDS_CYLINDER)
    angles = np.pi / 2.0 * side - np.pi / 4.0
    parts = []
    for quarter in range(4):
        turned = angles + quarter * np.pi / 2.0
        circle = np.array([x, y]) + RADIUS * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        corners = np.array([[right, 0.0], [right, HEIGHT], [left, HEIGHT], [left, 0.0]])
        start, end = corners[quarter], corners[(quarter + 1) % 4]
        square = start + side[:, None] * (end - start)
        rays = (1.0 - rings)[:, None, None] * circle + rings[:, None, None] * square
        below = np.sin(0.5 * (turned[:-1] + turned[1:])) < 0.0
        parts.append(_triangulate(rays, leaning=np.tile(below, (cells, 1))))
    lower = np.arange(cells) < cells // 2
    down = right + (length - right) * _grow(np.linspace(0.0, 1.0, 2 * cells + 1), TOWARDS_OUTLET)
    parts.append(_triangulate(_rectangle(down, heights), leaning=np.tile(lower, (2 * cells, 1))))
    if left > 1e-9:
        up = np.linspace(0.0, left, max(2, cells // 2) + 1)
        parts.append(_triangulate(_rectangle(up, heights), leaning=np.tile(~lower, (len(up) - 1, 1))))
    return _merge(parts)


def _grow(s: FloatArray, strength: float) -> FloatArray:
    """Map [0, 1] to itself with steps that grow by exp(strength)."""
    return np.asarray(np.expm1(strength * s) / np.expm1(strength))


def _rectangle(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)


def _triangulate(points: FloatArray, *, leaning: NDArray[np.bool_]) -> _Grid:
    """Split the quadrilaterals of a grid (a, b, 2); where they lean, the diagonal runs from (i + 1, j) to (i, j + 1).

    No triangle may have two edges on the boundary: in 3D its prism would hold a tetrahedron without inner edges, whose
    pressure nothing determines.
    """
    number = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    first = np.where(leaning[..., None], np.stack([a, b, d], -1), np.stack([a, b, c], -1))
    second = np.where(leaning[..., None], np.stack([b, c, d], -1), np.stack([a, c, d], -1))
    return _Grid(
        points=points.reshape(-1, 2), cells=np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    )


def _merge(parts: list[_Grid]) -> _Grid:
    """Join grids that share points."""
    offsets = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    points = np.concatenate([part.points for part in parts])
    cells = np.concatenate([part.cells + offset for part, offset in zip(parts, offsets, strict=True)])
    _, first, names = np.unique(np.round(points, 9), axis=0, return_index=True, return_inverse=True)
    return _Grid(points=points[first], cells=names.ravel()[cells].astype(np.int64))


def _layers(count: int, *, half: bool) -> FloatArray:
    """Heights z of the layers, which are thinner at the walls."""
    s = np.linspace(0.0, 1.0 if half else 2.0, count + 1)
    near = np.where(s <= 1.0, s, 2.0 - s)
    depth = 0.5 * HEIGHT * _grow(near, TOWARDS_WALLS)
    return np.asarray(np.where(s <= 1.0, depth, HEIGHT - depth))


def _extrude(grid: _Grid, heights: FloatArray) -> _Grid:
    """Prisms over the triangles, each in three tetrahedra whose diagonals agree: they start at the lower number."""
    n = len(grid.points)
    points = np.concatenate([np.column_stack([grid.points, np.full(n, z)]) for z in heights])
    a, b, c = np.sort(grid.cells, axis=1).T
    prism = np.array([[a, b, c, c + n], [a, b, b + n, c + n], [a, a + n, b + n, c + n]])
    prism = prism.transpose(2, 0, 1).reshape(-1, 4)
    return _Grid(points=points, cells=np.concatenate([prism + k * n for k in range(len(heights) - 1)]))


def _distance(points: FloatArray, dimension: int) -> FloatArray:
    return np.asarray(np.linalg.norm(points[:, :2] - np.array(CENTRES[dimension]), axis=1))


def _curve(grid: _Grid, on_circle: NDArray[np.bool_], dimension: int) -> tuple[IntArray, FloatArray]:
    """Second-order cells: the middles of the edges, which between points of the circle are moved onto it."""
    simplex = basix.CellType.triangle if dimension == 2 else basix.CellType.tetrahedron
    ends = np.sort(grid.cells[:, basix.topology(simplex)[1]].reshape(-1, 2), axis=1)
    edges, number = np.unique(ends, axis=0, return_inverse=True)
    middles = grid.points[edges].mean(axis=1)
    bent = on_circle[edges].all(axis=1)
    centre = np.array(CENTRES[dimension])
    rays = middles[bent, :2] - centre
    middles[bent, :2] = centre + RADIUS * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    numbers = len(grid.points) + number.reshape(len(grid.cells), -1)
    return np.hstack([grid.cells, numbers]), np.concatenate([grid.points, middles])


def _name(mesh: dmesh.Mesh, dimension: int, *, half: bool) -> Domain:
    facet_dimension = dimension - 1
    mesh.topology.create_connectivity(facet_dimension, dimension)
    mesh.topology.create_connectivity(facet_dimension, 0)
    length = LENGTHS[dimension]
    places = {
        INLET: lambda x: np.abs(x[0]) < 1e-9,
        OUTLET: lambda x: np.abs(x[0] - length) < 1e-9,
        CYLINDER: lambda x: np.abs(_distance(x.T, dimension) - RADIUS) < 1e-9,
    }
    if half:
        places[MIRROR] = lambda x: np.abs(x[2] - 0.5 * HEIGHT) < 1e-9
    facets = dmesh.exterior_facet_indices(mesh.topology)
    tags = np.full(len(facets), WALLS, dtype=np.int32)
    for tag, place in places.items():
        tags[np.isin(facets, dmesh.locate_entities_boundary(mesh, facet_dimension, place))] = tag
    depth = 1.0 if dimension == 2 else (0.5 if half else 1.0) * HEIGHT
    section = HEIGHT * depth
    patches = [
        _patch("walls", Role.WALL, WALLS, 2.0 * length * depth, (0.0, 0.0, 0.0)),
        _patch("inlet", Role.WALL, INLET, section, (-1.0, 0.0, 0.0)),
        _patch("outlet", Role.OUTLET, OUTLET, section, (1.0, 0.0, 0.0)),
        _patch("cylinder", Role.WALL, CYLINDER, 2.0 * np.pi * RADIUS * depth, (0.0, 0.0, 0.0)),
    ]
    if half:
        patches.append(_patch("mirror", Role.WALL, MIRROR, length * HEIGHT, (0.0, 0.0, 1.0)))
    return Domain(
        mesh=mesh, facet_tags=dmesh.meshtags(mesh, facet_dimension, facets, tags), patches=tuple(patches)
    )


def _patch(name: str, role: Role, tag: int, area: float, normal: tuple[float, float, float]) -> Patch:
    centre = (LENGTHS[2] if role is Role.OUTLET else 0.0, 0.5 * HEIGHT, 0.0)
    return Patch(name=name, role=role, tag=tag, area=area, centre=centre, normal=normal)
