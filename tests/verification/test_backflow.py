"""Reverse flow at ports: what the backflow term is for, and what it changes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from cfd.fluid import Fluid
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import CircuitStep, FixedPressures
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
    """The term takes the kinetic energy that enters; half of it, over the work of the pressure, bounds its effect."""
    whole = swing("P1-P1", backflow=1.0, steps=100, amplitude=100.0, viscosity=0.04)
    half = swing("P1-P1", backflow=0.5, steps=100, amplitude=100.0, viscosity=0.04)
    mean_speed = np.abs(half).max() / AREA
    # The kinetic energy of a parabolic profile is twice that of a flat one.
    bound = 0.5 * 2.0 * (0.5 * 1060.0 * mean_speed**2) / 100.0
    change = np.abs(whole - half).max() / np.abs(whole).max()
    assert 0.0 < change < bound
    assert bound < 0.09


LENGTH, DRIVE, DENSITY = 8e-3, 400.0, 1060.0
BERNOULLI = np.sqrt(2.0 * DRIVE / DENSITY)


@dataclass(frozen=True)
class Reservoir(FixedPressures):
    """A pressure at the entry, zero at the exit."""

    ports: tuple[str, ...] = ("inlet", "outlet")

    def step(self, state, flows, t, dt):
        return CircuitStep(np.array([DRIVE, 0.0]), np.zeros((2, 2)), state)


def plug(pair, speed, *, steps, until, **options):
    """Largest error of the mean speed and of any node's, of plug flow from rest between walls that move along."""
    domain = tube(2e-3, LENGTH, 6, 8)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    stepper = build_stepper(
        replace(domain, patches=patches),
        Fluid(density=DENSITY, viscosity=1e-4),
        pair,
        replace(DEFAULTS[pair], **options),
        wall_velocity=lambda x, t: np.tile([0.0, 0.0, speed(t)], (len(x), 1)),
    )
    area = stepper.vertices.volumes.sum() / LENGTH
    state, means, nodes = stepper.initial_state(Reservoir()), [], []
    for _ in range(steps):
        state, report = stepper.advance(state, until / steps, Reservoir())
        means.append(abs(report.flows[1] / area - speed(state.time)))
        nodes.append(np.abs(state.velocity - [0.0, 0.0, speed(state.time)]).max())
    return max(means), max(nodes)


@pytest.mark.parametrize(("pair", "mean", "anywhere"), [("P1-P1", 0.005, 0.01), ("P2-P1", 0.015, 0.1)])
def test_blood_that_is_sucked_in_from_rest_obeys_bernoulli(pair, mean, anywhere):
    """rho L dU/dt = P - rho U²/2, with the total pressure P at the entry: U = V tanh(V t / 2 L), V² = 2 P / rho."""

    def speed(t):
        return BERNOULLI * np.tanh(0.5 * BERNOULLI * t / LENGTH)

    until = 4.0 * LENGTH / BERNOULLI
    coarse, fine = (plug(pair, speed, steps=steps, until=until) for steps in (40, 160))
    assert fine[0] < mean * BERNOULLI
    assert fine[1] < anywhere * BERNOULLI
    assert fine[0] < coarse[0] < 0.03 * BERNOULLI


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_the_static_pressure_accelerates_all_of_the_blood(pair):
    """rho L dU/dt = P, with the static pressure P at the entry, up to a third of the speed after Bernoulli."""

    def speed(t):
        return DRIVE * t / (DENSITY * LENGTH)

    until = BERNOULLI / 3.0 * DENSITY * LENGTH / DRIVE
    mean, _ = plug(pair, speed, steps=80, until=until, static_ports=("inlet",))
    assert mean < 0.01 * BERNOULLI / 3.0


def test_both_pairs_and_all_steps_agree_on_a_flow_that_swings():
    """Not with the stagnation pressure as the pressure of what enters: then shorter steps bring more flow."""
    flows = [
        np.abs(swing(pair, backflow=1.0, steps=steps, amplitude=100.0)).max()
        for pair, steps in (("P1-P1", 100), ("P1-P1", 400), ("P2-P1", 100), ("P2-P1", 400))
    ]
    assert flows == pytest.approx([flows[-1]] * 4, rel=0.03)
