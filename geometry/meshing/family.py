"""Meshes of one surface whose cells differ by a constant ratio, for grid studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.size_field import Refinement
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import VolumeMesh
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface
from hemoplan.errors import MeshError

RATIO = 1.4
"""Edge of a mesh over that of the next finer one; 1.3 is the least that a grid study should have."""


def family(
    surface: Surface,
    *,
    size: float,
    min_size: float,
    edges_per_radius: float,
    boundary_layers: int | BoundaryLayers = 0,
    refinements: Sequence[Refinement] = (),
    ratio: float = RATIO,
    levels: int = 3,
) -> tuple[VolumeMesh, ...]:
    """Meshes from coarse to fine; the one in the middle has the sizes given.

    All lengths that a mesh is made from are scaled by the same factor: edges of the surface and inside, of the regions
    of finer cells, and the height of the cells at the wall. The layers cover the same part of the lumen on all meshes,
    so their number changes with it (see `BoundaryLayers.scaled`). The effective size is (volume / cells)^(1/3).

    Args:
        surface: Closed, with named openings; each mesh remeshes it.
        size, min_size, edges_per_radius: As for `geometry.surfaces.remesh.remesh`.
        boundary_layers: Settings or number of layers, of the mesh in the middle.
        refinements: Regions of finer cells, of the mesh in the middle.
        ratio: Of the edges of neighbouring meshes.
        levels: Number of meshes; with an even number there is one more coarser than finer.

    Raises:
        MeshError: A mesh cannot be made, or the ratio leaves nothing to compare.

    Source: Celik et al., Procedure for estimation and reporting of uncertainty due to discretization in CFD
        applications, J Fluids Eng 130, 2008, doi:10.1115/1.2960953.
    """
    if not 1.1 <= ratio <= 3.0 or levels < 2:
        raise MeshError(
            "these meshes are no family to compare",
            where="mesh",
            value=f"{levels} levels with ratio {ratio:g}",
            expected="two levels or more, and a ratio of 1.1 to 3",
        )
    layers = (
        boundary_layers
        if isinstance(boundary_layers, BoundaryLayers)
        else BoundaryLayers(count=boundary_layers)
    )
    meshes = []
    for level in range(levels // 2, levels // 2 - levels, -1):
        factor = ratio**level
        sizes = {
            "size": factor * size,
            "min_size": factor * min_size,
            "edges_per_radius": edges_per_radius / factor,
        }
        meshes.append(
            tetrahedralise(
                remesh(surface, **sizes),
                **sizes,
                boundary_layers=layers.scaled(factor, size=size),
                refinements=[replace(region, size=factor * region.size) for region in refinements],
            )
        )
    return tuple(meshes)
