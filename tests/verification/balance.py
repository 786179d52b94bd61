"""What a flow takes in and gives away: volume and kinetic energy, discretely, over one cycle of a pulsatile flow.

For the domain with boundary flux of total pressure, kinetic energy E and dissipation D,

    integral over the openings of -(p + rho |u|²/2) u.n  =  dE/dt + D + N

where the walls do not slip, and N is what the discrete equations take, term by term (`cfd.energy`). The flux and the
energy are computed here, from the fields alone; dE/dt is the backward difference of the scheme.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from cfd.energy import EnergyBudget
from cfd.flow_state import FlowState
from cfd.fractional_step import FractionalStep
from cfd.reference_element import reference_element
from cfd.stepper import ElementPair
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from tests.verification.poiseuille import Wall
from tests.verification.womersley import FLUID, PERIOD, End, Womersley, tube_stepper

NUMERICAL = (
    "time",
    "extrapolation",
    "divergence",
    "stabilisation",
    "backflow",
    "splitting",
    "traction",
    "inlet",
)
"""The terms of N."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Over one cycle.

    Attributes:
        cells, steps: Tetrahedra, and time steps in the cycle.
        volume: Largest difference of the flows through inlet and outlet, relative to the largest flow.
        residual: Root mean square of flux - dE/dt - D - N, relative to that of the flux.
        mean_residual: Its mean over the cycle, relative to that of D.
        shares: Means of the terms of N over the cycle, relative to that of D.
        seconds: What it took.
    """

    cells: int
    steps: int
    volume: float
    residual: float
    mean_residual: float
    shares: dict[str, float]
    seconds: float


def measure(elements: ElementPair, flow: Womersley, rings: int, steps: int) -> Balance:
    """Run two cycles with walls that do not slip, and balance the second."""
    start = time.perf_counter()
    stepper = tube_stepper(elements, flow, rings, end=End.OPEN, wall=Wall.FACETED)
    circuit, budget = FixedPressures(stepper.ports), EnergyBudget(stepper)
    state = stepper.initial_state(circuit, velocity=lambda x: flow.velocity(x, 0.0))
    energies = [kinetic_energy(stepper, state.velocity)]
    imbalance, flows, fluxes, dissipation, losses = [], [], [], [], []
    for step in range(2 * steps):
        state, report = stepper.advance(state, PERIOD / steps, circuit)
        energies.append(kinetic_energy(stepper, state.velocity))
        if step < steps:
            continue
        inflow = -volume_flux(stepper, state, "inlet")
        imbalance.append(report.flows[0] - inflow)
        flows.append(inflow)
        fluxes.append(-sum(total_pressure_flux(stepper, state, name) for name in ("inlet", "outlet")))
        dissipation.append(stepper.dissipation(state.velocity)[0])
        balance = budget.balance_at(state)
        losses.append([getattr(balance, name) for name in NUMERICAL])
    energy = np.array(energies)
    change = (1.5 * energy[2:] - 2.0 * energy[1:-1] + 0.5 * energy[:-2])[-steps:] * steps / PERIOD
    flux, heat, lost = np.array(fluxes), np.array(dissipation), np.array(losses)
    residual = flux - change - heat - lost.sum(axis=1)
    return Balance(
        cells=len(stepper.elements.cells),
        steps=steps,
        volume=float(np.abs(imbalance).max() / np.abs(flows).max()),
        residual=float(np.sqrt((residual**2).mean() / (flux**2).mean())),
        mean_residual=float(residual.mean() / heat.mean()),
        shares=dict(zip(NUMERICAL, (lost.mean(axis=0) / heat.mean()).tolist(), strict=True)),
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
