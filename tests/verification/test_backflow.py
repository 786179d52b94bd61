"""Reverse flow at ports: what the backflow term is for, and what it changes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from cfd.fluid import Fluid
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import CircuitStep
from hemoplan.errors import DivergenceError
from hemoplan.patch import Role
from tests.cfd.tube import tube

PERIOD = 0.4
AREA = np.pi * 2e-3**2


@dataclass(frozen=True)
class Swinging:
    """Pressure zero at one end, a sine at the other: blood enters through either port for half of the time."""

    amplitude: float
    ports: tuple[str, ...] = ("inlet", "outlet")

    def initial_state(self):
        return np.zeros(0)

    def step(self, state, flows, t, dt):
        pressures = np.array([0.0, self.amplitude * np.sin(2.0 * np.pi * t / PERIOD)])
        return CircuitStep(pressures, np.zeros((2, 2)), state)


def swing(pair, *, backflow, steps, amplitude=400.0, viscosity=0.004):
    """Flows out of the second port over one period, from rest."""
    domain = tube(2e-3, 8e-3, 6, 8)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    fluid = Fluid(density=1060.0, viscosity=viscosity)
    settings = replace(DEFAULTS[pair], backflow=backflow)
    stepper = build_stepper(replace(domain, patches=patches), fluid, pair, settings)
    circuit = Swinging(amplitude)
    state, flows = stepper.initial_state(circuit), []
    for _ in range(steps):
        state, report = stepper.advance(state, PERIOD / steps, circuit)
        flows.append(report.flows[1])
    return np.array(flows)


@pytest.mark.parametrize(("pair", "steps", "amplitude"), [("P1-P1", 100, 400.0), ("P2-P1", 400, 100.0)])
def test_strong_reverse_flow_diverges_without_the_term_alone(pair, steps, amplitude):
    with pytest.raises(DivergenceError):
        swing(pair, backflow=0.0, steps=steps, amplitude=amplitude)
    flows = swing(pair, backflow=1.0, steps=steps, amplitude=amplitude)
    assert flows.min() < -2e-6 < 2e-6 < flows.max()
    # Bernoulli: what enters from rest is not faster than the pressure makes it.
    assert np.abs(flows).max() / AREA < np.sqrt(2.0 * amplitude / 1060.0)


def test_half_of_the_term_changes_a_viscous_flow_little():
    """The term is of the size of rho u² / 2, so its effect on the flow is bounded by that over the pressure."""
    whole = swing("P1-P1", backflow=1.0, steps=100, amplitude=100.0, viscosity=0.04)
    half = swing("P1-P1", backflow=0.5, steps=100, amplitude=100.0, viscosity=0.04)
    mean_speed = np.abs(whole).max() / AREA
    # The momentum of a parabolic profile is 4/3 of that of a flat one.
    bound = 4.0 / 3.0 * 0.5 * (0.5 * 1060.0 * mean_speed**2) / 100.0
    change = np.abs(whole - half).max() / np.abs(whole).max()
    assert 0.0 < change < bound
    assert bound < 0.06
