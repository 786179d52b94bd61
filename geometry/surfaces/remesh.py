"""Remeshing: well-shaped triangles whose size follows the local radius, with the same patches."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import mmgpy
import numpy as np

from geometry.openings.cutting import label_patches
from geometry.surfaces.surface import WALL_TAG, Surface, area_vectors, check_closed, vertex_normals
from geometry.surfaces.thickness import inscribed_radius
from geometry.surfaces.topology import find_edges, paired
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError

GRADATION = 1.3
"""Largest ratio of the lengths of neighbouring edges."""
DEVIATION = 0.2
"""Largest distance from the surface that remeshing may cause, in units of the smallest edge; the surface's roughness
where that is more, since following noise takes many triangles and gains nothing."""
MILLIMETRE = 1.0e-3
_RIM = 1
"""Reference of a rim's edges; mmgs wants one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceQuality:
    """Shape of the triangles of a surface.

    Attributes:
        triangles: Their number.
        smallest: Lowest quality, 1 for an equilateral triangle, 0 for a degenerate one.
        mean: Mean quality.
        shortest_edge: Length [m].
        longest_edge: Length [m].
    """

    triangles: int
    smallest: float
    mean: float
    shortest_edge: float
    longest_edge: float


def remesh(surface: Surface, *, size: float, min_size: float, edges_per_radius: float = 4.0) -> Surface:
    """Replace the triangles of a closed surface; the size follows the local radius between two limits.

    Args:
        surface: A closed surface, with or without openings.
        size: Largest edge [m].
        min_size: Smallest edge [m].
        edges_per_radius: How many edges fit into the local radius, between the two limits.

    Returns:
        A closed surface with the same patches; caps are flat.

    Raises:
        SurfaceError: The remesher fails, or returns a surface with a hole or without one of the patches.
    """
    check_closed(surface, where="remesh")
    radius = _average(surface, inscribed_radius(surface))
    target = np.clip(radius / edges_per_radius, min_size, size)
    allowed = max(DEVIATION * min_size, roughness(surface))
    try:
        result = _run_mmg(surface, target, hausd=allowed, limits=(min_size, size), sharp=False)
    except SurfaceError as error:
        _log.info("again with creases kept sharp: %s", error)
        result = _run_mmg(surface, target, hausd=allowed, limits=(min_size, size), sharp=True)
    result = _flatten_caps(_keep_patches(surface, result), surface)
    quality = measure_quality(result)
    _log.info(
        "remeshed to %d triangles, quality %.2f to %.2f (mean)",
        quality.triangles,
        quality.smallest,
        quality.mean,
    )
    return result


def measure_quality(surface: Surface) -> SurfaceQuality:
    """Quality of the triangles, 4 sqrt(3) A / (a² + b² + c²) with area A and edges a, b, c."""
    corners = surface.points[surface.triangles]
    edges = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    quality = 4.0 * np.sqrt(3.0) * areas / (edges**2).sum(axis=1)
    return SurfaceQuality(
        triangles=len(quality),
        smallest=float(quality.min()),
        mean=float(quality.mean()),
        shortest_edge=float(edges.min()),
        longest_edge=float(edges.max()),
    )


def roughness(surface: Surface) -> float:
    """Root mean square of the noise of the wall's vertices along the normal [m].

    The height of a vertex over the mean of its neighbours is the same all around on a tube or a ball; what is left
    after the neighbours' mean height is taken away is noise. With six neighbours, noise of variance 1 leaves 3/2.
    """
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    start, end = wall.ravel(), np.roll(wall, -1, axis=1).ravel()
    count = np.maximum(np.bincount(start, minlength=len(surface.points)), 1)
    means = np.stack(
        [
            np.bincount(start, weights=column[end], minlength=len(count)) / count
            for column in surface.points.T
        ],
        axis=1,
    )
    normals = vertex_normals(surface.points, wall)
    height = np.einsum("ij,ij->i", surface.points - means, normals)
    around = np.bincount(start, weights=height[end], minlength=len(count)) / count
    on_rim = np.unique(surface.triangles[surface.patch_id != WALL_TAG])
    free = np.setdiff1d(np.unique(wall), on_rim)
    return float(np.sqrt(np.mean((height - around)[free] ** 2) / 1.5)) if free.size else 0.0


