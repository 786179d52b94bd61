"""Closed surface to tetrahedra."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometry.meshing.boundary_layer import BoundaryLayer, grow, is_wall, local_radius, no_layer
from geometry.meshing.cell_shapes import measure_cells
from geometry.meshing.gmsh_mesher import Algorithm, fill
from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.size_field import Refinement, SizeGrid, size_grid
from geometry.meshing.smoothing import improve
from geometry.meshing.volume import VolumeMesh, check_mesh
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface, area_vectors, check_closed, describe_patch, enclosed_volume
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError, SurfaceError

GOOD_QUALITY = 0.1
"""Smallest radius ratio of the core that is taken at once."""
WORST_QUALITY = 0.02
"""Smallest radius ratio of the core that can be computed on at all."""
GOOD_DIHEDRAL = 5.0
"""Smallest dihedral angle of the core that is taken at once [degrees]."""
WORST_DIHEDRAL = 1.0
"""Smallest dihedral angle of the core that can be computed on at all [degrees]."""
_PARTINGS = 4
"""How often layers that cross each other are made thinner before the surface is given up."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One way to fill a surface.

    Attributes:
        finer: Factor on the sizes that it is remeshed with before; None: not at all.
        algorithm: What fills it.
        good: Whether only a good mesh ends the attempts; else any that can be computed on does.
    """

    finer: float | None
    algorithm: Algorithm
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grade:
    """The worst cells of the core.

    Attributes:
        radius_ratio: The smallest.
        dihedral: The smallest [degrees].
        cell: Where the worst of both is.
    """

    radius_ratio: float
    dihedral: float
    cell: int

    @property
    def good(self) -> bool:
        return self.radius_ratio >= GOOD_QUALITY and self.dihedral >= GOOD_DIHEDRAL

    @property
    def usable(self) -> bool:
        return self.radius_ratio >= WORST_QUALITY and self.dihedral >= WORST_DIHEDRAL

    @property
    def score(self) -> float:
        return min(self.radius_ratio / GOOD_QUALITY, self.dihedral / GOOD_DIHEDRAL)


_ATTEMPTS = (
    _Attempt(finer=None, algorithm=Algorithm.HXT, good=True),
    _Attempt(finer=1.0, algorithm=Algorithm.HXT, good=True),
    _Attempt(finer=0.8, algorithm=Algorithm.HXT, good=False),
    _Attempt(finer=0.8, algorithm=Algorithm.DELAUNAY, good=False),
)


def tetrahedralise(
    surface: Surface,
    *,
    size: float,
    min_size: float,
    edges_per_radius: float,
    boundary_layers: int | BoundaryLayers = 0,
    refinements: Sequence[Refinement] = (),
) -> VolumeMesh:
    """Fill a closed surface with tetrahedra; the surface's own triangles become the boundary of the mesh.

    The size is carried from the triangles into the volume, finer in narrowings and in the regions asked for. Poor cells
    are improved by moving vertices inside. Where the result is still poor, or none comes out, the surface is remeshed,
    a little finer each time; then gmsh's other algorithm is tried.

    Args:
        surface: Closed, free of self-intersection, with named openings.
        size, min_size, edges_per_radius: As for `geometry.surfaces.remesh.remesh`, for the attempts that remesh.
        boundary_layers: Layers of thin cells along the wall: their settings, or their number, and then together as
            thick as `size` or a quarter of the radius.
        refinements: Regions of finer cells.

    Raises:
        MeshError: No attempt gives a mesh that can be computed on.
        SurfaceError: The surface is not closed.
    """
    check_closed(surface, where="mesh")
    layers = (
        boundary_layers
        if isinstance(boundary_layers, BoundaryLayers)
        else BoundaryLayers(count=boundary_layers)
    )
    best: VolumeMesh | None = None
    best_grade = _Grade(radius_ratio=0.0, dihedral=0.0, cell=0)
    failure = ""
    for attempt in _ATTEMPTS:
        try:
            candidate = surface
            if attempt.finer is not None:
                candidate = remesh(
                    surface,
                    size=attempt.finer * size,
                    min_size=attempt.finer * min_size,
                    edges_per_radius=edges_per_radius / attempt.finer,
                )
            mesh = _fill(candidate, attempt.algorithm, layers=layers, size=size, refinements=refinements)
        except (MeshError, SurfaceError) as error:
            failure = str(error)
            _log.info("%s failed: %s", attempt, failure)
            continue
        grade = _grade(mesh)
        if best is None or grade.score > best_grade.score:
            best, best_grade = mesh, grade
        if best_grade.good or (best_grade.usable and not attempt.good):
            break
        _log.info("%s is poor: %s", attempt, grade)
    if best is None:
        raise _explain(surface, failure)
    if not best_grade.usable:
        x, y, z = 1e3 * best.points[best.tetrahedra[best_grade.cell]].mean(axis=0)
        raise MeshError(
            "the mesh is too poor to compute on",
            where="mesh",
            value=f"smallest radius ratio {best_grade.radius_ratio:.3g}, smallest dihedral angle "
            f"{best_grade.dihedral:.2g}°, near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            expected=f"at least {WORST_QUALITY} and {WORST_DIHEDRAL:g}°",
            remedy="change mesh.size or mesh.min_size a little, or smooth the surface there",
        )
    return best


def _fill(
    surface: Surface,
    algorithm: Algorithm,
    *,
    layers: BoundaryLayers,
    size: float,
    refinements: Sequence[Refinement],
) -> VolumeMesh:
    radius = local_radius(surface)
    sizes = size_grid(surface, radius, refinements=refinements)
    layer, used, core_points, core_cells = _fill_core(
        surface, algorithm, layers=layers, size=size, radius=radius, sizes=sizes
    )
    inside = len(layer.points) + np.arange(len(core_points) - len(used))
    points = np.vstack([layer.points, core_points[len(used) :]])
    core = np.concatenate([used, inside])[core_cells]
    movable = np.arange(len(points)) >= len(layer.points)
    points = improve(points, core, movable)
    tetrahedra = np.vstack([layer.tetrahedra, core])
    # The wall's own triangles, what is left of the caps, and the layers' sides around it.
    facets = np.vstack([np.where(is_wall(surface)[:, None], surface.triangles, layer.core), layer.sides])
    tags = np.concatenate([surface.patch_id, layer.side_tags])
    patches = tuple(
        describe_patch(points, facets[tags == patch.tag], name=patch.name, role=patch.role, tag=patch.tag)
        for patch in surface.patches
    )
    mesh = VolumeMesh(
        points=points,
        tetrahedra=tetrahedra,
        facets=facets,
        facet_tags=tags,
        patches=patches,
        layers=layer.report,
        enclosed=enclosed_volume(surface),
    )
    check_mesh(mesh, where="mesh")
    return mesh


def _fill_core(
    surface: Surface,
    algorithm: Algorithm,
    *,
    layers: BoundaryLayers,
    size: float,
    radius: FloatArray,
    sizes: SizeGrid | None,
) -> tuple[BoundaryLayer, IntArray, FloatArray, IntArray]:
    """Layers, and the core within them filled; where layers cross each other, they are made thinner there."""
    room = np.ones(len(surface.points))
    for parting in range(_PARTINGS + 1):
        layer = (
            grow(surface, layers, size=size, radius=radius, room=room) if layers.count else no_layer(surface)
        )
        used, local = np.unique(layer.core, return_inverse=True)
        try:
            points, cells = fill(layer.points[used], local.reshape(-1, 3), algorithm=algorithm, sizes=sizes)
        except MeshError:
            if not layers.count or parting == _PARTINGS:
                raise
            crossing = np.unique(self_intersections(layer.points, layer.core))
            if not crossing.size or len(self_intersections(surface.points, surface.triangles)):
                raise
            _log.info("layers cross each other at %d triangles: thinner there", crossing.size)
            room[surface.triangles[crossing]] *= 0.3 if parting < _PARTINGS - 1 else 0.0
            continue
        return layer, used, points, cells
    raise AssertionError("the last parting returns or raises")


def _grade(mesh: VolumeMesh) -> _Grade:
    """The worst cells behind the layers, whose own cells come first and are flat on purpose."""
    flat = mesh.layers.cells if mesh.layers is not None else 0
    shapes = measure_cells(mesh.points, mesh.tetrahedra[flat:])
    score = np.minimum(shapes.radius_ratio / GOOD_QUALITY, shapes.dihedral_min / GOOD_DIHEDRAL)
    return _Grade(
        radius_ratio=float(shapes.radius_ratio.min()),
        dihedral=float(shapes.dihedral_min.min()),
        cell=flat + int(score.argmin()),
    )


def _explain(surface: Surface, failure: str) -> MeshError:
    """Why no attempt gave a mesh, as far as the surface tells."""
    for patch in surface.openings:
        cap = surface.triangles[surface.patch_id == patch.tag]
        turned = np.flatnonzero(area_vectors(surface.points, cap) @ np.array(patch.normal) <= 0.0)
        if turned.size:
            x, y, z = 1e3 * surface.points[cap[turned[0]]].mean(axis=0)
            return MeshError(
                "the cap of an opening is folded",
                where="mesh",
                value=f"{patch.name}: {turned.size} triangles; the first near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
                expected="a flat cap without overlap",
                remedy="cut the opening anew, a little further inside the vessel",
            )
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
