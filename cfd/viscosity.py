"""Shear-dependent viscosity: its matrix, its part of the load, and the power that viscosity turns into heat.

The viscous stress 2 mu(g) e(u) couples the components of the velocity. mu grad u goes into the matrix, with mu at the
shear rate of the extrapolated velocity w, and mu ((grad w)^T - (div w) I) into the load, so that one scalar matrix
serves all components. Inside the domain the second part acts through the gradient of mu alone, also where the discrete
velocity is not free of divergence: without (div w) I the explicit term has the size of the implicit one, and long steps
diverge. For a Newtonian fluid it is left out.

On open boundaries the second part would add mu ((grad w)^T n - (div w) n) to the natural condition. That is not zero
where a developed flow leaves, and would bend it within a radius of the outlet. Its integral over the outlets is added
to the load, so that mu du/dn is the natural condition of every fluid, and developed flow leaves undisturbed (Heywood,
Rannacher & Turek, Int. J. Numer. Meth. Fluids 22 (1996),
DOI 10.1002/(SICI)1097-0363(19960315)22:5<325::AID-FLD307>3.0.CO;2-Y). Since (grad w)^T n - (div w) n holds derivatives
along the boundary alone, cells and outlets cancel where mu is constant, in the discrete equations too: only the
gradient of mu is explicit, and long steps are stable.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.fluid import CarreauYasuda, Fluid
from cfd.reference_element import reference_element
from cfd.reference_facets import reference_facets
from hemoplan.arrays import FloatArray

type Law = tuple[float, float, float, float, float]
"""mu, mu_0, lambda, n, a of `cfd.fluid.CarreauYasuda`."""


class ViscousStress:
    """Evaluates the viscous stress of a fluid on some elements, whose outlets are those of their domain.

    Args:
        elements: Elements of the velocity.
        fluid: The fluid.
    """

    def __init__(self, elements: Elements, fluid: Fluid) -> None:
        self._elements = elements
        exact = 1 if elements.degree == 1 else 4
        self._table = reference_element(elements.degree, elements.dimension, exact=exact)
        self._facet_table = reference_facets(elements.degree, elements.dimension, exact=exact)
        self._outlets = elements.patch_facets(*elements.domain.outlets)
        corners = elements.cells[self._outlets.cells, : elements.dimension + 1]
        on_outlet = (corners[:, :, None] == self._outlets.corners[:, None, :]).any(axis=2)
        self._opposite = on_outlet.argmin(axis=1).astype(np.uint32)
        newtonian = CarreauYasuda(rest_viscosity=fluid.viscosity)
        law = fluid.thinning or newtonian
        self._law: Law = (fluid.viscosity, law.rest_viscosity, law.time, law.power, law.transition)

    def add(self, convecting: FloatArray, values: FloatArray, rhs: FloatArray) -> None:
        """Add (mu grad u, grad v) to the matrix and the second part of the stress, at w, to the load, in place.

            -(mu ((grad w)^T - (div w) I), grad v) + integral over the outlets of mu ((grad w)^T n - (div w) n).v

        Args:
            convecting: (n, d) w [m/s].
            values: Values of the local matrix.
            rhs: (n, d) load [N, in 2D N/m].
        """
        elements, table, facets = self._elements, self._table, self._facet_table
        _add_viscosity(
            elements.cells,
            elements.gradients,
            elements.volumes,
            elements.slots,
            table.weights,
            table.slope,
            self._law,
            convecting,
            values,
            rhs,
        )
        _add_outlet_stress(
            self._outlets.cells,
            self._opposite,
            self._outlets.area_normals,
            elements.cells,
            elements.gradients,
            facets.weights,
            facets.shape,
            facets.slope,
            self._law,
            convecting,
            rhs,
        )

    def power(self, velocity: FloatArray) -> float:
        """Power 2 mu e(u):e(u) that the local cells turn into heat [W]."""
        elements, table = self._elements, self._table
        return float(
            _viscous_power(
                elements.cells,
                elements.gradients,
                elements.volumes,
                table.weights,
                table.slope,
                self._law,
                velocity,
            )
        )


@njit(cache=True, fastmath=True, inline="always")
def viscosity_at(law: Law, slope: FloatArray) -> float:
    """mu [Pa s] at a velocity gradient (d, d) [1/s]."""
    square = 0.0
    for d in range(slope.shape[0]):
        for e in range(slope.shape[0]):
            square += 0.5 * (slope[d, e] + slope[e, d]) ** 2
    thin, rest, time, power, transition = law
    if rest == thin:
        return thin
    share: float = (1.0 + (time * np.sqrt(square)) ** transition) ** ((power - 1.0) / transition)
    return thin + (rest - thin) * share


@njit(cache=True, fastmath=True)
def _add_viscosity(
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    slots: NDArray[np.uint32],
    weights: FloatArray,
    reference_slope: FloatArray,
    law: Law,
    convecting: FloatArray,
    values: FloatArray,
    rhs: FloatArray,
) -> None:
    count, m = cells.shape
    dim = gradients.shape[2]
    basis, slope = np.empty((m, dim)), np.empty((dim, dim))
    for c in range(count):
        for q in range(weights.size):
            slope[:] = 0.0
            for k in range(m):
                for e in range(dim):
                    basis[k, e] = 0.0
                    for a in range(dim):
                        basis[k, e] += reference_slope[q, k, a] * gradients[c, a + 1, e]
                    for d in range(dim):
                        slope[d, e] += convecting[cells[c, k], d] * basis[k, e]
            factor = weights[q] * volumes[c] * viscosity_at(law, slope)
            for i in range(m):
                for j in range(m):
                    product = 0.0
                    for e in range(dim):
                        product += basis[i, e] * basis[j, e]
                    values[slots[c, m * i + j]] += factor * product
                for d in range(dim):
                    for e in range(dim):
                        rhs[cells[c, i], d] -= factor * (
                            slope[e, d] * basis[i, e] - slope[e, e] * basis[i, d]
                        )


@njit(cache=True, fastmath=True)
def _add_outlet_stress(
    behind: NDArray[np.uint32],
    opposite: NDArray[np.uint32],
    area_normals: FloatArray,
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    weights: FloatArray,
    shape: FloatArray,
    reference_slope: FloatArray,
    law: Law,
    convecting: FloatArray,
    rhs: FloatArray,
) -> None:
    """Add the integral of mu ((grad w)^T n - (div w) n).v over facets.

    Args:
        behind, opposite: (f,) the cell behind each facet, and the number of its corner opposite the facet.
        area_normals: (f, d) outward area vectors [m², in 2D m].
        cells, gradients: See `Elements`.
        weights, shape, reference_slope: Of the `ReferenceFacets`.
        law: The viscosity.
        convecting: (n, d) w [m/s].
        rhs: (n, d) load [N, in 2D N/m]; added to.
    """
    dim, m = gradients.shape[2], cells.shape[1]
    slope, stress = np.empty((dim, dim)), np.empty(dim)
    for f in range(behind.size):
        c, a = behind[f], opposite[f]
        for q in range(weights.size):
            slope[:] = 0.0
            for k in range(m):
                for e in range(dim):
                    derivative = 0.0
                    for b in range(dim):
                        derivative += reference_slope[a, q, k, b] * gradients[c, b + 1, e]
                    for d in range(dim):
                        slope[d, e] += convecting[cells[c, k], d] * derivative
            factor = weights[q] * viscosity_at(law, slope)
            for d in range(dim):
                stress[d] = 0.0
                for e in range(dim):
                    stress[d] += factor * (
                        slope[e, d] * area_normals[f, e] - slope[e, e] * area_normals[f, d]
                    )
            for i in range(m):
                for d in range(dim):
                    rhs[cells[c, i], d] += shape[a, q, i] * stress[d]


@njit(cache=True, fastmath=True)
def _viscous_power(
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    weights: FloatArray,
    reference_slope: FloatArray,
    law: Law,
    velocity: FloatArray,
) -> float:
    dim = gradients.shape[2]
    slope = np.empty((dim, dim))
    total = 0.0
    for c in range(cells.shape[0]):
        for q in range(weights.size):
            slope[:] = 0.0
            for k in range(cells.shape[1]):
                for e in range(dim):
                    derivative = 0.0
                    for a in range(dim):
                        derivative += reference_slope[q, k, a] * gradients[c, a + 1, e]
                    for d in range(dim):
                        slope[d, e] += velocity[cells[c, k], d] * derivative
            square = 0.0
            for d in range(dim):
                for e in range(dim):
                    square += 0.5 * (slope[d, e] + slope[e, d]) ** 2
            total += weights[q] * volumes[c] * viscosity_at(law, slope) * square
    return total
