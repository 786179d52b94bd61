"""Circuits whose solution is known."""

import numpy as np
import pytest

from hemoplan.units import MMHG
from hemoplan.waveform import Waveform
from lumped.circulation.graph import Circulation, Compartment, Connection
from lumped.engine.build import build
from lumped.engine.marching import march
from lumped.engine.periodic import periodic

from .circuits import ML, R, inertial, resistor, vessel, windkessel_behind_a_port

GROUND = Compartment(name="ground", kind="reservoir")


def test_capacitor_empties_through_a_resistor():
    circuit = Circulation(
        name="RC",
        period=1.0,
        compartments=(vessel("tank", 0.5, 2.0, volume=12.0), GROUND),
        connections=(resistor("out", "tank", "ground", 0.8),),
    )
    history = march(build(circuit), steps=400)
    expected = 10.0 * ML * np.exp(-history.times / 0.4) + 2.0 * ML
    assert history.volume("tank") == pytest.approx(expected, rel=1e-5)
    assert history.flow("out") == pytest.approx((expected - 2.0 * ML) / 0.4, rel=1e-5)


def test_resistor_inertance_and_capacitor_ring():
    """L d²q/dt² + R dq/dt + q / C = 0 from a full capacitor: a damped oscillation."""
    circuit = Circulation(
        name="RLC",
        period=1.0,
        compartments=(vessel("tank", 0.2, volume=4.0), GROUND),
        connections=(inertial("pipe", "tank", "ground", 0.05, 0.01),),
    )
    history = march(build(circuit), steps=2000)
    damping = 0.05 / (2.0 * 0.01)
    omega = np.sqrt(1.0 / (0.01 * 0.2) - damping**2)
    t = history.times
    charge = 4.0 * ML * np.exp(-damping * t) * (np.cos(omega * t) + damping / omega * np.sin(omega * t))
    assert np.abs(history.volume("tank") - charge).max() < 1e-4 * 4.0 * ML


def test_pulsatile_flow_into_a_windkessel_has_its_impedance():
    model = build(windkessel_behind_a_port())
    steps = 400
    omega = 2.0 * np.pi / 0.5
    t = np.arange(steps + 1) * 0.5 / steps
    flow = 8.0 * ML + 5.0 * ML * np.cos(omega * t)
    history = periodic(model, steps=steps, inputs={"descending_aorta": flow}).history
    impedance = 0.5 * R + 5.0 * R / (1.0 + 1j * omega * 0.5)
    wave = (5.0 * ML * impedance * np.exp(1j * omega * t)).real
    expected = 4.5 * MMHG + 8.0 * ML * 5.5 * R + wave
    assert np.abs(history.pressure("opening") - expected).max() < 2e-4 * np.abs(impedance) * 5.0 * ML


def test_step_of_flow_into_a_windkessel():
    model = build(windkessel_behind_a_port())
    history = march(model, steps=500, inputs={"descending_aorta": np.full(501, 10.0 * ML)})
    start = 0.0  # the capacitor is empty
    rest = 4.5 * MMHG + 10.0 * ML * 5.0 * R
    capacitor = rest + (start - rest) * np.exp(-history.times / 0.5)
    expected = capacitor + 0.5 * R * 10.0 * ML
    assert history.pressure("opening") == pytest.approx(expected, rel=1e-5)


def test_junction_divides_flow_by_the_resistances():
    circuit = Circulation(
        name="fork",
        period=1.0,
        compartments=(
            Compartment(name="source", kind="reservoir", parameters={"pressure": 60.0 * MMHG}),
            Compartment(name="fork", kind="junction"),
            Compartment(name="second", kind="junction"),
            GROUND,
        ),
        connections=(
            resistor("stem", "source", "fork", 1.0),
            resistor("left", "fork", "ground", 3.0),
            resistor("right", "fork", "second", 4.0),
            resistor("on", "second", "ground", 2.0),
        ),
    )
    history = march(build(circuit), steps=2)
    total = 60.0 / (1.0 + 2.0)
    assert history.flow("stem")[-1] == pytest.approx(total * ML, rel=1e-12)
    assert history.flow("left")[-1] == pytest.approx(total * 2.0 / 3.0 * ML, rel=1e-12)
    assert history.pressure("second")[-1] == pytest.approx(total / 3.0 * 2.0 * MMHG, rel=1e-12)


def test_a_pump_and_a_pressure_over_the_beat_are_followed():
    wave = Waveform(np.array([0.1, 0.5]), np.array([0.0, 10.0]) * MMHG, 1.0)
    circuit = Circulation(
        name="driven",
        period=1.0,
        compartments=(
            Compartment(name="source", kind="reservoir", waveform=wave),
            vessel("tank", 1.0, volume=5.0),
            GROUND,
        ),
        connections=(
            resistor("in", "source", "ground", 2.0),
            Connection(name="pump", kind="pump", source="tank", target="ground", parameters={"flow": 2e-6}),
        ),
    )
    history = march(build(circuit), steps=100)
    assert history.flow("in") == pytest.approx(wave.sample(history.times) / (2.0 * R), abs=1e-16)
    assert history.volume("tank") == pytest.approx(5.0 * ML - 2e-6 * history.times, rel=1e-12)


def test_quadratic_loss_with_inertia_settles_at_the_exact_flow():
    drop = 30.0 * MMHG
    circuit = Circulation(
        name="loss",
        period=1.0,
        compartments=(
            Compartment(name="source", kind="reservoir", parameters={"pressure": drop}),
            GROUND,
        ),
        connections=(inertial("jet", "source", "ground", 0.5, 0.002, quadratic=0.3),),
    )
    history = march(build(circuit), steps=400)
    flow = history.flow("jet")[-1]
    assert 0.5 * R * flow + 0.3 * MMHG / ML**2 * flow**2 == pytest.approx(drop, rel=1e-9)


def test_a_quadratic_loss_before_a_vessel_at_rest_is_found():
    """No flow yet in the vessel, so that all pressure is at the junction: a plain Newton step jumps over that."""
    drop = 40.0 * MMHG
    circuit = Circulation(
        name="band",
        period=1.0,
        compartments=(
            Compartment(name="source", kind="reservoir", parameters={"pressure": drop}),
            Compartment(name="beyond", kind="junction"),
            GROUND,
        ),
        connections=(
            Connection(
                name="band",
                kind="narrowing",
                source="source",
                target="beyond",
                parameters={"vessel_diameter": 5e-3, "diameter": 1e-3, "length": 1e-3},
            ),
            inertial("vessel", "beyond", "ground", 0.5, 0.002),
        ),
    )
    history = march(build(circuit), steps=400)
    assert history.pressure("beyond")[0] == pytest.approx(drop, rel=1e-6)
    assert history.flow("band") == pytest.approx(history.flow("vessel"), rel=1e-9, abs=1e-14)
