"""Squares and cubes whose whole boundary has a prescribed velocity."""

from __future__ import annotations

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from hemoplan.patch import Patch, Role


def box(dimension: int, cells: int, comm: MPI.Intracomm = MPI.COMM_WORLD) -> Domain:
    """The box [-1, 1]^d with so many cells along each side, its boundary one wall."""
    low, high = -np.ones(dimension), np.ones(dimension)
    if dimension == 2:
        mesh = dmesh.create_rectangle(comm, [low, high], [cells] * 2, ghost_mode=dmesh.GhostMode.none)
    else:
        mesh = dmesh.create_box(
            comm, [low, high], [cells] * 3, dmesh.CellType.tetrahedron, ghost_mode=dmesh.GhostMode.none
        )
    mesh.topology.create_connectivity(dimension - 1, dimension)
    mesh.topology.create_connectivity(dimension - 1, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    wall = Patch(
        name="wall",
        role=Role.WALL,
        tag=1,
        area=2.0 * dimension * 2.0 ** (dimension - 1),
        centre=(0, 0, 0),
        normal=(0, 0, 0),
    )
    tags = dmesh.meshtags(mesh, dimension - 1, facets, np.ones(len(facets), dtype=np.int32))
    return Domain(mesh=mesh, facet_tags=tags, patches=(wall,))
