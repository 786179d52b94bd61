"""The driven cavity, a square or a cube of side 1 m, with cells that are finer at the walls."""

from __future__ import annotations

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from hemoplan.patch import Patch, Role

WALLS, LID, MIRROR = 1, 2, 3


def cavity(
    dimension: int,
    cells: int,
    *,
    half: bool = False,
    grading: float = 1.5,
    comm: MPI.Intracomm = MPI.COMM_WORLD,
) -> Domain:
    """The cavity [0, 1]^d, whose lid is y = 1.

    Args:
        dimension: 2 or 3.
        cells: Along each side.
        half: In 3D, only z < 0.5, with the plane of symmetry z = 0.5 as the patch `mirror`.
        grading: 0 for equal cells; the larger, the finer the cells at the walls.
        comm: Communicator.
    """
    if dimension == 2:
        mesh = dmesh.create_unit_square(comm, cells, cells, ghost_mode=dmesh.GhostMode.none)
    else:
        corner = np.array([1.0, 1.0, 0.5 if half else 1.0])
        deep = cells // 2 if half else cells
        mesh = dmesh.create_box(
            comm,
            [np.zeros(3), corner],
            [cells, cells, deep],
            dmesh.CellType.tetrahedron,
            ghost_mode=dmesh.GhostMode.none,
        )
    if grading > 0.0:
        mesh.geometry.x[:, :dimension] = _crowd(mesh.geometry.x[:, :dimension], grading)
    facet_dimension = dimension - 1
    mesh.topology.create_connectivity(facet_dimension, dimension)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    centres = dmesh.compute_midpoints(mesh, facet_dimension, facets)
    tags = np.full(len(facets), WALLS, dtype=np.int32)
    tags[np.abs(centres[:, 1] - 1.0) < 1e-9] = LID
    patches = [_wall("walls", WALLS), _wall("lid", LID)]
    if half:
        tags[np.abs(centres[:, 2] - 0.5) < 1e-9] = MIRROR
        patches.append(_wall("mirror", MIRROR))
    return Domain(
        mesh=mesh, facet_tags=dmesh.meshtags(mesh, facet_dimension, facets, tags), patches=tuple(patches)
    )


def lid_velocity(x: np.ndarray, t: float) -> np.ndarray:
    """1 m/s along x on the lid without its edges, zero on the other walls."""
    velocity = np.zeros_like(x)
    others = np.delete(x, 1, axis=1)
    inside = (np.abs(others - 0.5) < 0.5 - 1e-9).all(axis=1)
    velocity[(x[:, 1] > 1.0 - 1e-9) & inside, 0] = 1.0
    return velocity


def _crowd(x: np.ndarray, grading: float) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(grading * (2.0 * x - 1.0)) / np.tanh(grading))


def _wall(name: str, tag: int) -> Patch:
    return Patch(name=name, role=Role.WALL, tag=tag, area=1.0, centre=(0, 0, 0), normal=(0, 0, 0))
