"""A tube between a pressure and a circuit, coupled implicitly or with the flow of the last step.

Both ends are ports, so the flow is free: it answers to the driving pressure p and to the circuit. With inertance
L = rho l / A and the circuit a resistance R, the flow of the last step gives Q' = Q + dt / L (p - R Q), which is
unstable for R dt / L > 2.

`python -m tests.verification.coupling OUT PAIR CIRCUIT` runs one circuit on any number of ranks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.fluid import Fluid
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import BoundaryCircuit, CircuitStep
from hemoplan.patch import Role
from tests.cfd.tube import tube

RADIUS, LENGTH = 2e-3, 16e-3
FLUID = Fluid(density=1060.0, viscosity=0.004)
VESSEL = 8.0 * FLUID.viscosity * LENGTH / (np.pi * RADIUS**4)
"""Poiseuille resistance of the tube [Pa s/m³]."""
INERTANCE = FLUID.density * LENGTH / (np.pi * RADIUS**2)
"""[Pa s²/m³]"""
FLOW = 0.4e-6
DRIVE = FLOW * VESSEL
"""The pressure that drives this flow through the tube alone [Pa]."""
ACROSS, ALONG = 6, 16
DT = (2.0 * RADIUS / ACROSS) / (2.0 * FLOW / (np.pi * RADIUS**2))
"""Step that makes the Courant number of that flow one, on its axis [s]."""
STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """Resistance, inertance and compliance in a row behind the outlet, by implicit Euler; a valve may close it.

    P = (R + L / dt) Q - L / dt Q0 + Pc,  C (Pc - Pc0) / dt = Q - Pc / D; without a compliance Pc = 0.
    A closed valve is a resistance 1e4 times the vessel's to forward flow.
    """

    resistance: float = 0.0
    inertance: float = 0.0
    compliance: float | None = None
    distal: float = np.inf
    closes_at: float = np.inf

    def initial_state(self) -> FloatArray:
        return np.zeros(2)

    def answer(self, state: FloatArray, flow: float, t: float, dt: float) -> tuple[float, float, FloatArray]:
        Q0, Pc0 = state
        R = 1e4 * VESSEL if t > self.closes_at else self.resistance
        Pc, slope = 0.0, 0.0
        if self.compliance is not None:
            whole = self.compliance / dt + 1.0 / self.distal
            Pc, slope = (flow + self.compliance / dt * Pc0) / whole, 1.0 / whole
        pressure = R * flow + self.inertance / dt * (flow - Q0) + Pc
        return pressure, R + self.inertance / dt + slope, np.array([flow, Pc])


CIRCUITS = {
    "resistance": Element(resistance=100.0 * VESSEL),
    "no compliance": Element(resistance=50.0 * VESSEL, compliance=1e-18, distal=50.0 * VESSEL),
    "inertance": Element(inertance=100.0 * INERTANCE),
    "closed valve": Element(resistance=VESSEL, closes_at=0.5 * STEPS * DT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """The driving pressure at the first port, an element behind the second."""

    element: Element
    ports: tuple[str, ...] = ("inlet", "outlet")

    def initial_state(self) -> FloatArray:
        return self.element.initial_state()

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        pressure, slope, after = self.element.answer(state, float(flows[1]), t, dt)
        return CircuitStep(np.array([DRIVE, pressure]), np.diag([0.0, slope]), after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lagged:
    """The same circuit with the flows of the last step: the explicit scheme of many codes."""

    circuit: BoundaryCircuit
    ports: tuple[str, ...] = ("inlet", "outlet")

    def initial_state(self) -> FloatArray:
        return np.concatenate([self.circuit.initial_state(), np.zeros(2)])

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        done = self.circuit.step(state[:-2], state[-2:], t, dt)
        return CircuitStep(done.pressures, np.zeros((2, 2)), np.concatenate([done.state, flows]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """(n, 2) flows out of both ends and pressures there, step by step, and the largest residual of the coupling."""

    flows: FloatArray
    pressures: FloatArray
    residual: float


def run(
    pair: ElementPair,
    element: Element,
    *,
    lagged: bool = False,
) -> Course:
    """March from rest."""
    domain = tube(RADIUS, LENGTH, ACROSS, ALONG)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    settings = replace(DEFAULTS[pair], pressure_tolerance=1e-10)
    stepper = build_stepper(replace(domain, patches=patches), FLUID, pair, settings)
    circuit: BoundaryCircuit = Driven(element=element)
    used = Lagged(circuit=circuit) if lagged else circuit
    state = stepper.initial_state(used)
    flows, pressures, residual = [], [], 0.0
    for _ in range(STEPS):
        before = state.circuit
        state, report = stepper.advance(state, DT, used)
        flows.append(report.flows)
        pressures.append(report.pressures)
        again = used.step(before, report.flows, state.time, DT).pressures
        residual = max(residual, float(np.abs(again - report.pressures).max() / np.abs(again).max()))
    return Course(
        flows=np.array(flows),
        pressures=np.array(pressures),
        residual=residual,
    )


def main(out: Path, pair: ElementPair, name: str) -> None:
    course = run(pair, CIRCUITS[name])
    if MPI.COMM_WORLD.rank == 0:
        np.savez(out, flows=course.flows, pressures=course.pressures)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])  # type: ignore[arg-type]
