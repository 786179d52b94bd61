from __future__ import annotations

import math

import numpy as np
import pytest

from hemoplan.circuit import CircuitStep
from hemoplan.errors import BoundaryError, CalibrationError
from hemoplan.waveform import Waveform
from lumped.simulation import periodic_circuit, simulate, simulate_to_periodicity
from lumped.surrogate import Branch, Surrogate, Trunk
from lumped.windkessel import Windkessel, WindkesselBank

from .arch import FRACTIONS, INFLOW, SURROGATE

PERIOD = 60.0 / 140.0
OMEGA = 2.0 * math.pi / PERIOD
MEAN, SWING = 14e-6, 9e-6
A = Windkessel(proximal_resistance=4e7, compliance=2e-9, distal_resistance=8e8, distal_pressure=666.0)
B = Windkessel(proximal_resistance=9e7, compliance=7e-10, distal_resistance=1.6e9, distal_pressure=666.0)
LINEAR = Surrogate(
    inlet="in",
    outlets=("a", "b"),
    branches=(Branch(resistance=3e7, inertance=3e6), Branch(resistance=6e7, inertance=2e6)),
    trunk=Trunk(resistance=1e6, inertance=4e5),
)


class Hidden:
    """A circuit of which nothing but the protocol shows, so that the general solver takes it."""

    def __init__(self, bank: WindkesselBank) -> None:
        self.bank = bank
        self.ports = bank.ports

    def initial_state(self) -> np.ndarray:
        return self.bank.initial_state()

    def step(self, state: np.ndarray, flows: np.ndarray, t: float, dt: float) -> CircuitStep:
        return self.bank.step(state, flows, t, dt)


def bank() -> WindkesselBank:
    """Windkessels near the truth behind the arch."""
    return WindkesselBank.of(
        {
            outlet: Windkessel(
                proximal_resistance=0.07 * 4.6e8 / share,
                compliance=3.5e-9 * share,
                distal_resistance=0.93 * 4.6e8 / share,
                distal_pressure=666.0,
            )
            for outlet, share in FRACTIONS.items()
        }
    )


def harmonic() -> Waveform:
    times = np.arange(20000) * PERIOD / 20000
    return Waveform(times, MEAN + SWING * np.cos(OMEGA * times), PERIOD)


