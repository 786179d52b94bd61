"""What a flow takes in and gives away: volume and kinetic energy, discretely, over one cycle of a pulsatile flow.

For the domain with boundary flux of total pressure, kinetic energy E and dissipation D,

    integral over the openings of -(p + rho |u|²/2) u.n  =  dE/dt + D

where the walls do not slip, and the velocity does not change along the normal at the openings.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from cfd.flow_state import FlowState
from cfd.fractional_step import FractionalStep
from cfd.reference_element import reference_element
from cfd.stepper import ElementPair
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from tests.verification.poiseuille import Wall
from tests.verification.womersley import FLUID, PERIOD, End, Womersley, tube_stepper


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Over one cycle.

    Attributes:
        cells, steps: Tetrahedra, and time steps in the cycle.
        volume: Largest difference of the flows through inlet and outlet, relative to the largest flow.
        energy: Root mean square of flux - dE/dt - dissipation, relative to that of the largest of the three.
        mean_energy: Mean of flux - dissipation over the cycle, relative to the mean dissipation.
        seconds: What it took.
    """

    cells: int
    steps: int
    volume: float
    energy: float
    mean_energy: float
    seconds: float


def measure(elements: ElementPair, flow: Womersley, rings: int, steps: int) -> Balance:
    """Run two cycles with walls that do not slip, and balance the second."""
    start = time.perf_counter()
    stepper = tube_stepper(elements, flow, rings, end=End.OPEN, wall=Wall.FACETED)
    circuit = FixedPressures(stepper.ports)
    state = stepper.initial_state(circuit, velocity=lambda x: flow.velocity(x, 0.0))
    rows = []
    imbalance, flows = [], []
    for _ in range(2 * steps):
        state, report = stepper.advance(state, PERIOD / steps, circuit)
        inflow = -volume_flux(stepper, state, "inlet")
        imbalance.append(report.flows[0] - inflow)
        flows.append(inflow)
        flux = -total_pressure_flux(stepper, state, "inlet") - total_pressure_flux(stepper, state, "outlet")
        rows.append((flux, kinetic_energy(stepper, state.velocity), sum(stepper.dissipation(state.velocity))))
    flux, energy, dissipation = np.array(rows).T
    last = slice(steps, 2 * steps - 1)
    change = (energy[steps + 1 :] - energy[steps - 1 : -2]) / (2.0 * PERIOD / steps)
    residual = flux[last] - change - dissipation[last]
    largest = max(float((part**2).mean()) for part in (flux[last], change, dissipation[last]))
    cycle = slice(steps, 2 * steps)
    return Balance(
        cells=len(stepper.elements.cells),
        steps=steps,
        volume=float(np.abs(imbalance[steps:]).max() / np.abs(flows[steps:]).max()),
        energy=float(np.sqrt((residual**2).mean() / largest)),
        mean_energy=float((flux[cycle] - dissipation[cycle]).mean() / dissipation[cycle].mean()),
        seconds=time.perf_counter() - start,
    )


def volume_flux(stepper: FractionalStep, state: FlowState, name: str) -> float:
    """Integral of u.n over a patch [m³/s]."""
    patch = next(patch for patch in stepper.elements.domain.patches if patch.name == name)
    facets = stepper.elements.patch_facets(patch)
    table = reference_element(stepper.elements.degree, 2, exact=4)
    shares = table.weights @ table.shape
    return float(np.einsum("j,fjd,fd->", shares, state.velocity[facets.nodes], facets.area_normals))


def total_pressure_flux(stepper: FractionalStep, state: FlowState, name: str) -> float:
    """Integral of (p + rho |u|²/2) u.n over a patch [W]."""
    patch = next(patch for patch in stepper.elements.domain.patches if patch.name == name)
    facets = stepper.elements.patch_facets(patch)
    corners = stepper.vertices.patch_facets(patch).nodes
    table = reference_element(stepper.elements.degree, 2, exact=6)
    linear = reference_element(1, 2, exact=6)
    velocity = np.einsum("qj,fjd->fqd", table.shape, state.velocity[facets.nodes])
    pressure = state.pressure[corners] @ linear.shape.T
    total = pressure + 0.5 * FLUID.density * (velocity**2).sum(axis=2)
    through = np.einsum("fqd,fd->fq", velocity, facets.area_normals)
    return float((total * through).sum(axis=0) @ table.weights)


def kinetic_energy(stepper: FractionalStep, velocity: FloatArray) -> float:
    """Integral of rho |u|²/2 [J]."""
    elements = stepper.elements
    table = reference_element(elements.degree, elements.dimension, exact=4)
    at = np.einsum("qj,cjd->cqd", table.shape, velocity[elements.cells])
    return 0.5 * FLUID.density * float(((at**2).sum(axis=2) @ table.weights) @ elements.volumes)
