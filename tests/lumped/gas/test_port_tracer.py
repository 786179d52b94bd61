"""Tracers behind the ports of a 3D domain: closed forms of mixing, conservation, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from hemoplan.tracer import Interval
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Compartment, Connection, Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from lumped.gas.port_passage import CirculationBlood, WindkesselBlood
from lumped.gas.port_tracer import gas_tracer, passive_tracer
from lumped.gas.transport import periodic_gas
from lumped.windkessel import Windkessel, WindkesselBank

FLOW, VOLUME, STEPS = 1e-6, 2e-6, 200
STUMP = Connection(
    name="stump", kind="resistor", source="aortic_arch", target="cut", parameters={"resistance": 1e6}
)
BANK = WindkesselBank.of(
    {
        "left": Windkessel(proximal_resistance=1e8, compliance=2e-10, distal_resistance=1e9),
        "right": Windkessel(proximal_resistance=1e8, compliance=2e-10, distal_resistance=1e9),
    }
)


def test_a_windkessel_fills_as_a_mixed_tank():
    """Constant flow into a volume that stays: c = 1 - exp(-Q t / V), and the tank gives back what it has."""
    bank = BANK.starting_from(np.array([1e9 * FLOW, 1e9 * FLOW, FLOW, FLOW]))
    blood = WindkesselBlood(bank=bank, mixing_volume=VOLUME)
    circuit = bank.initial_state()
    tracer = passive_tracer(blood, circuit, {"dye": {}})
    errors = []
    for steps in (STEPS, 2 * STEPS):
        state, dt = tracer.initial_state(), 2.0 / steps
        for step in range(1, steps + 1):
            after = bank.step(circuit, np.full(2, FLOW), step * dt, dt).state
            interval = Interval(t=step * dt, dt=dt, flows=np.full(2, FLOW), before=circuit, after=after)
            state, circuit = tracer.step(state, np.array([[FLOW], [0.0]]), interval), after
        found = tracer.contents(state, circuit)[:, 0]
        errors.append(abs(found[0] - (1.0 - np.exp(-FLOW * 2.0 / VOLUME))))
        assert found[1] == 0.0
    assert errors[1] < 1e-6
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)


def test_more_blood_than_there_is_behind_a_port_is_refused():
    blood = WindkesselBlood(bank=BANK, mixing_volume=1e-9)
    circuit = BANK.initial_state()
    tracer = passive_tracer(blood, circuit, {"dye": {"left": 1.0}})
    interval = Interval(t=0.01, dt=0.01, flows=np.array([-1e-6, 1e-6]), before=circuit, after=circuit)
    with pytest.raises(BoundaryError, match=r"\[left\].*0.01 mL of 0.001 mL.*mixing volume"):
        tracer.step(tracer.initial_state(), np.zeros((2, 1)), interval)


def test_a_compartment_that_is_not_there_is_refused():
    with pytest.raises(BoundaryError, match=r"\[dye\].*middle.*left, right"):
        passive_tracer(WindkesselBlood.of(BANK), BANK.initial_state(), {"dye": {"middle": 1.0}})


@pytest.fixture(scope="module")
def newborn():
    return load_anatomy("term_newborn")


@pytest.fixture(scope="module")
def alone(newborn):
    return periodic(build(newborn), steps=100).history


def opened(newborn, alone, kind: str) -> CirculationBoundary:
    """The newborn without its isthmus, behind ports at compartments, at a junction, or driven by pressure."""
    connections = [each for each in newborn.connections if each.name != "isthmus"]
    compartments, node, drive = list(newborn.compartments), "aortic_arch", "flow"
    if kind != "compartment":
        compartments.append(
            Compartment(name="cut", kind={"junction": "junction", "pressure": "reservoir"}[kind])
        )
        connections.append(STUMP)
        node, drive = "cut", "pressure" if kind == "pressure" else "flow"
    ports = (
        Port(name="in", node=node, drive=drive),
        Port(name="out", node="descending_aorta"),
    )
    model = build(
        replace(newborn, compartments=tuple(compartments), connections=tuple(connections), ports=ports)
    )
    known = {
        (each.block, each.quantity): value
        for each, value in zip(alone.model.unknowns, alone.unknowns[0], strict=True)
    }
    start = [known.get((each.block, each.quantity), 0.0) for each in model.unknowns]
    first = np.array([0.0, 0.0])
    if kind == "pressure":
        first[0] = alone.pressure("descending_aorta")[0]
    return CirculationBoundary(model=model, start=np.array(start), start_drives=first)


def beat_of(boundary: CirculationBoundary, tracer, history, passes) -> tuple[np.ndarray, np.ndarray, float]:
    """A beat in which a short wide vessel joins the ports; state, circuit, and the largest change of the amounts."""
    circuit, state = boundary.initial_state(), tracer.initial_state()
    total, worst = tracer.amounts(state), 0.0
    driven = "pressure" in boundary.drives
    q0 = 0.0
    for step in range(1, history.times.size):
        t, dt = history.times[step], history.times[1]
        q1 = -float(history.flow("isthmus")[step])
        drives = np.array([history.pressure("descending_aorta")[step] if driven else q1, -q1])
        done = boundary.advance(circuit, drives, t, dt)
        q1 = float(done.response[0]) if driven else q1
        flows = 0.5 * np.array([q0 + q1, -q0 - q1])
        interval = Interval(t=t, dt=dt, flows=flows, before=circuit, after=done.state)
        contents = tracer.contents(state, circuit)
        leaving = passes(flows, contents)
        state, circuit, q0 = tracer.step(state, leaving, interval), done.state, q1
        worst = max(worst, float(np.abs(tracer.amounts(state) / total - 1.0).max()))
    return state, circuit, worst


def through(flows: np.ndarray, contents: np.ndarray) -> np.ndarray:
    """What goes in at one end comes out at the other."""
    upstream = contents[0] if flows[0] < 0.0 else contents[1]
    return np.outer(flows, upstream)


@pytest.mark.parametrize("kind", ["compartment", "junction", "pressure"])
def test_what_the_ports_pass_on_is_conserved(newborn, alone, kind):
    boundary = opened(newborn, alone, kind)
    blood = CirculationBlood(boundary=boundary)
    tracer = passive_tracer(
        blood,
        boundary.initial_state(),
        {"one": dict.fromkeys(blood.nodes, 1.0), "dye": {"left_ventricle": 1.0}},
    )
    state, circuit, worst = beat_of(boundary, tracer, alone, through)
    assert worst < 1e-12
    contents = tracer.contents(state, circuit)
    # The volumes of ports driven by pressure follow the circuit's own flow, not the trapezoidal rule of it.
    np.testing.assert_allclose(contents[:, 0], 1.0, atol=0.02 if kind == "pressure" else 1e-9)
    assert (contents[:, 1] > 0.01).all()


def test_gases_go_on_as_in_the_beat_that_they_start_from(newborn, alone):
    """Through ports that pass all on, the circulation's gases stay those of its periodic beat, and balance over it."""
    boundary = opened(newborn, alone, "compartment")
    beat = periodic_gas(alone)
    tracer = gas_tracer(CirculationBlood(boundary=boundary), boundary.initial_state(), beat)
    state, circuit, worst = beat_of(boundary, tracer, alone, through)
    assert worst < 2e-3  # what lungs bring in one part of the beat, tissues take in all of it
    np.testing.assert_allclose(tracer.amounts(state), tracer.amounts(tracer.initial_state()), rtol=1e-4)
    names = list(beat.passage.nodes)
    at_ports = [names.index("aortic_arch"), names.index("descending_aorta")]
    np.testing.assert_allclose(tracer.contents(state, circuit), beat.contents[-1, at_ports], rtol=1e-3)


def test_blood_at_a_new_junction_starts_as_the_blood_beside_it(newborn, alone):
    boundary, beat = opened(newborn, alone, "junction"), periodic_gas(alone)
    tracer = gas_tracer(CirculationBlood(boundary=boundary), boundary.initial_state(), beat)
    contents = tracer.contents(tracer.initial_state(), boundary.initial_state())
    np.testing.assert_allclose(contents[0], beat.contents[0, beat.passage.nodes.index("aortic_arch")])


def test_gases_need_the_compartments_of_the_beat(newborn, alone):
    boundary, beat = opened(newborn, alone, "compartment"), periodic_gas(alone)
    names = tuple("legs" if name == "lower_body" else name for name in beat.passage.nodes)
    other = replace(beat, passage=replace(beat.passage, nodes=names))
    with pytest.raises(BoundaryError, match="lower_body"):
        gas_tracer(CirculationBlood(boundary=boundary), boundary.initial_state(), other)
