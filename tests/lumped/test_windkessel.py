from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemoplan.circuit import BoundaryCircuit
from hemoplan.errors import BoundaryError
from lumped.circuit_file import read_circuit, write_circuit
from lumped.windkessel import Windkessel, WindkesselBank, exponential_weights

AORTA = Windkessel(
    proximal_resistance=5e7, compliance=1.2e-9, distal_resistance=6e8, distal_pressure=600.0
)  # a newborn's descending aorta: 0.38 and 4.5 mmHg s/mL, 0.16 mL/mmHg, 4.5 mmHg
HEAD = Windkessel(proximal_resistance=2e8, compliance=3e-10, distal_resistance=2.4e9, distal_pressure=600.0)
MEAN, SWING, OMEGA = 8e-6, 5e-6, 2.0 * math.pi * 140.0 / 60.0


def harmonic_flow(t: float) -> float:
    return MEAN + SWING * math.cos(OMEGA * t)


def harmonic_pressure(t: float, start: float) -> float:
    """Closed form of P(t) for Q = MEAN + SWING cos(omega t) and the capacitor pressure `start` at t = 0."""
    tau = AORTA.distal_resistance * AORTA.compliance
    swing = AORTA.distal_resistance * SWING / (1.0 + (OMEGA * tau) ** 2)
    settled = AORTA.distal_pressure + AORTA.distal_resistance * MEAN
    forced = swing * (math.cos(OMEGA * t) + OMEGA * tau * math.sin(OMEGA * t))
    free = (start - settled - swing) * math.exp(-t / tau)
    return AORTA.proximal_resistance * harmonic_flow(t) + settled + forced + free


