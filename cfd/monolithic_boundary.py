"""The prescribed velocities of the monolithic solver, and whether every part of the boundary has one condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from dolfinx import fem
from dolfinx import mesh as dmesh

from cfd.collective import raise_everywhere
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError

type VelocityData = Callable[[FloatArray, float], FloatArray]
"""Velocity (k, d) [m/s] at points (k, d) [m] and a time [s]."""


def still(x: FloatArray, t: float) -> FloatArray:
    """No slip: zero velocity."""
    return np.zeros_like(x)


def check_boundary(mesh: dmesh.Mesh, facet_tags: dmesh.MeshTags, *tags: Iterable[int]) -> None:
    """Check that every facet of the boundary has exactly one condition. Collective.

    Raises:
        BoundaryError: A tag is given twice or has no facets, or a part of the boundary has no condition.
    """
    given = [tag for group in tags for tag in group]
    twice = sorted({tag for tag in given if given.count(tag) > 1})
    if twice:
        raise BoundaryError("a patch has two conditions", value=f"tag {twice[0]}", expected="one condition")
    for tag in given:
        if mesh.comm.allreduce(int(facet_tags.find(tag).size)) == 0:
            raise BoundaryError("a condition is given for a patch without facets", value=f"tag {tag}")
    mesh.topology.create_connectivity(mesh.topology.dim - 1, mesh.topology.dim)
    covered = facet_tags.indices[np.isin(facet_tags.values, given)]
    bare = np.setdiff1d(dmesh.exterior_facet_indices(mesh.topology), covered)
    count = mesh.comm.allreduce(int(bare.size))
    if count:
        raise BoundaryError(
            "a part of the boundary has no condition",
            value=f"{count} facets",
            expected="a velocity, a pressure or a plane of symmetry on every patch",
        )


class PrescribedVelocity:
    """The nodes where velocities are prescribed, and their values. Collective.

    Args:
        space: P2 vectors, n nodes on this rank.
        facet_tags: Tags of the boundary facets.
        velocity: Velocity by tag; where patches meet, the later one rules.
        symmetry: Axis of the normal of each plane of symmetry, by tag.

    Attributes:
        dofs: Velocity dofs (node times d plus axis) that are prescribed.
    """

    def __init__(
        self,
        space: fem.FunctionSpace,
        facet_tags: dmesh.MeshTags,
        velocity: Mapping[int, VelocityData],
        symmetry: Mapping[int, int],
    ) -> None:
        self._space, self._facet_tags = space, facet_tags
        self._comm = space.mesh.comm
        dimension = space.mesh.geometry.dim
        points = space.tabulate_dof_coordinates()[:, :dimension]
        self._data = [(tag, self.nodes(tag), data) for tag, data in velocity.items()]
        self._points = {tag: points[nodes] for tag, nodes, _ in self._data}
        self._mirrors = [(self.nodes(tag), axis) for tag, axis in symmetry.items()]
        everywhere = [np.add.outer(nodes * dimension, np.arange(dimension)) for _, nodes, _ in self._data]
        normals = [nodes * dimension + axis for nodes, axis in self._mirrors]
        self.dofs: IntArray = np.unique(np.concatenate([part.ravel() for part in (*everywhere, *normals)]))

    def nodes(self, *tags: int) -> IntArray:
        """Nodes on some patches. Collective."""
        facet_dimension = self._space.mesh.topology.dim - 1
        found = [
            fem.locate_dofs_topological(self._space, facet_dimension, self._facet_tags.find(tag))
            for tag in tags
        ]
        return np.asarray(np.unique(np.concatenate(found)), dtype=np.int64)

    def impose(self, values: FloatArray, time: float) -> None:
        """Write the prescribed values at a time into nodal velocities (n, d), in place. Collective.

        Raises:
            BoundaryError: A prescribed velocity is not finite, or has the wrong shape.
        """
        error = None
        for nodes, axis in self._mirrors:
            values[nodes, axis] = 0.0
        for tag, nodes, data in self._data:
            points = self._points[tag]
            given = np.asarray(data(points, time), dtype=np.float64)
            if given.shape != points.shape:
                error = BoundaryError(
                    "the prescribed velocity has the wrong shape",
                    where=f"tag {tag}",
                    value=given.shape,
                    expected=f"{points.shape}, as the points",
                )
            elif not np.isfinite(given).all():
                error = BoundaryError(
                    "the prescribed velocity is not finite", where=f"tag {tag}", value=f"at t = {time:.6g} s"
                )
            else:
                values[nodes] = given
        raise_everywhere(self._comm, error)
