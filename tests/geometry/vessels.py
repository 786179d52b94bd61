"""Synthetic vessels of known shape: swept tubes with a radius law, and a Y of two tubes."""

from __future__ import annotations

from collections.abc import Callable

import mmgpy
import numpy as np
import pyvista as pv
from scipy.spatial import Delaunay

from geometry.surfaces.surface import WALL_TAG, Surface, describe_patch
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Role

Curve = Callable[[FloatArray], FloatArray]
"""Parameter in [0, 1], shape (n,), to points (n, 3)."""


def straight(length: float) -> Curve:
    """A line along +z from the origin."""
    return lambda t: np.column_stack([np.zeros_like(t), np.zeros_like(t), length * t])


def bend(radius: float, angle: float = np.pi) -> Curve:
    """An arc in the xz plane around the origin, from (-radius, 0, 0) over the top."""
    return lambda t: np.column_stack(
        [-radius * np.cos(angle * t), np.zeros_like(t), radius * np.sin(angle * t)]
    )


def name_patches(
    points: FloatArray, triangles: IntArray, patch_id: IntArray, names: dict[int, tuple[str, Role]]
) -> Surface:
    """A surface with measured patches."""
    patches = tuple(
        describe_patch(points, triangles[patch_id == tag], name=name, role=role, tag=tag)
        for tag, (name, role) in names.items()
    )
    return Surface(points=points, triangles=triangles, patch_id=patch_id, patches=patches)


def tube(
    curve: Curve,
    radius: Callable[[FloatArray], FloatArray],
    *,
    size: float,
    length: float,
    shape: Callable[[FloatArray], FloatArray] | None = None,
) -> Surface:
    """A tube of circular sections around a plane curve in y = const or a line, with flat caps.

    Args:
        curve: Axis by parameter.
        radius: Radius by parameter [m].
        size: Edge length [m].
        length: Length of the axis [m].
        shape: Factor on the radius by the angle around the axis.
    """
    rows = round(length / (size * np.sqrt(0.75)))
    t = np.linspace(0.0, 1.0, rows + 1)
    radii = radius(t)
    columns = round(2.0 * np.pi * float(radii.max()) / size)
    centres = curve(t)
    tangents = np.gradient(centres, axis=0, edge_order=2)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    side = np.tile([0.0, 1.0, 0.0], (rows + 1, 1))
    across = np.cross(side, tangents)
    angles = 2.0 * np.pi * (np.arange(columns)[None, :] + 0.5 * (np.arange(rows + 1) % 2)[:, None]) / columns
    factor = radii[:, None] * (shape(angles) if shape else 1.0)
    ring = (factor * np.cos(angles))[..., None] * across[:, None, :]
    ring += (factor * np.sin(angles))[..., None] * side[:, None, :]
    wall = (centres[:, None, :] + ring).reshape(-1, 3)
    triangles: list[tuple[int, int, int]] = []
    for row in range(rows):
        for column in range(columns):
            a, b = row * columns + column, row * columns + (column + 1) % columns
            c, d = a + columns, b + columns
            triangles += _split(a, b, c, d, odd=bool(row % 2))
    tags = [WALL_TAG] * len(triangles)
    points = [wall]
    count = len(wall)
    for tag, row, outward in ((2, 0, -1.0), (3, rows, 1.0)):
        rim = np.arange(columns) + row * columns
        inner, cells = _cap(wall[rim], centres[row], outward * tangents[row], size, rim, count)
        points.append(inner)
        triangles += [tuple(cell) for cell in cells]
        tags += [tag] * len(cells)
        count += len(inner)
    return name_patches(
        np.vstack(points),
        np.array(triangles, dtype=np.int64),
        np.array(tags, dtype=np.int64),
        {1: ("wall", Role.WALL), 2: ("inlet", Role.INLET), 3: ("outlet", Role.OUTLET)},
    )


def _split(a: int, b: int, c: int, d: int, *, odd: bool) -> list[tuple[int, int, int]]:
    """Two triangles of a quadrilateral whose upper row is shifted by half a step against the lower row."""
    return [(a, b, d), (a, d, c)] if odd else [(a, b, c), (b, d, c)]


