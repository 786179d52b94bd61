"""The power that enters through the openings against the power that is lost inside, and both against exact flows."""

from dataclasses import replace

import numpy as np
import pytest

from cfd.cycle_statistics import CycleStatistics
from cfd.energy import EnergyBudget
from cfd.flow_state import StepReport
from cfd.fluid import CarreauYasuda, Fluid
from cfd.momentum_forces import TakenStep
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.waveform import Waveform
from tests.cfd.tube import tube

RADIUS, LENGTH, FLOW = 2e-3, 8e-3, 2e-6
FLUID = Fluid(density=1060.0, viscosity=0.004)
BLOOD = Fluid(density=1060.0, viscosity=0.00345, thinning=CarreauYasuda())
CIRCUIT = FixedPressures(("outlet",))


def build(pair, across, *, fluid=FLUID, **options):
    return build_stepper(
        tube(RADIUS, LENGTH, across, across), fluid, pair, replace(DEFAULTS[pair], **options)
    )


def mass(stepper):
    return FLUID.density * stepper.vertices.volumes.sum()


def plug(speed):
    return lambda x: np.tile([0.0, 0.0, speed], (len(x), 1))


def report_of(flows):
    return StepReport(
        pressures=np.zeros(2),
        flows=flows,
        uncorrected_flows=flows,
        velocity_iterations=0,
        pressure_iterations=0,
    )


def pulsatile(pair, across, *, sign, steps, cycles, until=1.0, flow=FLOW, **options):
    """Statistics of the last cycle, or of its part `until`, of the flow Q (1 + sign cos) at alpha 4; and the supply."""
    omega = 16.0 * FLUID.viscosity / FLUID.density / RADIUS**2
    period = 2.0 * np.pi / omega
    times = np.linspace(0.0, period, 200, endpoint=False)
    inflow = Waveform(times, flow * (1.0 + sign * np.cos(omega * times)), period)
    stepper = build(pair, across, **options)
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
    assert abs(numerical) < 2e-3 * exact
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
    state = stepper.initial_state(CIRCUIT, velocity=plug(-speed))
    report = report_of(stepper.flows(state.velocity))
    step = TakenStep(before=state, after=replace(state, dt=1.0), tentative=state.velocity, report=report)
    balance = EnergyBudget(stepper).balance(step)
    taken = 0.5 * mass(stepper) / LENGTH * speed**3
    assert balance.backflow == pytest.approx(taken, rel=1e-9)
    others = (balance.storage, balance.viscous, balance.time, balance.extrapolation, balance.divergence)
    np.testing.assert_allclose(others, 0.0, atol=1e-9 * taken)


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_inertia_is_stored_or_lost_to_the_time_step(pair):
    """Plug flow at speeds 1, 2, 4 U: dE/dt = 33/4 and (du/dt, u) = 10 in units of m U² / dt, by BDF2."""
    stepper, speed, dt = build(pair, 4), 0.3, 1e-3
    first, second, third = (
        stepper.initial_state(CIRCUIT, velocity=plug(factor * speed)) for factor in (1.0, 2.0, 4.0)
    )
    before = replace(second, previous_velocity=first.velocity, dt=dt)
    after = replace(third, previous_velocity=second.velocity, dt=dt)
    report = report_of(stepper.flows(after.velocity))
    step = TakenStep(before=before, after=after, tentative=after.velocity, report=report)
    balance = EnergyBudget(stepper).balance(step)
    unit = mass(stepper) * speed**2 / dt
    assert balance.storage == pytest.approx(33.0 / 4.0 * unit, rel=1e-10)
    assert balance.time == pytest.approx((10.0 - 33.0 / 4.0) * unit, rel=1e-10)


