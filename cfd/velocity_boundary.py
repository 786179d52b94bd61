"""The prescribed velocity: no slip or a given motion on the walls, profiles that carry the inflows on the inlets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cfd.elements import Elements
from cfd.inlet_flow import InletFlow
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray, IntArray

type VelocityField = Callable[[FloatArray, float], FloatArray]
"""Velocity (k, d) [m/s] at points (k, d) [m] and a time [s]."""


class VelocityBoundary:
    """Values of the velocity at the nodes of walls and inlets, and the flux that they carry.

    Args:
        elements: Elements of the velocity.
        vertices: Elements of the pressure.
        inlet_flows: The velocity over each inlet of the domain.
        wall_velocity: Velocity of the patches with the role of a wall; no slip if None.

    Attributes:
        nodes: All nodes with a prescribed velocity.
    """

    def __init__(
        self,
        elements: Elements,
        vertices: Elements,
        *,
        inlet_flows: Sequence[InletFlow],
        wall_velocity: VelocityField | None,
    ) -> None:
        domain = elements.domain
        self._wall_velocity = wall_velocity
        self._wall_nodes = elements.patch_nodes(*domain.wall)
        self._wall_points = elements.coordinates[self._wall_nodes]
        self._inlet_flows = inlet_flows
        on_inlets = [each.nodes for each in inlet_flows]
        self._inlet_nodes: IntArray = np.concatenate([*on_inlets, np.zeros(0, dtype=np.int64)])
        self.nodes: IntArray = np.union1d(self._wall_nodes, self._inlet_nodes)
        self._set_up_flux(elements, vertices)

    def impose(self, velocity: FloatArray, inflows: FloatArray, time: float) -> None:
        """Write the prescribed values into a nodal velocity (n, d), in place, for (i,) inflows [m³/s]."""
        if self._wall_velocity is None:
            velocity[self._wall_nodes] = 0.0
        else:
            velocity[self._wall_nodes] = self._wall_velocity(self._wall_points, time)
        for each, inflow in zip(self._inlet_flows, inflows, strict=True):
            velocity[each.nodes] = np.tensordot(each.coefficients(float(inflow), time), each.shapes, axes=1)

    def subtract_flux(self, rhs: FloatArray, inflows: FloatArray, time: float) -> None:
        """Subtract the integrals of u.n q over walls and inlets, for every pressure basis function q, in place.

        Args:
            rhs: (m,) local values at the vertices, not yet summed over the ranks [m³/s].
            inflows: (i,) flows into the domain through the inlets [m³/s].
            time: [s].
        """
        for each, loads, inflow in zip(self._inlet_flows, self._shape_loads, inflows, strict=True):
            rhs -= each.coefficients(float(inflow), time) @ loads
        if self._wall_velocity is not None:
            moving = np.zeros((self._count, self._wall_points.shape[1]))
            moving[self._wall_nodes] = self._wall_velocity(self._wall_points, time)
            moving[self._inlet_nodes] = 0.0
            rhs -= self._flux(moving)

    def _set_up_flux(self, elements: Elements, vertices: Elements) -> None:
        domain = elements.domain
        patches = [patch for patch in domain.patches if patch not in domain.outlets]
        self._count, self._vertices = elements.nodes, vertices.nodes
        self._facets = elements.patch_facets(*patches)
        self._corners = vertices.patch_facets(*patches).nodes
        degree, d = elements.degree, elements.dimension
        own = reference_element(degree, d - 1, exact=degree + 1)
        linear = reference_element(1, d - 1, exact=degree + 1)
        self._table = np.einsum("q,qj,qi->ji", own.weights, own.shape, linear.shape)
        self._shape_loads = [np.zeros((len(each.shapes), vertices.nodes)) for each in self._inlet_flows]
        nodal = np.zeros((elements.nodes, d))
        for each, loads in zip(self._inlet_flows, self._shape_loads, strict=True):
            for shape, load in zip(each.shapes, loads, strict=True):
                nodal[each.nodes] = shape
                load[:] = self._flux(nodal)
            nodal[each.nodes] = 0.0

    def _flux(self, velocity: FloatArray) -> FloatArray:
        """(m,) integrals of u.n q over the local facets."""
        normal = np.einsum("fjd,fd->fj", velocity[self._facets.nodes], self._facets.area_normals)
        loads = normal @ self._table
        sums = np.bincount(self._corners.ravel(), weights=loads.ravel(), minlength=self._vertices)
        return sums.astype(np.float64, copy=False)
