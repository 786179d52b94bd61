"""What differs between the versions of DOLFINx that hemoplan runs with: 0.9 (the reference), 0.10 and 0.11.

All that was renamed or reordered between them is called here and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import basix.ufl
import numpy as np
from dolfinx import fem
from dolfinx import mesh as dmesh
from dolfinx.io import XDMFFile
from mpi4py import MPI
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray


def create_simplex_mesh(comm: MPI.Intracomm, points: FloatArray, cells: NDArray[np.int64]) -> dmesh.Mesh:
    """A mesh of triangles or tetrahedra, distributed without ghost cells. Collective.

    The element comes after the points in 0.9 and before them since 0.10, so both are named; without a partitioner all
    versions make no ghosts.

    Args:
        comm: Communicator.
        points: (n, d) vertices that this rank contributes [m]; all of them on rank 0 will do.
        cells: (c, d + 1) vertices of the cells that this rank contributes, by their number in all ranks' points.
    """
    dimension = points.shape[1]
    element = basix.ufl.element(
        "Lagrange", {2: "triangle", 3: "tetrahedron"}[dimension], 1, shape=(dimension,)
    )
    mesh = dmesh.create_mesh(comm, cells, x=points, e=element)
    _connect(mesh)
    return mesh


def read_tagged_mesh(
    comm: MPI.Intracomm, cells: Path, facets: Path, *, grid: str
) -> tuple[dmesh.Mesh, dmesh.MeshTags]:
    """A mesh without ghost cells and the tags of its facets, from two XDMF files. Collective.

    Since 0.10 tags can have names; the first ones are read, as 0.9 does.
    """
    with XDMFFile(comm, str(cells), "r") as file:
        mesh = file.read_mesh(name=grid, ghost_mode=dmesh.GhostMode.none)
    _connect(mesh)
    with XDMFFile(comm, str(facets), "r") as file:
        return mesh, file.read_meshtags(mesh, name=grid)


def geometry_nodes(mesh: dmesh.Mesh) -> NDArray[np.int32]:
    """(c, n) nodes of the geometry of the local cells; since 0.11 there is one table for each kind of cell."""
    geometry = mesh.geometry
    return np.asarray(geometry.dofmaps[0] if hasattr(geometry, "dofmaps") else geometry.dofmap)


def coordinate_element(mesh: dmesh.Mesh) -> Any:
    """The element of the geometry; since 0.11 there is one for each kind of cell."""
    geometry = mesh.geometry
    return geometry.cmaps[0] if hasattr(geometry, "cmaps") else geometry.cmap


def collapse(space: fem.FunctionSpace) -> tuple[fem.FunctionSpace, NDArray[np.int32]]:
    """A subspace as a space of its own, and its dofs in the whole; since 0.11 a table for each kind of cell."""
    own, dofs = space.collapse()
    nested = isinstance(dofs, list) and len(dofs) > 0 and np.ndim(dofs[0]) > 0
    return own, np.asarray(dofs[0] if nested else dofs, dtype=np.int32)


def _connect(mesh: dmesh.Mesh) -> None:
    """Compute what facets are asked for: the cells behind them, and their corners."""
    facet, cell = mesh.topology.dim - 1, mesh.topology.dim
    mesh.topology.create_connectivity(facet, cell)
    mesh.topology.create_connectivity(facet, 0)
