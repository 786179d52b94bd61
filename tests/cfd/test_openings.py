"""Several inlets, inlets that are ports, ports driven by pressure, and what the pressure at a port means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from mpi4py import MPI

from cfd.domain import read_domain
from cfd.fluid import Fluid
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import CircuitStep, FixedPressures, PortStep
from hemoplan.errors import BoundaryError
from hemoplan.waveform import Waveform
from tests.cfd.crossing import crossing_mesh
from tests.cfd.tube import tube

FLUID = Fluid(density=1060.0, viscosity=0.004)
PAIRS = ("P1-P1", "P2-P1")
PERIOD, STEPS = 0.4, 80


@pytest.fixture(scope="module")
def crossing(tmp_path_factory):
    return read_domain(MPI.COMM_WORLD, crossing_mesh().write(tmp_path_factory.mktemp("crossing")))


def wave(mean: float, phase: float) -> Waveform:
    times = np.linspace(0.0, PERIOD, 40, endpoint=False)
    return Waveform(times, mean * (1.0 + 0.5 * np.sin(2.0 * np.pi * (times / PERIOD + phase))), PERIOD)


FLOWS = {"inlet": wave(0.3e-6, 0.0), "left": wave(0.2e-6, 0.3)}


@pytest.mark.parametrize("pair", PAIRS)
def test_two_inlets_carry_their_own_flow(crossing, pair):
    """Each flow is met by the surface integral of the velocity, and the outlets pass the sum of both."""
    circuit = FixedPressures(("outlet", "right"), (2e3, 2e3))
    settings = replace(DEFAULTS[pair], pressure_tolerance=1e-8, velocity_tolerance=1e-8)
    stepper = build_stepper(crossing, FLUID, pair, settings)
    states = []
    simulation = Simulation(
        stepper,
        circuit,
        FLOWS,
        dt=PERIOD / STEPS,
        cycles=1,
        callbacks=[lambda moment: states.append(moment.state)],
    )
    simulation.run(stepper.initial_state(circuit))
    history = simulation.history()
    assert history.ports == ("inlet", "left", "outlet", "right")
    for name, flow in FLOWS.items():
        assert history.flow(name) == pytest.approx(-flow.sample(history.times), rel=1e-12)
    assert history.flows.sum(axis=1) == pytest.approx(0.0, abs=1e-9 * np.abs(history.flows).max())
    through = np.array([stepper.flows(state.velocity) for state in states])
    assert through[:, :2] == pytest.approx(history.flows[:, :2], rel=1e-10)
    if pair == "P1-P1":  # P2–P1 keeps the gradient of a potential beside the nodal velocity
        assert through == pytest.approx(history.flows, abs=1e-6 * np.abs(history.flows).max())
    assert history.pressure("inlet").mean() > history.pressure("outlet").mean()


@dataclass(frozen=True, kw_only=True)
class Resistances:
    """P = Pd + R Q at each port, said by pressure or by flow."""

    ports: tuple[str, ...]
    distal: tuple[float, ...]
    resistance: float = 5e9
    by_pressure: bool = False

    @property
    def drives(self):
        return ("pressure" if self.by_pressure else "flow",) * len(self.ports)

    def initial_state(self):
        return np.zeros(0)

    def initial_drives(self):
        return np.array(self.distal) if self.by_pressure else np.zeros(len(self.ports))

    def advance(self, state, drives, t, dt):
        one = np.eye(len(drives))
        if self.by_pressure:
            return PortStep((drives - self.distal) / self.resistance, one / self.resistance, state)
        return PortStep(self.distal + self.resistance * drives, self.resistance * one, state)


def run(domain, circuit, inflow, *, pair="P1-P1", steps=30, dt=1e-3, **changes):
    stepper = build_stepper(domain, FLUID, pair, replace(DEFAULTS[pair], **changes))
    state, reports = stepper.initial_state(circuit), []
    for _ in range(steps):
        state, report = stepper.advance(state, dt, circuit, inflow)
        reports.append(report)
    return stepper, state, reports


@pytest.mark.parametrize("pair", PAIRS)
def test_one_inlet_prescribed_the_other_a_port(crossing, pair):
    """The open inlet is driven by its own pressure; ports come in the order inlet, open inlet, outlets."""
    circuit = Resistances(ports=("left", "outlet", "right"), distal=(3e3, 2e3, 2e3))
    stepper, _, reports = run(crossing.with_ports(circuit.ports), circuit, 1e-7, pair=pair)
    assert stepper.ports == ("inlet", "left", "outlet", "right")
    assert [patch.name for patch in stepper.elements.domain.entrances] == ["inlet", "left"]
    last = reports[-1]
    assert last.flows[0] == -1e-7
    assert last.flows[1] < -5e-8  # from the higher pressure into the domain
    assert last.flows.sum() == pytest.approx(0.0, abs=1e-9 * np.abs(last.flows).max())
    distal = np.array(circuit.distal)
    assert last.pressures[1:] == pytest.approx(distal + circuit.resistance * last.flows[1:], rel=1e-8)


@pytest.mark.parametrize("pair", PAIRS)
def test_nothing_is_prescribed_and_what_drives_a_port_changes_nothing(crossing, pair):
    names = ("inlet", "left", "outlet", "right")
    by_flow = Resistances(ports=names, distal=(3.2e3, 3e3, 2e3, 2e3))
    domain = crossing.with_ports(names)
    _, _, one = run(domain, by_flow, 0.0, pair=pair)
    _, _, other = run(domain, replace(by_flow, by_pressure=True), 0.0, pair=pair)
    flows, driven = (np.array([report.flows for report in reports]) for reports in (one, other))
    assert np.abs(flows[-1]).min() > 1e-8
    # Only the pressures before the first step differ.
    assert driven == pytest.approx(flows, abs=1e-6 * np.abs(flows).max())


def test_a_name_that_is_no_opening_or_has_no_condition(crossing):
    with pytest.raises(BoundaryError, match=r"an outlet has no boundary condition \(value: right\)"):
        crossing.with_ports(("outlet",))
    with pytest.raises(BoundaryError, match=r"names no opening of the mesh \(value: arch\)"):
        crossing.with_ports(("outlet", "right", "arch"))


@pytest.mark.parametrize(
    ("inflow", "message"),
    [
        (FLOWS["inlet"], r"not clear through which inlet \(value: inlet, left\)"),
        ({"inlet": FLOWS["inlet"]}, r"neither a prescribed flow nor a port of the circuit \(value: left\)"),
        ({**FLOWS, "right": FLOWS["left"]}, r"prescribed where no inlet is.*\(value: right\)"),
        (
            {**FLOWS, "left": Waveform(FLOWS["left"].times, FLOWS["left"].values, 0.5)},
            r"\[left\] the cycle of a prescribed flow has another length \(value: 0.5 s\); expected 0.4 s",
        ),
    ],
)
def test_inflows_that_do_not_fit(crossing, inflow, message):
    stepper = build_stepper(crossing, FLUID, "P1-P1")
    with pytest.raises(BoundaryError, match=message):
        Simulation(stepper, FixedPressures(("outlet", "right")), inflow, dt=PERIOD / STEPS, cycles=1)


@dataclass(frozen=True)
class Pump:
    """A given flow, reached in 40 ms, into the tube at its inlet by a large resistance; no pressure at its outlet."""

    flow: float
    stiffness: float = 1e12
    ports: tuple[str, ...] = ("inlet", "outlet")

    def initial_state(self):
        return np.zeros(0)

    def step(self, state, flows, t, dt):
        wanted = self.flow * min(t / 0.04, 1.0)
        pressures = np.array([self.stiffness * (wanted + flows[0]), 0.0])
        return CircuitStep(pressures, np.diag([self.stiffness, 0.0]), state)


@pytest.mark.parametrize("pair", PAIRS)
def test_total_pressure_of_entering_blood_or_static(pair):
    """At one flow, a port at the static pressure asks its circuit for K less, the kinetic pressure of what enters.

    Inside, the flow is the same: only what the number of the circuit stands for differs. K is that of a profile between
    a flat one and a parabola, as a mean over the area.
    """
    radius, length, flow = 2e-3, 8e-3, 2e-6
    domain = tube(radius, length, 6, 10).with_ports(("inlet", "outlet"))
    found = {}
    for static in ((), ("inlet", "outlet")):
        circuit = Pump(flow)
        _, state, reports = run(domain, circuit, 0.0, pair=pair, steps=80, static_ports=static)
        answer = circuit.step(np.zeros(0), reports[-1].flows, 0.08, 1e-3).pressures
        found[static] = answer, reports[-1], state.velocity
    total, one, velocity = found[()]
    static, other, same = found["inlet", "outlet"]
    assert one.flows == pytest.approx([-flow, flow], rel=1e-3)
    assert np.abs(same - velocity).max() < 1e-3 * np.abs(velocity).max()
    assert other.pressures == pytest.approx(one.pressures, abs=2e-3 * one.pressures[0])
    flat = 0.5 * FLUID.density * (flow / (np.pi * radius**2)) ** 2
    assert 1.0 < (total[0] - static[0]) / flat < 4.0 / 3.0 * 1.1
    assert total[1] - static[1] == 0.0  # blood leaves there
