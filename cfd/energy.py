"""The kinetic-energy budget of the flow: what enters through the openings, what is stored, what is lost.

    sum over the openings of the flux of (p + rho |u|²/2) into the domain
        = d/dt (kinetic energy) + viscous dissipation + numerical losses + residual

The numerical losses that the schemes have by construction are counted one by one: the stabilisation of the convection;
at outlets, the energy that reverse flow would carry in and that the backflow term takes; and, for equal-order elements,
the part of the pressure's work that the splitting takes to keep the pressure stable, s (grad p, grad p - P grad p)
with s = dt / (a0 rho). What remains is the residual: the errors of the time discretisation, of the solvers' tolerances,
of the velocity's divergence, and the small work of the viscous stress on the openings.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numba import njit
from numpy.typing import NDArray

from cfd.flow_state import FlowState, StepReport
from cfd.fractional_step import FractionalStep
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray

EQUAL_STEPS_A0 = 1.5
"""a0 of `cfd.flow_state.TimeScheme` for equal steps."""


class EnergyBudget:
    """Evaluates the terms of the energy budget of a stepper's states, in three dimensions.

    Args:
        stepper: The stepper.
    """

    def __init__(self, stepper: FractionalStep) -> None:
        elements, vertices = stepper.elements, stepper.vertices
        self._stepper = stepper
        self._comm = elements.domain.comm
        degree = elements.degree
        self._unit_mass = reference_element(degree, 3, exact=2 * degree).mass
        patches = {patch.name: patch for patch in elements.domain.patches}
        openings = [patches[name] for name in stepper.ports]
        self._facets = [elements.patch_facets(patch) for patch in openings]
        self._corners = [vertices.patch_facets(patch).corners for patch in openings]
        self._outlets = range(len(openings) - len(stepper.outlets), len(openings))
        self._table = reference_element(degree, 2, exact=3 * degree)
        self._hats = reference_element(1, 2, exact=3 * degree).shape

    def outward_powers(self, state: FlowState, report: StepReport) -> FloatArray:
        """(k,) flux of p + rho |u|²/2 out of the domain through each opening [W]. Collective.

        The mean pressure goes with the flow that the step reports, which is exact; only what deviates from the mean
        goes with the velocity at the nodes.
        """
        kinetic, _ = self._kinetic_fluxes(state.velocity)
        local = np.empty(len(self._facets))
        for index, corners in enumerate(self._corners):
            deviation = (state.pressure[corners] - report.pressures[index]) @ self._hats.T
            local[index] = (
                (deviation * self._normal_flux(index, state.velocity)) @ self._table.weights
            ).sum()
        return np.asarray(report.pressures * report.flows + self._sum(local) + kinetic)

    def kinetic(self, velocity: FloatArray) -> float:
        """Kinetic energy in the domain [J]. Collective."""
        elements = self._stepper.elements
        square = _squared_norm(elements.cells, elements.volumes, self._unit_mass, velocity)
        return 0.5 * self._stepper.fluid.density * float(self._sum(np.array([square]))[0])

    def losses(self, state: FlowState) -> tuple[float, float]:
        """Power of viscous dissipation and of the numerical losses [W]. Collective."""
        viscous, stabilisation = self._stepper.dissipation(state.velocity)
        splitting = float(self._sum(np.array([self._splitting_power(state)]))[0])
        _, inward = self._kinetic_fluxes(state.velocity)
        return viscous, stabilisation + splitting + float(inward[list(self._outlets)].sum())

    def _kinetic_fluxes(self, velocity: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(k,) flux of rho |u|²/2 out of the domain, and (k,) what of it enters where the flow is reversed [W]."""
        local = np.zeros((2, len(self._facets)))
        for index, facets in enumerate(self._facets):
            flux = self._normal_flux(index, velocity)
            at = np.einsum("qj,fjd->fqd", self._table.shape, velocity[facets.nodes])
            carried = 0.5 * self._stepper.fluid.density * (at**2).sum(axis=2)
            local[0, index] = ((carried * flux) @ self._table.weights).sum()
            local[1, index] = -((carried * np.minimum(flux, 0.0)) @ self._table.weights).sum()
        outward, inward = self._sum(local)
        return outward, inward

    def _normal_flux(self, index: int, velocity: FloatArray) -> FloatArray:
        """(f, q) u.n times area at the quadrature points of an opening [m³/s]."""
        facets = self._facets[index]
        normal = np.einsum("fjd,fd->fj", velocity[facets.nodes], facets.area_normals)
        return np.asarray(normal @ self._table.shape.T)

    def _splitting_power(self, state: FlowState) -> float:
        """s (grad p, grad p - P grad p) over the local cells [W]; zero for elements that are stable without it."""
        projected = state.memory.get("pressure_gradient")
        if projected is None:
            return 0.0
        vertices = self._stepper.vertices
        scale = state.dt / (EQUAL_STEPS_A0 * self._stepper.fluid.density)
        return scale * float(
            _gradient_residual(
                vertices.cells, vertices.gradients, vertices.volumes, state.pressure, projected
            )
        )

    def _sum(self, local: FloatArray) -> FloatArray:
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM))


@njit(cache=True, fastmath=True)
def _squared_norm(
    cells: NDArray[np.uint32], volumes: FloatArray, unit_mass: FloatArray, velocity: FloatArray
) -> float:
    """Integral of |u|² over the local cells."""
    total = 0.0
    m = cells.shape[1]
    u = np.empty(m)
    for c in range(volumes.size):
        cell = 0.0
        for k in range(3):
            for i in range(m):
                u[i] = velocity[cells[c, i], k]
            for i in range(m):
                row = 0.5 * unit_mass[i, i] * u[i]
                for j in range(i):
                    row += unit_mass[i, j] * u[j]
                cell += 2.0 * row * u[i]
        total += volumes[c] * cell
    return total


@njit(cache=True, fastmath=True)
def _gradient_residual(
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    pressure: FloatArray,
    projected: FloatArray,
) -> float:
    """Integral of grad p . (grad p - P grad p) over the local cells."""
    total = 0.0
    for c in range(volumes.size):
        for k in range(3):
            slope, mean = 0.0, 0.0
            for i in range(4):
                slope += pressure[cells[c, i]] * gradients[c, i, k]
                mean += 0.25 * projected[cells[c, i], k]
            total += volumes[c] * slope * (slope - mean)
    return total
