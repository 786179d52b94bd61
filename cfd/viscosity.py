"""Shear-dependent viscosity: its matrix, its part of the load, and the power that viscosity turns into heat.

The viscous stress 2 mu(g) e(u) couples the components of the velocity. mu grad u goes into the matrix, with mu at the
shear rate of the extrapolated velocity w, and mu ((grad w)^T - (div w) I) into the load, so that one scalar matrix
serves all components. Inside the domain the second part acts through the gradient of mu alone, also where the discrete
velocity is not free of divergence: without (div w) I the explicit term has the size of the implicit one, and long steps
diverge. For a Newtonian fluid it is left out.

On open boundaries the second part adds mu ((grad u)^T n - (div u) n) to the natural condition, which is not zero where
a developed flow leaves: within a radius of an outlet the velocity of a thinning fluid is up to a quarter off, and the
pressure drop of a tube of one diameter by 1 to 4 %.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.fluid import CarreauYasuda, Fluid
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray

type Law = tuple[float, float, float, float, float]
"""mu, mu_0, lambda, n, a of `cfd.fluid.CarreauYasuda`."""


class ViscousStress:
    """Evaluates the viscous stress of a fluid on some elements.

    Args:
        elements: Elements of the velocity.
        fluid: The fluid.
    """

    def __init__(self, elements: Elements, fluid: Fluid) -> None:
        self._elements = elements
        self._table = reference_element(
            elements.degree, elements.dimension, exact=1 if elements.degree == 1 else 4
        )
        newtonian = CarreauYasuda(rest_viscosity=fluid.viscosity)
        law = fluid.thinning or newtonian
        self._law: Law = (fluid.viscosity, law.rest_viscosity, law.time, law.power, law.transition)

    def add(self, convecting: FloatArray, values: FloatArray, rhs: FloatArray) -> None:
        """Add (mu grad u, grad v) to the matrix and -(mu ((grad w)^T - (div w) I), grad v) to the load, in place."""
        elements, table = self._elements, self._table
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
