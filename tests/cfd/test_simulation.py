"""Marching: divided steps keep the Courant number; steps of any length keep the order."""

from dataclasses import replace

import numpy as np
import pytest

from cfd.flow_state import time_scheme
from cfd.fluid import Fluid
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.waveform import Waveform
from tests.cfd.tube import tube

PERIOD, FLOW = 0.2, 4e-6


@pytest.mark.parametrize("last", [0.5, 1.0, 1.7])
def test_backward_differences_are_exact_for_parabolas(last):
    """For u = t² and steps of any ratio the derivative at the new time is exact; so is the extrapolation of u = t."""
    dt, t = 0.3, 2.0
    scheme = time_scheme(dt, last)
    slope = (scheme.a0 * (t + dt) ** 2 - scheme.a1 * t**2 + scheme.a2 * (t - last) ** 2) / dt
    assert slope == pytest.approx(2.0 * (t + dt))
    assert (1.0 + scheme.ratio) * t - scheme.ratio * (t - last) == pytest.approx(t + dt)


def march(pair, *, steps, courant):
    fluid = Fluid(density=1060.0, viscosity=0.01)
    stepper = build_stepper(tube(2e-3, 8e-3, 6, 6), fluid, pair, DEFAULTS[pair])
    times = np.linspace(0.0, PERIOD, 40, endpoint=False)
    inflow = Waveform(times, FLOW * (1.0 - np.cos(2 * np.pi * times / PERIOD)), PERIOD)
    moments = []
    circuit = FixedPressures(("outlet",))
    simulation = Simulation(
        stepper, circuit, inflow, dt=PERIOD / steps, cycles=1, courant=courant, callbacks=[moments.append]
    )
    simulation.run(stepper.initial_state(circuit))
    return simulation.history(), moments


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_divided_steps_keep_the_courant_number(pair):
    history, moments = march(pair, steps=20, courant=0.8)
    parts = [moment.parts for moment in moments]
    assert min(parts) == 1
    assert max(parts) >= 3
    assert max(moment.courant for moment in moments) <= 1.2 * 0.8
    assert len(history.times) == 20
    fine, _ = march(pair, steps=160, courant=None)
    divided = np.array(parts) >= 3
    difference = np.abs(history.pressures[:, 0] - fine.pressures[7::8, 0])
    assert difference[divided].max() < 0.05 * np.abs(fine.pressures[:, 0]).max()


def test_explicit_convection_agrees_with_semi_implicit_one():
    """At a small Courant number both treat the same equation; its order is tested on Taylor–Green vortices."""
    fluid = Fluid(density=1060.0, viscosity=0.01)
    domain = tube(2e-3, 8e-3, 6, 6)
    circuit = FixedPressures(("outlet",))

    def drop(convection, steps):
        settings = replace(
            DEFAULTS["P1-P1"], convection=convection, velocity_tolerance=1e-10, pressure_tolerance=1e-10
        )
        stepper = build_stepper(domain, fluid, "P1-P1", settings)
        state = stepper.initial_state(circuit)
        dt = 0.02 / steps
        for _ in range(steps):
            state, report = stepper.advance(state, dt, circuit, FLOW * (state.time + dt) / 0.02)
        return report.pressures[0]

    implicit = drop("semi-implicit", 40)
    assert drop("explicit", 40) == pytest.approx(implicit, rel=1e-3)
    assert drop("explicit", 40) != implicit
