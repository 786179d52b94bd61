"""Round tubes of tetrahedra from rings of triangles, without a mesh generator.

The disc has a node at its centre and 6 k nodes on its ring k, which makes triangles of nearly one size; the layers of
prisms between two discs are split in three tetrahedra along the diagonals that start at the lower number of a node, so
that neighbours agree. Where a tube widens all at once, the rings of its narrow part go on as the inner rings of the
wide one.
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
    disc, triangles = _disc(np.arange(1, rings + 1) / rings)
    radii = radius(heights) if callable(radius) else np.full(len(heights), radius)
    points = _stack(disc, heights, radii)
    mesh = _create(comm, points, _prisms(triangles, len(disc), range(len(heights) - 1)))
    slant = np.hypot(np.diff(heights), np.diff(radii))
    lateral = float((np.pi * (radii[1:] + radii[:-1]) * slant).sum())
    return _name(mesh, heights, (float(radii[0]), float(radii[-1])), lateral, roles)


def stepped_tube(
    narrow: FloatArray,
    wide: FloatArray,
    *,
    rings: FloatArray,
    inner: int,
    radius: Callable[[FloatArray], FloatArray],
    comm: MPI.Intracomm = MPI.COMM_SELF,
) -> Domain:
    """A tube along z that widens all at once; the ring between the two radii is a part of the wall.

    Args:
        narrow, wide: (l + 1,) z of the discs of both parts, increasing; the first wide disc is the last narrow one [m].
        rings: (n,) radii of the rings of the wide part, increasing [m].
        inner: How many of them make the narrow part, where they shrink with its radius.
        radius: Radius of the narrow part as a function of z (n,) [m]; `rings[inner - 1]` at the step.
        comm: Communicator; one rank makes the mesh.
    """
    disc, triangles = _disc(rings)
    radii = radius(narrow)
    heights = np.concatenate([narrow, wide[1:]])
    scale = np.concatenate([radii / rings[inner - 1], np.ones(len(wide) - 1)])
    step, size = len(narrow) - 1, len(disc)
    cells = np.concatenate(
        [
            _prisms(triangles[: 6 * inner**2], size, range(step)),
            _prisms(triangles, size, range(step, len(heights) - 1)),
        ]
    )
    used, cells = np.unique(cells, return_inverse=True)
    mesh = _create(comm, _stack(disc, heights, scale)[used], cells.reshape(-1, 4))
    slant = np.hypot(np.diff(narrow), np.diff(radii))
    lateral = float((np.pi * (radii[1:] + radii[:-1]) * slant).sum())
    lateral += np.pi * float(rings[-1] ** 2 - radii[-1] ** 2 + 2.0 * rings[-1] * (wide[-1] - wide[0]))
    return _name(mesh, heights, (float(radii[0]), float(rings[-1])), lateral, (Role.INLET, Role.OUTLET))


def _stack(disc: FloatArray, heights: FloatArray, scale: FloatArray) -> FloatArray:
    """(n, 3) the nodes of scaled discs at some heights."""
    points = np.empty((len(heights), len(disc), 3))
    points[:, :, :2] = scale[:, None, None] * disc
    points[:, :, 2] = heights[:, None]
    return points.reshape(-1, 3)


def _prisms(triangles: IntArray, size: int, layers: range) -> IntArray:
    """(c, 4) tetrahedra of the layers of prisms over some triangles of discs with `size` nodes each."""
    low = np.sort(triangles, axis=1)
    a, b, c = low.T
    top = low + size
    prism = np.concatenate(
        [
            np.column_stack([a, b, c, top[:, 2]]),
            np.column_stack([a, b, top[:, 1], top[:, 2]]),
            np.column_stack([a, top[:, 0], top[:, 1], top[:, 2]]),
        ]
    )
    return (prism[None] + size * np.array(layers)[:, None, None]).reshape(-1, 4)


def _create(comm: MPI.Intracomm, points: FloatArray, cells: IntArray) -> dmesh.Mesh:
    element = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
    return dmesh.create_mesh(comm, cells=cells.astype(np.int64), x=points, e=element)


def _disc(radii: FloatArray) -> tuple[FloatArray, IntArray]:
    """Nodes (n, 2) and triangles of a disc with rings of the given radii; 6 k² triangles lie within ring k."""
    points: list[FloatArray] = [np.zeros((1, 2))]
    first = [0, 1]
    for k in range(1, len(radii) + 1):
        angles = np.arange(6 * k) * (2.0 * np.pi / (6 * k))
        points.append(radii[k - 1] * np.column_stack([np.cos(angles), np.sin(angles)]))
        first.append(first[-1] + 6 * k)
    triangles = []
    for k in range(1, len(radii) + 1):
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


def _name(
    mesh: dmesh.Mesh,
    heights: FloatArray,
    radii: tuple[float, float],
    lateral: float,
    roles: tuple[Role, Role],
) -> Domain:
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

    def patch(name: str, role: Role, tag: int, area: float, height: float, way: float) -> Patch:
        return Patch(name=name, role=role, tag=tag, area=area, centre=(0, 0, height), normal=(0, 0, way))

    patches = (
        patch("wall", Role.WALL, WALL, lateral, 0.5 * (bottom + top), 0.0),
        patch("inlet", roles[0], INLET, np.pi * radii[0] ** 2, bottom, -1.0),
        patch("outlet", roles[1], OUTLET, np.pi * radii[1] ** 2, top, 1.0),
    )
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 2, facets, tags), patches=patches)
