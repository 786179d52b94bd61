"""Closed surface to tetrahedra."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geometry.meshing.boundary_layer import grow, no_layer
from geometry.meshing.gmsh_mesher import Algorithm, SizeField, fill
from geometry.meshing.quality import radius_ratios
from geometry.meshing.volume import VolumeMesh, check_mesh
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import WALL_TAG, Surface, check_closed, describe_patch
from geometry.surfaces.thickness import inscribed_radius
from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError, SurfaceError

GOOD_QUALITY = 0.1
"""Smallest radius ratio that is taken at once."""
WORST_QUALITY = 0.02
"""Smallest radius ratio that can be computed on at all."""
EDGES_ACROSS_NARROWING = 8.0
"""Edges across a lumen that is narrower than every opening: there the jet is born."""
_STRETCH = 1.45
"""Mean edge inside a volume over the size that gmsh is asked for, measured on tubes."""

_FINEST_INSIDE = 0.6
"""Smallest size inside a narrowing over the edges of the wall there: what is finer joins the wall in slivers."""

NARROW = 0.8
"""Share of the smallest opening's radius below which a lumen counts as a narrowing."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One way to fill a surface.

    Attributes:
        finer: Factor on the sizes that it is remeshed with before; None: not at all.
        algorithm: What fills it.
        enough: Smallest radius ratio that ends the attempts.
    """

    finer: float | None
    algorithm: Algorithm
    enough: float


_ATTEMPTS = (
    _Attempt(finer=None, algorithm=Algorithm.HXT, enough=GOOD_QUALITY),
    _Attempt(finer=1.0, algorithm=Algorithm.HXT, enough=GOOD_QUALITY),
    _Attempt(finer=0.8, algorithm=Algorithm.HXT, enough=WORST_QUALITY),
    _Attempt(finer=0.8, algorithm=Algorithm.DELAUNAY, enough=WORST_QUALITY),
)


def tetrahedralise(
    surface: Surface, *, size: float, min_size: float, edges_per_radius: float, boundary_layers: int = 0
) -> VolumeMesh:
    """Fill a closed surface with tetrahedra; the surface's own triangles become the boundary of the mesh.

    The size is carried from the triangles into the volume, finer only in narrowings. Where the result is poor, or none
    comes out, the surface is remeshed, a little finer each time; then gmsh's other algorithm is tried.

    Args:
        surface: Closed, free of self-intersection, with named openings.
        size, min_size, edges_per_radius: As for `geometry.surfaces.remesh.remesh`, for the attempts that remesh.
        boundary_layers: Layers of thin cells along the wall, together as thick as `size` or a quarter of the radius.

    Raises:
        MeshError: No attempt gives a mesh that can be computed on.
        SurfaceError: The surface is not closed.
    """
    check_closed(surface, where="mesh")
    best: VolumeMesh | None = None
    best_quality, worst_cell = 0.0, 0
    failure = ""

    def rework(finer: float) -> Surface:
        return remesh(
            surface, size=finer * size, min_size=finer * min_size, edges_per_radius=edges_per_radius / finer
        )

    for attempt in _ATTEMPTS:
        try:
            candidate = surface if attempt.finer is None else rework(attempt.finer)
            mesh = _fill(candidate, attempt, layers=boundary_layers, thickness=size)
        except (MeshError, SurfaceError) as error:
            failure = str(error)
            _log.info("%s failed: %s", attempt, failure)
            continue
        quality, cell = _worst(mesh, boundary_layers)
        if best is None or quality > best_quality:
            best, best_quality, worst_cell = mesh, quality, cell
        if best_quality >= attempt.enough:
            break
    if best is None:
        raise _explain(surface, failure)
    if best_quality < WORST_QUALITY:
        x, y, z = 1e3 * best.points[best.tetrahedra[worst_cell]].mean(axis=0)
        raise MeshError(
            "the mesh is too poor to compute on",
            where="mesh",
            value=f"smallest radius ratio {best_quality:.3g}, near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            expected=f"at least {WORST_QUALITY}",
            remedy="change mesh.size or mesh.min_size a little, or smooth the surface there",
        )
    return best


def _fill(surface: Surface, attempt: _Attempt, *, layers: int, thickness: float) -> VolumeMesh:
    layer = grow(surface, layers=layers, thickness=thickness) if layers else no_layer(surface)
    used, local = np.unique(layer.core, return_inverse=True)
    core_points, core_cells = fill(
        layer.points[used],
        local.reshape(-1, 3),
        algorithm=attempt.algorithm,
        size_at=_narrowing_size(surface),
    )
    inside = len(layer.points) + np.arange(len(core_points) - len(used))
    points = np.vstack([layer.points, core_points[len(used) :]])
    tetrahedra = np.vstack([layer.tetrahedra, np.concatenate([used, inside])[core_cells]])
    # The wall's own triangles, what is left of the caps, and the layers' sides around it.
    is_wall = surface.patch_id == WALL_TAG
    facets = np.vstack([np.where(is_wall[:, None], surface.triangles, layer.core), layer.sides])
    tags = np.concatenate([surface.patch_id, layer.side_tags])
    patches = tuple(
        describe_patch(points, facets[tags == patch.tag], name=patch.name, role=patch.role, tag=patch.tag)
        for patch in surface.patches
    )
    mesh = VolumeMesh(points=points, tetrahedra=tetrahedra, facets=facets, facet_tags=tags, patches=patches)
    check_mesh(mesh, where="mesh")
    return mesh


def _narrowing_size(surface: Surface) -> SizeField | None:
    """Size wanted inside lumens that are narrower than every opening; None where there is no such place."""
    widths = [float(np.sqrt(patch.area / np.pi)) for patch in surface.openings]
    radius = inscribed_radius(surface)
    narrow = radius < NARROW * min(widths, default=0.0)
    around = cKDTree(surface.points).query_ball_point(surface.points[narrow], radius[narrow])
    # One rough spot in a wide vessel is no narrowing: most of the wall around has to be narrow too.
    narrow[narrow] = [float(narrow[near].mean()) > 0.5 for near in around]
    if not narrow.any():
        return None
    points, radii = surface.points[narrow], radius[narrow]
    wanted = np.maximum(
        2.0 * radii / EDGES_ACROSS_NARROWING, _FINEST_INSIDE * _STRETCH * _edges_at_vertices(surface)[narrow]
    )
    tree = cKDTree(points)
    low, high = points.min(axis=0) - radii.max(), points.max(axis=0) + radii.max()

    def size_at(x: float, y: float, z: float) -> float:
        if not (low[0] < x < high[0] and low[1] < y < high[1] and low[2] < z < high[2]):
            return float("inf")
        distance, index = tree.query((x, y, z))
        near = distance <= 1.2 * radii[index]
        return float(wanted[index] / _STRETCH) if near else float("inf")

    return size_at


def _edges_at_vertices(surface: Surface) -> FloatArray:
    """(n,) mean length of the edges at each vertex [m]."""
    starts = surface.triangles.ravel()
    ends = surface.triangles[:, [1, 2, 0]].ravel()
    lengths = np.linalg.norm(surface.points[starts] - surface.points[ends], axis=1)
    both = np.concatenate([starts, ends])
    total = np.bincount(both, weights=np.tile(lengths, 2), minlength=len(surface.points))
    return np.asarray(total / np.maximum(np.bincount(both, minlength=len(surface.points)), 1))


def _worst(mesh: VolumeMesh, layers: int) -> tuple[float, int]:
    """Smallest radius ratio, and its cell, behind the layers, whose own cells come first and are flat on purpose."""
    flat = 3 * layers * int((mesh.facet_tags == WALL_TAG).sum())
    ratios = radius_ratios(mesh.points, mesh.tetrahedra[flat:])
    return float(ratios.min()), flat + int(ratios.argmin())


def _explain(surface: Surface, failure: str) -> MeshError:
    """Why no attempt gave a mesh, as far as the surface tells."""
    pairs = self_intersections(surface.points, surface.triangles)
    if not len(pairs):
        return MeshError(
            "the surface cannot be filled with cells",
            where="mesh",
            value=failure,
            remedy="smooth the surface, or change mesh.size or mesh.min_size",
        )
    x, y, z = 1e3 * surface.points[surface.triangles[pairs[0, 0]]].mean(axis=0)
    return MeshError(
        "the surface passes through itself, so it has no inside to fill",
        where="mesh",
        value=f"{len(pairs)} pairs of triangles; the first near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
        expected="a surface whose triangles meet at their edges only",
        remedy="smooth or repair the surface there, or reduce the edit that caused it",
    )