def exact_harmonic(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Periodic pressures (in, a, b) and flow of a, from the impedances of the linear star."""
    za, zb = (
        branch.resistance + 1j * OMEGA * branch.inertance + windkessel.impedance(OMEGA)
        for branch, windkessel in zip(LINEAR.branches, (A, B), strict=True)
    )
    ra, rb = (
        branch.resistance + windkessel.total_resistance
        for branch, windkessel in zip(LINEAR.branches, (A, B), strict=True)
    )
    turn = np.exp(1j * OMEGA * times)
    junction = SWING * za * zb / (za + zb)
    inlet = junction + SWING * (1e6 + 1j * OMEGA * 4e5)
    steady = 666.0 + MEAN * ra * rb / (ra + rb)
    flow_a, flow_b = MEAN * rb / (ra + rb), MEAN * ra / (ra + rb)
    pressures = np.column_stack(
        [
            steady + MEAN * 1e6 + (inlet * turn).real,
            666.0 + flow_a * A.total_resistance + (junction / za * A.impedance(OMEGA) * turn).real,
            666.0 + flow_b * B.total_resistance + (junction / zb * B.impedance(OMEGA) * turn).real,
        ]
    )
    return pressures, flow_a + (junction / za * turn).real


def test_linear_star_is_second_order_against_its_impedance() -> None:
    errors = []
    for steps in (50, 100, 200, 400):
        circuit = WindkesselBank.of({"a": A, "b": B})
        run = simulate_to_periodicity(LINEAR, circuit, harmonic(), steps=steps, tolerance=1e-9)
        pressures, flow = exact_harmonic(run.history.times)
        errors.append(
            [np.abs(run.history.pressures - pressures).max(), np.abs(run.history.flow("a") - flow).max()]
        )
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.15), orders
    assert errors[-1][0] < 3.0


def test_mass_is_kept_at_every_step_and_the_inlet_comes_first() -> None:
    history = simulate_to_periodicity(SURROGATE, bank(), INFLOW).history
    assert history.ports == ("ascending_aorta", *FRACTIONS)
    assert history.flows[:, 0].min() < 0.0
    assert np.abs(history.flows.sum(axis=1)).max() < 1e-10 * INFLOW.values.max()


def test_kernel_and_general_solver_agree() -> None:
    compiled = simulate(SURROGATE, bank(), INFLOW, cycles=3, steps=150)
    general = simulate(SURROGATE, Hidden(bank()), INFLOW, cycles=3, steps=150)
    np.testing.assert_allclose(compiled.history.pressures, general.history.pressures, rtol=0.0, atol=1e-3)
    np.testing.assert_allclose(compiled.history.flows, general.history.flows, rtol=0.0, atol=1e-13)
    np.testing.assert_allclose(compiled.state, general.state, rtol=1e-7, atol=1e-13)
    assert compiled.change == pytest.approx(general.change, rel=1e-4)


def test_equations_hold_with_losses_in_both_directions() -> None:
    """p_in - P of each outlet against R, K and L with derivatives by central differences."""
    period, steps = INFLOW.period, 4000
    history = simulate_to_periodicity(SURROGATE, bank(), INFLOW, steps=steps).history
    dt = period / steps

    def rate(values: np.ndarray) -> np.ndarray:
        return (np.roll(values, -1) - np.roll(values, 1)) / (2.0 * dt)

    inflow = -history.flows[:, 0]
    trunk = SURROGATE.trunk
    drop = (
        trunk.resistance * inflow + trunk.inertance * rate(inflow) - trunk.dynamic * np.abs(inflow) * inflow
    )
    for outlet in FRACTIONS:
        flow, branch = history.flow(outlet), SURROGATE[outlet]
        loss = branch.resistance * flow + branch.loss * np.abs(flow) * flow
        left = (
            history.pressures[:, 0] - drop - history.pressure(outlet) - loss - branch.inertance * rate(flow)
        )
        assert np.sqrt(np.mean(left**2)) < 5.0
    assert history.flow("brachiocephalic").min() < 0.0


def test_mean_pressure_behind_a_branch_is_resistance_times_mean_flow() -> None:
    circuit = bank()
    history = simulate_to_periodicity(SURROGATE, circuit, INFLOW, tolerance=1e-9).history
    for outlet in FRACTIONS:
        expected = 666.0 + circuit[outlet].total_resistance * history.flow(outlet).mean()
        assert history.pressure(outlet).mean() == pytest.approx(expected, rel=1e-6)


def test_periodic_start_repeats_from_the_first_cycle() -> None:
    circuit = periodic_circuit(SURROGATE, bank(), INFLOW)
    run = simulate(SURROGATE, circuit, INFLOW, cycles=2)
    assert run.change < 1e-3
    assert run.history.times[-1] == pytest.approx(2.0 * INFLOW.period)
    last = run.history.cycle(INFLOW.period, -1)
    assert last.times.size == 400


def test_periodic_start_takes_the_outlets_in_any_order() -> None:
    turned = bank().reordered(tuple(reversed(SURROGATE.outlets)))
    assert periodic_circuit(SURROGATE, turned, INFLOW) == periodic_circuit(SURROGATE, bank(), INFLOW)


def test_ports_must_be_the_outlets() -> None:
    with pytest.raises(BoundaryError, match="ports are not the outlets.*in this order"):
        simulate(SURROGATE, WindkesselBank.of({"a": A}), INFLOW, cycles=1)


def test_never_ending_transient_is_an_error() -> None:
    slow = Windkessel(proximal_resistance=1e7, compliance=1e-5, distal_resistance=1e9)
    star = Surrogate(inlet="in", outlets=("out",), branches=(Branch(resistance=1e6),))
    with pytest.raises(CalibrationError, match="not periodic after 5 cycles"):
        simulate_to_periodicity(star, WindkesselBank.of({"out": slow}), INFLOW, max_cycles=5)