def march(bank: WindkesselBank, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pressures and final state along the given times, the first of which is the start."""
    state = bank.initial_state()
    pressures = []
    for t0, t1 in zip(times[:-1], times[1:], strict=True):
        answer = bank.step(state, np.array([harmonic_flow(t1)]), t1, t1 - t0)
        state = answer.state
        pressures.append(answer.pressures[0])
    return np.array(pressures), state


def bank_at(start: float) -> WindkesselBank:
    return WindkesselBank(
        ports=("aorta",), windkessels=(AORTA,), start_pressures=(start,), start_flows=(harmonic_flow(0.0),)
    )


def test_second_order_against_closed_form() -> None:
    errors = []
    for steps in (20, 40, 80, 160):
        times = np.linspace(0.0, 0.6, steps + 1)
        pressures, _ = march(bank_at(3000.0), times)
        exact = np.array([harmonic_pressure(t, 3000.0) for t in times[1:]])
        errors.append(np.abs(pressures - exact).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.15), orders
    assert errors[-1] < 1.0


def test_second_order_with_a_step_that_alternates() -> None:
    errors = []
    for pairs in (20, 40, 80):
        lengths = np.tile([0.3, 0.7], pairs) * 0.6 / pairs
        times = np.concatenate([[0.0], np.cumsum(lengths)])
        pressures, _ = march(bank_at(3000.0), times)
        errors.append(abs(pressures[-1] - harmonic_pressure(times[-1], 3000.0)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2.0, abs=0.15)


def test_periodic_pressure_follows_the_impedance() -> None:
    period = 2.0 * math.pi / OMEGA
    times = np.arange(0, 20 * 400 + 1) * period / 400
    pressures, _ = march(bank_at(5000.0), times)
    spectrum = np.fft.rfft(pressures[-400:]) / 400
    # The samples run from one step after the start of a cycle, so the first harmonic is turned by one step.
    measured = 2.0 * spectrum[1] * np.exp(-1j * OMEGA * period / 400)
    tau = AORTA.distal_resistance * AORTA.compliance
    exact = AORTA.proximal_resistance + AORTA.distal_resistance / (1.0 + 1j * OMEGA * tau)
    assert abs(measured / SWING - exact) < 2e-4 * abs(exact)
    assert abs(AORTA.impedance(OMEGA) - exact) < 1e-12 * abs(exact)
    assert spectrum[0].real == pytest.approx(600.0 + 6.5e8 * MEAN, rel=1e-6)


def test_a_ramp_is_exact_at_any_step() -> None:
    slope, tau = 1e-5, AORTA.time_constant
    bank = WindkesselBank.of({"aorta": AORTA}).starting_from(np.array([4000.0, 2e-6]))
    state = bank.initial_state()
    t = 0.0
    for dt in (0.3, 1e-6, 2.0, 1e-3, 0.05):
        t += dt
        state = bank.step(state, np.array([2e-6 + slope * t]), t, dt).state
    Rd = AORTA.distal_resistance
    free = (3400.0 - Rd * (2e-6 - slope * tau)) * math.exp(-t / tau)
    exact = 600.0 + Rd * (2e-6 + slope * (t - tau)) + free
    assert state[0] == pytest.approx(exact, rel=1e-12)


def test_a_stiff_windkessel_does_not_ring() -> None:
    stiff = Windkessel(proximal_resistance=1e7, compliance=1e-15, distal_resistance=1e8)
    bank = WindkesselBank(ports=("out",), windkessels=(stiff,), start_pressures=(1e5,), start_flows=(1e-6,))
    answer = bank.step(bank.initial_state(), np.array([1e-6]), 1e-3, 1e-3)
    assert answer.pressures[0] == pytest.approx(1.1e8 * 1e-6, rel=1e-9)


def test_dp_dq_is_the_derivative_and_the_step_is_pure() -> None:
    bank = WindkesselBank.of({"aorta": AORTA, "head": HEAD})
    state, flows = bank.initial_state() + 1.0, np.array([3e-6, 1e-6])
    kept = state.copy(), flows.copy()
    answer = bank.step(state, flows, 0.0, 1e-3)
    for port in range(2):
        moved = flows.copy()
        moved[port] += 1e-6
        change = (bank.step(state, moved, 0.0, 1e-3).pressures - answer.pressures) / 1e-6
        np.testing.assert_allclose(change, answer.dp_dq[:, port], rtol=1e-9, atol=1e-3)
    assert np.array_equal(state, kept[0]) and np.array_equal(flows, kept[1])
    assert np.array_equal(bank.step(state, flows, 0.0, 1e-3).pressures, answer.pressures)


def test_weights_join_their_series_smoothly() -> None:
    decay, old, new = exponential_weights(np.array([1e-12, 9.999999e-3, 1.0000001e-2, 50.0]))
    assert new[0] == pytest.approx(0.5e-12, rel=1e-9)
    assert new[1] == pytest.approx(new[2], rel=1e-6)
    assert new[2] == pytest.approx(1e-2 / 2 - 1e-4 / 6 + 1e-6 / 24 - 1e-8 / 120, rel=1e-6)
    np.testing.assert_allclose(decay + old + new, 1.0, rtol=1e-14, atol=0.0)


def test_bank_is_a_boundary_circuit_that_starts_from_the_veins() -> None:
    circuit: BoundaryCircuit = WindkesselBank.of({"aorta": AORTA, "head": HEAD})
    assert circuit.ports == ("aorta", "head")
    np.testing.assert_array_equal(circuit.initial_state(), [600.0, 600.0, 0.0, 0.0])


def test_reordered_keeps_each_outlet_with_its_windkessel() -> None:
    bank = WindkesselBank.of({"aorta": AORTA, "head": HEAD}).starting_from(np.array([1.0, 2.0, 3.0, 4.0]))
    turned = bank.reordered(("head", "aorta"))
    assert turned["aorta"] == AORTA and turned["head"] == HEAD
    np.testing.assert_array_equal(turned.initial_state(), [2.0, 1.0, 4.0, 3.0])
    with pytest.raises(BoundaryError, match="expected aorta, arm"):
        bank.reordered(("aorta", "arm"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compliance": -7.5e-10}, r"compliance .*-7.5e-10 m\^3/Pa, that is -0.0999\d* mL/mmHg.*positive"),
        ({"compliance": 0.0}, "compliance"),
        ({"distal_resistance": 0.0}, "distal resistance"),
        ({"proximal_resistance": -1.0}, "proximal resistance.*zero or a positive number"),
        ({"distal_pressure": math.nan}, "distal pressure.*finite"),
        ({"compliance": math.inf}, "compliance"),
    ],
)
def test_impossible_values_are_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(BoundaryError, match=message):
        replace(AORTA, **change)


def test_bank_wants_one_windkessel_for_each_outlet() -> None:
    with pytest.raises(BoundaryError, match="once"):
        WindkesselBank(ports=("aorta", "aorta"), windkessels=(AORTA, HEAD))
    with pytest.raises(BoundaryError, match="expected 2, for aorta, head"):
        WindkesselBank(ports=("aorta", "head"), windkessels=(AORTA,))
    with pytest.raises(ValueError, match="dt > 0"):
        bank_at(0.0).step(np.zeros(2), np.zeros(1), 0.0, 0.0)


def test_circuit_file_round_trip(tmp_path: Path) -> None:
    state = np.array([1.1, 2.2, 3.3e-6, 4.4e-6])
    bank = WindkesselBank.of({"aorta": AORTA, "head": HEAD}).starting_from(state)
    path = tmp_path / "circuit.json"
    write_circuit(path, bank)
    assert read_circuit(path) == bank
    assert '"compliance": "m^3/Pa"' in path.read_text(encoding="utf-8")


def test_circuit_file_names_the_outlet_and_the_value(tmp_path: Path) -> None:
    path = tmp_path / "circuit.json"
    write_circuit(path, WindkesselBank.of({"aorta": AORTA}))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("1.2e-09", "-1.2e-09"), encoding="utf-8")
    with pytest.raises(BoundaryError, match=r"circuit.json: aorta\] the compliance .*-1.2e-09"):
        read_circuit(path)
    path.write_text(text.replace('"start_flow": 0.0', '"start_flow": "none"'), encoding="utf-8")
    with pytest.raises(BoundaryError, match="'start_flow' of a Windkessel is missing or not a number"):
        read_circuit(path)
    path.write_text(text.replace('"Pa s/m^3"', '"mmHg s/mL"'), encoding="utf-8")
    with pytest.raises(BoundaryError, match="other units"):
        read_circuit(path)
    with pytest.raises(BoundaryError, match="cannot read the circuit"):
        read_circuit(tmp_path / "absent.json")
