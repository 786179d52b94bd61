"""The power that enters through the openings against the power that is lost inside, and both against exact flows."""

import numpy as np
import pytest

from cfd.cycle_statistics import CycleStatistics
from cfd.energy import EnergyBudget
from cfd.flow_state import StepReport
from cfd.fluid import Fluid
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.waveform import Waveform
from tests.cfd.tube import tube

RADIUS, LENGTH, FLOW = 2e-3, 8e-3, 2e-6
FLUID = Fluid(density=1060.0, viscosity=0.004)
CIRCUIT = FixedPressures(("outlet",))


def build(pair, across):
    settings = DEFAULTS[pair]
    return build_stepper(tube(RADIUS, LENGTH, across, across), FLUID, pair, settings)


def pulsatile(pair, across, *, sign, steps, cycles, until=1.0):
    """Statistics of the last cycle, or of its part `until`, of the flow Q (1 + sign cos) at alpha 4; and the supply."""
    omega = 16.0 * FLUID.viscosity / FLUID.density / RADIUS**2
    period = 2.0 * np.pi / omega
    times = np.linspace(0.0, period, 200, endpoint=False)
    inflow = Waveform(times, FLOW * (1.0 + sign * np.cos(omega * times)), period)
    stepper = build(pair, across)
    statistics = CycleStatistics(stepper, peak_step=1, sample_every=2)

    def collect(moment):
        if moment.cycle == cycles and moment.step_of_cycle <= until * steps:
            statistics.add(moment.state, moment.report)

    simulation = Simulation(stepper, CIRCUIT, inflow, dt=period / steps, cycles=cycles, callbacks=[collect])
    simulation.run(stepper.initial_state(CIRCUIT))
    supply = -sum(statistics.scalars[f"power.{port}"] for port in stepper.ports)
    return statistics, supply / statistics.scalars["steps"]


@pytest.mark.parametrize(("pair", "across", "steps"), [("P1-P1", 12, 200), ("P2-P1", 6, 200)])
def test_pulsatile_tube_closes_its_budget_within_one_per_cent(pair, across, steps):
    statistics, _ = pulsatile(pair, across, sign=1.0, steps=steps, cycles=2)
    lost = sum(statistics.mean_dissipation())
    assert abs(statistics.energy_residual()) < 0.01
    assert statistics.mean_power() == pytest.approx(lost, rel=0.01)


def test_what_is_stored_as_kinetic_energy_is_not_lost():
    """From rest to the largest flow: only with the kinetic energy the two methods agree."""
    statistics, supply = pulsatile("P1-P1", 12, sign=-1.0, steps=400, cycles=1, until=0.5)
    lost = sum(statistics.mean_dissipation())
    assert supply > 1.3 * lost
    assert statistics.mean_power() == pytest.approx(lost, rel=0.015)


def test_power_of_poiseuille_flow():
    """P = 8 mu L Q² / (pi R⁴), by the control volume and by dissipation."""
    stepper = build("P2-P1", 12)
    budget = EnergyBudget(stepper)

    def parabola(points):
        along = 2 * FLOW / (np.pi * RADIUS**2) * (1 - (points[:, 0] ** 2 + points[:, 1] ** 2) / RADIUS**2)
        return np.column_stack([0 * along, 0 * along, along])

    state = stepper.initial_state(CIRCUIT, velocity=parabola)
    for _ in range(20):
        state, report = stepper.advance(state, 1e-2, CIRCUIT, FLOW)
    exact = 8.0 * FLUID.viscosity * LENGTH * FLOW**2 / (np.pi * RADIUS**4)
    viscous, numerical = budget.losses(state)
    assert viscous == pytest.approx(exact, rel=0.01)
    assert numerical == 0.0
    assert -budget.outward_powers(state, report).sum() == pytest.approx(viscous, rel=2e-3)


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_flux_and_content_of_plug_flow(pair):
    """u = (0, 0, U): the kinetic energy is rho U² V / 2, and each opening carries (p + rho U²/2) U A."""
    stepper, speed, pressure = build(pair, 4), 0.3, 500.0
    budget = EnergyBudget(stepper)
    state = stepper.initial_state(
        CIRCUIT,
        velocity=lambda x: np.tile([0.0, 0.0, speed], (len(x), 1)),
        pressure=lambda x: np.full(len(x), pressure),
    )
    volume, area = stepper.vertices.volumes.sum(), stepper.vertices.volumes.sum() / LENGTH
    flow = speed * area
    flows = np.array([-flow, flow])
    report = StepReport(
        pressures=np.full(2, pressure),
        flows=flows,
        uncorrected_flows=flows,
        velocity_iterations=0,
        pressure_iterations=0,
    )
    assert budget.kinetic(state.velocity) == pytest.approx(0.5 * FLUID.density * speed**2 * volume, rel=1e-12)
    head = pressure + 0.5 * FLUID.density * speed**2
    np.testing.assert_allclose(budget.outward_powers(state, report), head * flows, rtol=1e-10)


def test_backflow_loses_the_energy_that_it_would_carry_in():
    """Plug flow in through the outlet: the backflow term takes rho U³ A / 2."""
    stepper, speed = build("P1-P1", 4), 0.3
    budget = EnergyBudget(stepper)
    state = stepper.initial_state(CIRCUIT, velocity=lambda x: np.tile([0.0, 0.0, -speed], (len(x), 1)))
    area = stepper.vertices.volumes.sum() / LENGTH
    _, numerical = budget.losses(state)
    assert numerical == pytest.approx(0.5 * FLUID.density * speed**3 * area, rel=1e-9)