def _run_mmg(
    surface: Surface, target: FloatArray, *, hausd: float, limits: tuple[float, float], sharp: bool
) -> Surface:
    """New triangles of sizes `target` [m] at the vertices, at most `hausd` [m] off the old.

    The rims of the openings are sharp edges. Others, which mmgs finds from 45° on, are kept only where `sharp` asks for
    them: on coarse or noisy facets it finds some everywhere, and leaves slivers and crossings between them.
    """
    mesh = _to_mmg(surface)
    mesh["metric"] = (target / MILLIMETRE)[:, None]
    try:
        mesh.remesh(
            hmin=0.5 * limits[0] / MILLIMETRE,
            hmax=limits[1] / MILLIMETRE,
            hausd=hausd / MILLIMETRE,
            hgrad=GRADATION,
            angle=int(sharp),
            verbose=-1,
        )
    except RuntimeError as error:
        raise SurfaceError(
            "the surface cannot be remeshed",
            where="remesh",
            value=error,
            remedy="raise 'mesh.min_size', or smooth the surface",
        ) from None
    triangles, patch_id = mesh.get_triangles_with_refs()
    result = Surface(
        points=MILLIMETRE * np.asarray(mesh.get_vertices(), dtype=np.float64),
        triangles=np.asarray(triangles, dtype=np.int64),
        patch_id=np.asarray(patch_id, dtype=np.int64),
    )
    check_closed(result, where="remesh")
    return result


def _to_mmg(surface: Surface) -> mmgpy.MmgMeshS:
    """The surface for mmgs, with the rims of the openings as sharp edges, and folds of the caps, which are defects."""
    edges = find_edges(surface.triangles)
    one, other = paired(edges, edges.uses == 2)
    left, right = surface.patch_id[one // 3], surface.patch_id[other // 3]
    normals = area_vectors(surface.points, surface.triangles)
    turned = np.einsum("ij,ij->i", normals[one // 3], normals[other // 3]) < 0.0
    sharp = edges.vertices[edges.edge[one[(left != right) | (turned & (left != WALL_TAG))]]].astype(np.int32)
    mesh = mmgpy.MmgMeshS()
    mesh.set_mesh_size(vertices=len(surface.points), triangles=len(surface.triangles), edges=len(sharp))
    mesh.set_vertices(surface.points / MILLIMETRE)
    mesh.set_triangles(surface.triangles.astype(np.int32), surface.patch_id.astype(np.int64))
    if len(sharp):
        mesh.set_edges(sharp, np.full(len(sharp), _RIM, dtype=np.int64))
        mesh.set_ridge_edges(np.arange(len(sharp), dtype=np.int32))
    return mesh


def _average(surface: Surface, values: FloatArray) -> FloatArray:
    """Values at vertices, averaged over the triangles around, twice."""
    corners = surface.triangles.ravel()
    count = np.bincount(corners, minlength=len(values))
    for _ in range(2):
        means = values[surface.triangles].mean(axis=1)
        values = np.bincount(corners, weights=np.repeat(means, 3), minlength=len(values)) / count
    return values


def _keep_patches(before: Surface, after: Surface) -> Surface:
    """The patches of the old surface, measured anew."""
    if not before.patches:
        return after
    for patch in before.patches:
        if not np.any(after.patch_id == patch.tag):
            raise SurfaceError(
                "remeshing lost a patch", where="remesh", value=patch.name, remedy="lower 'mesh.min_size'"
            )
    return label_patches(after, [(patch.name, patch.role) for patch in before.openings])


def _flatten_caps(after: Surface, before: Surface) -> Surface:
    """Move the vertices of every cap onto the plane that the cap had."""
    points = after.points.copy()
    for patch in before.openings:
        on_cap: IntArray = np.unique(after.triangles[after.patch_id == patch.tag])
        normal, centre = np.array(patch.normal), np.array(patch.centre)
        points[on_cap] -= ((points[on_cap] - centre) @ normal)[:, None] * normal
    flat = Surface(points=points, triangles=after.triangles, patch_id=after.patch_id)
    return _keep_patches(before, flat)
