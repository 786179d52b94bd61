"""Straight tubes of tetrahedra for the tests, made without a mesh generator."""

from __future__ import annotations

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from hemoplan.patch import Patch, Role

WALL, INLET, OUTLET = 1, 2, 3


def tube(
    radius: float, length: float, across: int, along: int, comm: MPI.Intracomm = MPI.COMM_WORLD
) -> Domain:
    """A tube along z from a structured box: the square cross-section is mapped to the disc.

    Args:
        radius, length: [m].
        across: Cells across the diameter.
        along: Cells along the axis.
        comm: Communicator.
    """
    box = dmesh.create_box(
        comm,
        [np.array([-1.0, -1.0, 0.0]), np.array([1.0, 1.0, length])],
        [across, across, along],
        dmesh.CellType.tetrahedron,
        ghost_mode=dmesh.GhostMode.none,
    )
    x, y = box.geometry.x[:, 0].copy(), box.geometry.x[:, 1].copy()
    box.geometry.x[:, 0] = radius * x * np.sqrt(1.0 - 0.5 * y**2)
    box.geometry.x[:, 1] = radius * y * np.sqrt(1.0 - 0.5 * x**2)
    box.topology.create_connectivity(2, 3)
    box.topology.create_connectivity(2, 0)
    facets = dmesh.exterior_facet_indices(box.topology)
    centres = dmesh.compute_midpoints(box, 2, facets)
    tags = np.full(len(facets), WALL, dtype=np.int32)
    tags[np.abs(centres[:, 2]) < 1e-9 * length] = INLET
    tags[np.abs(centres[:, 2] - length) < 1e-9 * length] = OUTLET
    area = np.pi * radius**2
    patches = (
        Patch(
            name="wall",
            role=Role.WALL,
            tag=WALL,
            area=2 * area * length / radius,
            centre=(0, 0, 0),
            normal=(0, 0, 0),
        ),
        Patch(name="inlet", role=Role.INLET, tag=INLET, area=area, centre=(0, 0, 0), normal=(0, 0, -1)),
        Patch(
            name="outlet", role=Role.OUTLET, tag=OUTLET, area=area, centre=(0, 0, length), normal=(0, 0, 1)
        ),
    )
    return Domain(mesh=box, facet_tags=dmesh.meshtags(box, 2, facets, tags), patches=patches)