WAYS = {
    "as it comes": {},
    "skew-symmetric": {"form": "skew-symmetric"},
    "convective": {"form": "convective"},
    "explicit": {"convection": "explicit"},
    "not stabilised": {"stabilise": False},
    "shear-thinning": {"fluid": BLOOD},
}


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
@pytest.mark.parametrize("way", WAYS)
def test_every_step_closes_its_budget(pair, way):
    """Flow that enters and leaves at both ends, with steps of changing length: what is left is far below any term."""
    stepper = build(pair, 6, velocity_tolerance=1e-9, pressure_tolerance=1e-9, **WAYS[way])
    budget, state = EnergyBudget(stepper), stepper.initial_state(CIRCUIT)
    balances = []
    for k in range(24):
        dt = 4e-4 * (1.0 + 0.4 * (k % 2))
        state, _ = stepper.advance(state, dt, CIRCUIT, FLOW * np.sin(500.0 * (state.time + dt)))
        balances.append(budget.balance(stepper.taken))
    assert state.velocity[:, 2].min() < 0.0
    sizes = {
        name: max(abs(getattr(balance, name)) for balance in balances)
        for name in (
            "supply",
            "viscous",
            "time",
            "extrapolation",
            "backflow",
            "splitting",
            "traction",
            "inlet",
        )
    }
    assert max(abs(balance.residual) for balance in balances) < 0.01 * min(sizes.values())
    assert all(balance.viscous > 0.0 for balance in balances)
    divergence = max(abs(balance.divergence) for balance in balances)
    if pair == "P1-P1" and stepper.settings.form == "skew-symmetric" and way != "explicit":
        assert divergence < 1e-11 * sizes["supply"]
    else:
        assert divergence > 1e-6 * sizes["supply"]


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_budget_of_reverse_flow_over_a_cycle(pair):
    """The flow enters through the outlet for a third of the cycle; the last cycle is sampled at every other step."""
    statistics, _ = pulsatile(
        pair, 6, sign=2.0, steps=160, cycles=2, flow=0.3 * FLOW, velocity_tolerance=1e-6
    )
    lost = sum(statistics.mean_dissipation())
    assert abs(statistics.energy_residual()) < 0.01
    assert statistics.mean_power() == pytest.approx(lost, rel=0.01)


def test_steady_splitting_is_what_keeps_the_pressure_stable():
    """P1–P1, slow plug flow that develops: s (grad p, grad p - P grad p), by the gradients of the cells.

    Besides, every step shifts the velocity at the outlet, which takes -a0 rho (shift, u*) / dt.
    """
    stepper = build("P1-P1", 8, inlet_layer=2e-4, velocity_tolerance=1e-8, pressure_tolerance=1e-8)
    state, dt = stepper.initial_state(CIRCUIT), 2e-2
    for _ in range(100):
        state, _ = stepper.advance(state, dt, CIRCUIT, 1e-4 * FLOW)
    elements = stepper.elements
    slopes = np.einsum("ci,cid->cd", state.pressure[elements.cells], elements.gradients)
    sums = np.zeros((elements.nodes, 3))
    for corners in elements.cells.T:
        np.add.at(sums, corners, 0.25 * elements.volumes[:, None] * slopes)
    projected = (sums / stepper.vertex_volumes[:, None])[elements.cells].mean(axis=1)
    rough = float((elements.volumes[:, None] * slopes * (slopes - projected)).sum())
    balance = EnergyBudget(stepper).balance(stepper.taken)
    tentative = stepper.taken.tentative
    shift = state.velocity - tentative
    norms = [stepper.squared_norm(field) for field in (tentative + shift, tentative, shift)]
    shifting = 1.5 * FLUID.density / dt * 0.5 * (norms[0] - norms[1] - norms[2])
    stabilising = dt / (1.5 * FLUID.density) * rough
    assert balance.splitting == pytest.approx(stabilising - shifting, rel=1e-3)
    assert stabilising > 1e-3 * balance.viscous


def test_a_state_without_a_step_counts_as_steady():
    """Read from a file, a steady flow loses what it lost in the step that led to it."""
    stepper = build("P2-P1", 6, velocity_tolerance=1e-8)
    state = stepper.initial_state(CIRCUIT)
    for _ in range(60):
        state, _ = stepper.advance(state, 2e-2, CIRCUIT, FLOW)
    budget = EnergyBudget(stepper)
    viscous, numerical = budget.losses(state)
    again = budget.losses(replace(state))
    assert again[0] == viscous
    assert again[1] == pytest.approx(numerical, abs=1e-5 * viscous)