def _cap(
    rim: FloatArray, centre: FloatArray, normal: FloatArray, size: float, indices: IntArray, first: int
) -> tuple[FloatArray, IntArray]:
    """Points inside a rim and the triangles of the flat cap, counter-clockwise seen from the tip of the normal."""
    one = (rim[0] - centre) / np.linalg.norm(rim[0] - centre)
    other = np.cross(normal, one)
    flat = (rim - centre) @ np.column_stack([one, other])
    mean_radius = float(np.linalg.norm(flat, axis=1).mean())
    rings = round(mean_radius / size)
    inner = [np.zeros((1, 2))]
    for ring in range(1, rings):
        angles = 2.0 * np.pi * (np.arange(6 * ring) + 0.5 * (ring % 2)) / (6 * ring)
        inner.append(ring / rings * mean_radius * np.column_stack([np.cos(angles), np.sin(angles)]))
    inside = np.vstack(inner)
    plane = np.vstack([flat, inside])
    cells = Delaunay(plane).simplices
    a, b, c = (plane[cells[:, corner]] for corner in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    cells = np.where((area < 0.0)[:, None], cells[:, [0, 2, 1]], cells)[np.abs(area) > 1e-6 * size**2]
    index = np.concatenate([indices, first + np.arange(len(inside))])
    return centre + inside @ np.column_stack([one, other]).T, index[cells]


def fork(*, size: float, radius: float = 3e-3, arm_radius: float = 2.2e-3, length: float = 24e-3) -> Surface:
    """A Y along +z: a trunk from the inlet at z = 0, two arms that part at a third and end at z = length, upright."""
    step = 0.2e-3
    spread = 2.2 * radius
    axes = [
        np.arange(-spread - 2 * radius, spread + 2 * radius, step),
        np.arange(-2 * radius, 2 * radius, step),
    ]
    axes.append(np.linspace(0.0, length, round(length / step)))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    rise = np.clip((axes[2] / length - 1 / 3) / 0.5, 0.0, 1.0)
    shift = spread * rise**2 * (3.0 - 2.0 * rise)
    slope = np.gradient(shift, axes[2])
    distance = np.full(grid.shape[:3], np.inf)
    thickness = radius + (arm_radius - radius) * rise
    for sign in (-1.0, 1.0):
        across = (grid[..., 0] - sign * shift) / np.sqrt(1.0 + slope**2)
        arm = np.hypot(across, grid[..., 1]) - thickness
        distance = -np.logaddexp(-distance / 4e-4, -arm / 4e-4) * 4e-4
    image = pv.ImageData(dimensions=grid.shape[:3], origin=[axis[0] for axis in axes])
    image.spacing = tuple(float(axis[1] - axis[0]) for axis in axes)
    image["distance"] = distance.ravel(order="F")
    shell = image.contour([0.0], scalars="distance", method="flying_edges").clean()
    names = {
        1: ("wall", Role.WALL),
        2: ("inlet", Role.INLET),
        3: ("left", Role.OUTLET),
        4: ("right", Role.OUTLET),
    }
    points, triangles, tags = close(
        np.asarray(shell.points, dtype=np.float64), shell.regular_faces.astype(np.int64)
    )
    mesh = mmgpy.MmgMeshS()
    mesh.set_mesh_size(vertices=len(points), triangles=len(triangles))
    mesh.set_vertices(1e3 * points)
    mesh.set_triangles(np.ascontiguousarray(triangles, dtype=np.int32), tags.astype(np.int64))
    mesh.remesh(hsiz=1e3 * size, hausd=0.02, verbose=-1)
    triangles, tags = mesh.get_triangles_with_refs()
    return name_patches(1e-3 * mesh.get_vertices(), triangles.astype(np.int64), tags.astype(np.int64), names)


def close(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Fans over the rims of an open shell, tagged 2, 3, … in the order of height, then of x; outward orientation."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    _, first, counts = np.unique(np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True)
    rim = edges[first[counts == 1]][:, ::-1]
    follow = dict(rim.tolist())
    loops = []
    while follow:
        start, loop = next(iter(follow)), []
        while start in follow:
            loop.append(start)
            start = follow.pop(start)
        loops.append(np.array(loop))
    loops.sort(key=lambda loop: (round(points[loop, 2].mean(), 6), points[loop, 0].mean()))
    tags = [np.full(len(triangles), WALL_TAG)]
    for tag, loop in enumerate(loops, start=2):
        hub = np.full(len(loop), len(points))
        points = np.vstack([points, points[loop].mean(axis=0)])
        triangles = np.vstack([triangles, np.column_stack([loop, np.roll(loop, -1), hub])])
        tags.append(np.full(len(loop), tag))
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    if np.einsum("ij,ij->", np.cross(a, b), c) < 0.0:
        triangles = triangles[:, [0, 2, 1]]
    return points, triangles, np.concatenate(tags)
