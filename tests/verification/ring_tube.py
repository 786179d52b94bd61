"""Round tubes of tetrahedra from rings of triangles, without a mesh generator.

The disc has a node at its centre and 6 k nodes on its ring k, which makes triangles of nearly one size; the layers of
prisms between two discs are split in three tetrahedra along the diagonals that start at the lower number of a node, so
that neighbours agree.
"""

from __future__ import annotations

from collections.abc import Callable

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Patch, Role

WALL, INLET, OUTLET = 1, 2, 3


def ring_tube(
    heights: FloatArray,
    rings: int,
    *,
    radius: Callable[[FloatArray], FloatArray] | float,
    roles: tuple[Role, Role] = (Role.INLET, Role.OUTLET),
    comm: MPI.Intracomm = MPI.COMM_SELF,
) -> Domain:
    """A tube along z, whose round wall is made of flat facets with their corners on the true surface.

    Args:
        heights: (l + 1,) z of the discs, increasing [m].
        rings: Cells along the radius.
        radius: Radius [m], or a function of z (n,).
        roles: Roles of the first and the last disc.
        comm: Communicator; one rank makes the mesh.
    """
    disc, triangles = _disc(rings)
    layers = len(heights) - 1
    radii = radius(heights) if callable(radius) else np.full(len(heights), radius)
    points = np.empty((len(heights), len(disc), 3))
    points[:, :, :2] = radii[:, None, None] * disc
    points[:, :, 2] = heights[:, None]
    low = np.sort(triangles, axis=1)
    a, b, c = low.T
    top = low + len(disc)
    prism = np.concatenate(
        [
            np.column_stack([a, b, c, top[:, 2]]),
            np.column_stack([a, b, top[:, 1], top[:, 2]]),
            np.column_stack([a, top[:, 0], top[:, 1], top[:, 2]]),
        ]
    )
    cells = (prism[None] + len(disc) * np.arange(layers)[:, None, None]).reshape(-1, 4)
    element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
    mesh = dmesh.create_mesh(comm, cells=cells.astype(np.int64), x=points.reshape(-1, 3), e=element)
    return _name(mesh, heights, radii, roles)


def _disc(rings: int) -> tuple[FloatArray, IntArray]:
    """Nodes (n, 2) and triangles of the unit disc."""
    points: list[FloatArray] = [np.zeros((1, 2))]
    first = [0, 1]
    for k in range(1, rings + 1):
        angles = np.arange(6 * k) * (2.0 * np.pi / (6 * k))
        points.append(k / rings * np.column_stack([np.cos(angles), np.sin(angles)]))
        first.append(first[-1] + 6 * k)
    triangles = []
    for k in range(1, rings + 1):
        inner, outer = max(6 * (k - 1), 1), 6 * k
        for sector in range(6):
            for i in range(k):
                a = first[k] + (sector * k + i) % outer
                b = first[k] + (sector * k + i + 1) % outer
                c = first[k - 1] + (sector * (k - 1) + i) % inner
                triangles.append((a, b, c))
                if i < k - 1:
                    triangles.append((b, c, first[k - 1] + (sector * (k - 1) + i + 1) % inner))
    return np.concatenate(points), np.array(triangles, dtype=np.int64)


def _name(mesh: dmesh.Mesh, heights: FloatArray, radii: FloatArray, roles: tuple[Role, Role]) -> Domain:
    """Tags and patches by the places of the facets."""
    mesh.topology.create_connectivity(2, 3)
    mesh.topology.create_connectivity(2, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    z = dmesh.compute_midpoints(mesh, 2, facets)[:, 2]
    bottom, top = float(heights[0]), float(heights[-1])
    near = 1e-9 * (top - bottom)
    tags = np.full(len(facets), WALL, dtype=np.int32)
    tags[z < bottom + near] = INLET
    tags[z > top - near] = OUTLET
    slant = np.hypot(np.diff(heights), np.diff(radii))
    lateral = float((np.pi * (radii[1:] + radii[:-1]) * slant).sum())

    def patch(name: str, role: Role, tag: int, area: float, height: float, way: float) -> Patch:
        return Patch(name=name, role=role, tag=tag, area=area, centre=(0, 0, height), normal=(0, 0, way))

    patches = (
        patch("wall", Role.WALL, WALL, lateral, 0.5 * (bottom + top), 0.0),
        patch("inlet", roles[0], INLET, float(np.pi * radii[0] ** 2), bottom, -1.0),
        patch("outlet", roles[1], OUTLET, float(np.pi * radii[-1] ** 2), top, 1.0),
    )
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 2, facets, tags), patches=patches)
