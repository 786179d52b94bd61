"""Wall shear stress from the discrete balance of momentum at the wall."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Facets
from cfd.flow_state import FlowState
from cfd.fluid import CarreauYasuda
from cfd.fractional_step import FractionalStep
from cfd.halo import Halo
from cfd.reference_element import reference_element
from cfd.viscosity import Law, viscosity_at
from hemoplan.arrays import FloatArray


class WallShear:
    """Recovers the wall shear stress at the mesh vertices of the wall, for both element pairs.

    On a wall with outward normal n the fluid exerts the stress tau = -(mu (grad u + grad u^T) n)_tangential. A
    derivative of the velocity at the wall is one order less accurate than the velocity. The force that the wall must
    exert for the momentum of the fluid near it to balance is not: with the hat function h_i of a vertex on the wall,

        F_i = (rho (du/dt + w.grad u) + grad p, h_i) + (mu grad u, grad h_i) = integral of (mu grad u n) h_i,

    and F_i over the hat's share of the wall's area is its mean around the vertex. The sum of all F_i is the drag. On
    the rim of an outlet, where no viscous stress acts on the opening, F_i is the wall's part as well. What irregular
    triangles leave of noise is halved by taking the mean with the triangles around, M_L^-1 M tau, with the mass
    matrix M of the wall and its row sums M_L. All of it converges at second order where the wall is smooth.

    du/dt is the difference of the last two velocities. It multiplies hats at whose vertices the fluid sticks to the
    wall, so that its error is O(h² dt) on a wall at rest. The stabilisation of the convection vanishes at the wall
    and is left out.

    Args:
        stepper: The stepper whose states are looked at, in three dimensions.

    Attributes:
        facets: The local wall triangles, by vertex.
        areas: (n,) share of the wall's area that belongs to each local vertex [m²].
        nodes: (k,) the local vertices on the wall.
        normals: (k, 3) their outward unit normals, means of the triangles around.

    Source: Gresho et al., Int. J. Numer. Meth. Fluids 7 (1987), DOI 10.1002/fld.1650071002.
    """

    def __init__(self, stepper: FractionalStep) -> None:
        elements, vertices, fluid = stepper.elements, stepper.vertices, stepper.fluid
        self._elements, self._vertices = elements, vertices
        self._density = fluid.density
        law = fluid.thinning or CarreauYasuda(rest_viscosity=fluid.viscosity)
        self._law: Law = (fluid.viscosity, law.rest_viscosity, law.time, law.power, law.transition)
        self._thinning = fluid.thinning is not None
        self._vector_halo = Halo(vertices, 3)
        self.facets = vertices.patch_facets(*vertices.domain.wall)
        corners = self.facets.nodes.ravel()
        self.areas = np.zeros(vertices.nodes)
        np.add.at(self.areas, corners, np.repeat(self.facets.areas / 3.0, 3))
        Halo(vertices, 1).sum_to_owners(self.areas)
        normals = np.zeros((vertices.nodes, 3))
        np.add.at(normals, corners, np.repeat(self.facets.area_normals, 3, axis=0))
        self._vector_halo.sum_to_owners(normals)
        on_wall = self.areas > 0.0
        self.nodes = np.flatnonzero(on_wall)
        self.normals = normals[self.nodes]
        self.normals /= np.linalg.norm(self.normals, axis=1, keepdims=True)
        self._wall_mass = _mass_matrix(self.facets, vertices.nodes)
        self._near = np.flatnonzero(on_wall[vertices.cells].any(axis=1)).astype(np.uint32)
        # Rules that integrate the convection of P1, and that of P2 but for its part of fourth order in h.
        self._table = reference_element(elements.degree, 3, exact=elements.degree + 1)
        self._hats = reference_element(1, 3, exact=elements.degree + 1).shape

    def compute(self, state: FlowState) -> FloatArray:
        """(n, 3) wall shear stress at the local vertices after a step [Pa], zero away from the wall. Collective."""
        loads = np.zeros((self._vertices.nodes, 3))
        _add_wall_loads(
            self._near,
            self._elements.cells,
            self._vertices.cells,
            self._vertices.gradients,
            self._vertices.volumes,
            self._table.weights,
            self._table.shape,
            self._table.slope,
            self._hats,
            self._density,
            self._law,
            self._thinning,
            1.0 / state.dt if state.dt > 0.0 else 0.0,
            state.velocity,
            state.previous_velocity,
            state.pressure,
            loads,
        )
        self._vector_halo.sum_to_owners(loads)
        shares = np.maximum(self.areas, 1e-300)[:, None]
        loads /= -shares
        loads[self.areas == 0.0] = 0.0
        loads = np.asarray(self._wall_mass @ loads)
        self._vector_halo.sum_to_owners(loads)
        traction = (loads / shares)[self.nodes]
        traction -= (traction * self.normals).sum(axis=1, keepdims=True) * self.normals
        stress = np.zeros((self._vertices.nodes, 3))
        stress[self.nodes] = traction
        return stress


def _mass_matrix(facets: Facets, nodes: int) -> sp.csr_matrix:
    """Mass matrix of the hats on some triangles."""
    unit = reference_element(1, 2, exact=2).mass
    entries = facets.areas[:, None, None] * unit
    rows, columns = np.repeat(facets.corners, 3, axis=1), np.tile(facets.corners, (1, 3))
    return sp.csr_matrix((entries.ravel(), (rows.ravel(), columns.ravel())), shape=(nodes, nodes))


@njit(cache=True, fastmath=True)
def _add_wall_loads(
    chosen: NDArray[np.uint32],
    cells: NDArray[np.uint32],
    corners: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    weights: FloatArray,
    shape: FloatArray,
    reference_slope: FloatArray,
    hats: FloatArray,
    density: float,
    law: Law,
    thinning: bool,
    rate: float,
    velocity: FloatArray,
    previous: FloatArray,
    pressure: FloatArray,
    out: FloatArray,
) -> None:
    """Add F_i of the chosen cells to their corners: out (n, 3) [N].

    Args:
        chosen: Cells with a corner on the wall.
        cells, corners: Nodes of the velocity and vertices of each cell.
        gradients, volumes: See `Elements`.
        weights, shape, reference_slope: Of the velocity's `ReferenceElement`.
        hats: (q, 4) hat functions at the quadrature points.
        density: rho [kg/m³].
        law, thinning: The viscosity, and whether it depends on the shear rate.
        rate: 1 / dt [1/s].
        velocity, previous: (n, 3) now and a step before [m/s].
        pressure: (m,) [Pa].
        out: Added to.
    """
    nodes = cells.shape[1]
    now, change = np.empty((nodes, 3)), np.empty((nodes, 3))
    reference, slope = np.empty((3, 3)), np.empty((3, 3))
    viscosity = law[0]
    u, force, grad_p, stress = np.empty(3), np.empty(3), np.empty(3), np.empty((3, 3))
    for c in chosen:
        for k in range(nodes):
            for d in range(3):
                now[k, d] = velocity[cells[c, k], d]
                change[k, d] = rate * (now[k, d] - previous[cells[c, k], d])
        for d in range(3):
            grad_p[d] = 0.0
            for i in range(4):
                grad_p[d] += pressure[corners[c, i]] * gradients[c, i, d]
        stress[:] = 0.0
        for q in range(weights.size):
            factor = weights[q] * volumes[c]
            if q == 0 or nodes > 4:  # the slope of P1 is the same everywhere
                reference[:] = 0.0
                for k in range(nodes):
                    for d in range(3):
                        for a in range(3):
                            reference[d, a] += now[k, d] * reference_slope[q, k, a]
                for d in range(3):
                    for e in range(3):
                        slope[d, e] = 0.0
                        for a in range(3):
                            slope[d, e] += reference[d, a] * gradients[c, a + 1, e]
                viscosity = viscosity_at(law, slope) if thinning else law[0]
            for d in range(3):
                u[d] = 0.0
                force[d] = 0.0
                for k in range(nodes):
                    u[d] += shape[q, k] * now[k, d]
                    force[d] += shape[q, k] * change[k, d]
            for d in range(3):
                for e in range(3):
                    force[d] += u[e] * slope[d, e]
                    stress[d, e] += factor * viscosity * slope[d, e]
                    if thinning:
                        stress[d, e] += factor * viscosity * slope[e, d]
                force[d] = factor * (density * force[d] + grad_p[d])
            for i in range(4):
                for d in range(3):
                    out[corners[c, i], d] += hats[q, i] * force[d]
        for i in range(4):
            for d in range(3):
                for e in range(3):
                    out[corners[c, i], d] += stress[d, e] * gradients[c, i, e]
