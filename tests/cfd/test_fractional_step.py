"""The stepper against exact laminar flow, and against conservation of mass and energy."""

import numpy as np
import pytest

from cfd.energy import EnergyBudget
from cfd.fluid import Fluid
from cfd.fractional_step import StepSettings
from cfd.linear_step import LinearStep
from cfd.quadratic_step import QuadraticStep
from cfd.simulation import Simulation
from hemoplan.circuit import CircuitStep
from hemoplan.errors import BoundaryError, DivergenceError
from hemoplan.waveform import Waveform
from lumped.windkessel import Windkessel, WindkesselBank
from tests.cfd.tube import tube

RADIUS, LENGTH, FLOW = 2e-3, 8e-3, 2e-6
FLUID = Fluid(density=1060.0, viscosity=0.04)


class Resistor:
    """Pressure proportional to flow."""

    ports = ("outlet",)

    def __init__(self, resistance: float) -> None:
        self.resistance = resistance

    def initial_state(self):
        return np.zeros(0)

    def step(self, state, flows, t, dt):
        return CircuitStep(self.resistance * flows, np.array([[self.resistance]]), state)


def steady_tube(across: int, along: int):
    """Flow in a tube after five viscous times."""
    stepper = LinearStep(tube(RADIUS, LENGTH, across, along), FLUID)
    circuit = Resistor(1e9)
    state = stepper.initial_state(circuit)
    for _ in range(60):
        state, report = stepper.advance(state, 2e-3, circuit, FLOW)
    return stepper, state, report


@pytest.fixture(scope="module")
def coarse():
    return steady_tube(8, 8)


@pytest.fixture(scope="module")
def fine():
    return steady_tube(16, 16)


def velocity_error(stepper, state):
    x = stepper.elements.coordinates
    exact = np.zeros_like(state.velocity)
    exact[:, 2] = 2.0 * FLOW / (np.pi * RADIUS**2) * (1.0 - (x[:, 0] ** 2 + x[:, 1] ** 2) / RADIUS**2)
    weights = np.bincount(
        stepper.elements.cells.ravel(), weights=np.repeat(stepper.elements.volumes / 4, 4), minlength=len(x)
    )
    squares = ((state.velocity - exact) ** 2).sum(axis=1) @ weights
    return float(np.sqrt(squares / ((exact**2).sum(axis=1) @ weights)))


def test_poiseuille_velocity_converges_at_second_order(coarse, fine):
    errors = [velocity_error(stepper, state) for stepper, state, _ in (coarse, fine)]
    assert errors[1] < 0.015
    assert np.log2(errors[0] / errors[1]) > 1.7


def test_poiseuille_pressure_drop(coarse, fine):
    """dp = 8 mu L Q / (pi R^4); the polygonal cross-section is too narrow by O(h²), so it converges from above."""
    exact = 8.0 * FLUID.viscosity * LENGTH * FLOW / (np.pi * RADIUS**4)
    errors = [
        abs((report.pressures[0] - report.pressures[1]) / exact - 1.0) for _, _, report in (coarse, fine)
    ]
    assert errors[1] < 0.03
    assert errors[1] < 0.4 * errors[0]


def test_mass_is_conserved(fine):
    _, _, report = fine
    assert abs(report.flows.sum()) < 1e-6 * FLOW
    assert np.abs(report.uncorrected_flows - report.flows).max() < 2e-3 * FLOW


def test_velocity_field_carries_the_reported_flows(fine):
    """The surface integral of u.n over each opening, recomputed from the stored field."""
    stepper, state, report = fine
    np.testing.assert_allclose(stepper.flows(state.velocity), report.flows, rtol=1e-10)


def test_pressure_work_equals_dissipation(fine):
    """In steady flow the flux of p + rho |u|²/2 into the tube is what viscosity turns into heat."""
    stepper, state, report = fine
    viscous, numerical = stepper.dissipation(state.velocity)
    power = -EnergyBudget(stepper).outward_powers(state, report).sum()
    assert viscous + numerical == pytest.approx(power, rel=0.03)
    assert 0.0 <= numerical < 0.01 * viscous


def test_outlet_pressure_is_that_of_the_circuit(fine):
    _, _, report = fine
    assert report.pressures[1] == pytest.approx(1e9 * report.flows[1], rel=1e-8)


def test_windkessel_behind_a_tube_has_its_analytic_impedance():
    """Sinusoidal flow: the port pressure follows Z = Rp + Rd / (1 + i omega C Rd) in amplitude and phase."""
    period, steps = 0.4, 100
    stepper = LinearStep(tube(RADIUS, LENGTH, 6, 6), FLUID)
    windkessel = Windkessel(
        proximal_resistance=1e8, compliance=2e-10, distal_resistance=1e9, distal_pressure=0.0
    )
    mean = FLOW * (windkessel.proximal_resistance + windkessel.distal_resistance)
    circuit = WindkesselBank(
        ports=("outlet",), windkessels=(windkessel,), start_pressures=(0.9 * mean,), start_flows=(0.0,)
    )
    times = np.linspace(0.0, period, 200, endpoint=False)
    inflow = Waveform(times, FLOW * (1.0 - 0.5 * np.cos(2 * np.pi * times / period)), period)
    simulation = Simulation(stepper, circuit, inflow, dt=period / steps, cycles=4)
    simulation.run(stepper.initial_state(circuit))
    last = simulation.history().cycle(period, -1)
    omega = 2 * np.pi / period
    phase = np.exp(-1j * omega * last.times)
    pressure = 2.0 * (last.pressure("outlet") * phase).mean()
    flow = 2.0 * (last.flow("outlet") * phase).mean()
    impedance = windkessel.proximal_resistance + windkessel.distal_resistance / (
        1.0 + 1j * omega * windkessel.compliance * windkessel.distal_resistance
    )
    assert abs(pressure / flow - impedance) < 0.01 * abs(impedance)
    assert last.pressure("outlet").mean() == pytest.approx(mean, rel=0.01)


def test_circuit_with_other_ports_is_refused(coarse):
    stepper, _, _ = coarse
    circuit = Resistor(1.0)
    circuit.ports = ("descending_aorta",)
    with pytest.raises(BoundaryError, match=r"descending_aorta.*expected outlet"):
        stepper.initial_state(circuit)


def test_far_too_large_time_step_is_reported():
    stepper = LinearStep(tube(RADIUS, LENGTH, 8, 8), Fluid(density=1060.0, viscosity=0.004))
    inflow = Waveform(np.array([0.0, 0.2]), np.array([2e-5, 2e-5]), 0.4)
    simulation = Simulation(stepper, Resistor(1e8), inflow, dt=0.04, cycles=2)
    with pytest.raises(DivergenceError, match=r"(Courant number|diverges|converge).*time_step"):
        simulation.run(stepper.initial_state(simulation.circuit))


def test_rotational_pressure_with_an_outlet_is_refused():
    with pytest.raises(BoundaryError, match=r"rotational form.*outlet"):
        QuadraticStep(tube(RADIUS, LENGTH, 4, 2), FLUID, StepSettings(rotational=True))
