"""The equations of one coupled step: ports driven by flow or by pressure, valves that snap, circuits that fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from mpi4py import MPI

from cfd.port_response import ACCEPTED_RESIDUAL, solve_port_pressures
from hemoplan.circuit import CircuitStep, PortStep
from hemoplan.errors import BoundaryError, DivergenceError

INERTIA = np.array([[2.0, -1.0, -0.5], [-1.0, 2.0, -0.5], [-0.5, -0.5, 1.5]]) * 1e-9
"""Symmetric, as s R is; with prescribed pressures elsewhere, its rows do not vanish [m³/(s Pa)]."""
FREE = np.array([-3e-6, 5e-6, 2e-6])
DISTAL = np.array([8e3, 6e3, 1e3])
RESISTANCE = np.array([1e9, 3e8, 2e10])


@dataclass(frozen=True)
class Resistors:
    """P = Pd + R Q at each port, said the one way or the other."""

    drives: tuple[str, ...]
    ports: tuple[str, ...] = ("arch", "lung", "vein")

    def initial_state(self):
        return np.zeros(0)

    def initial_drives(self):
        return np.zeros(3)

    def advance(self, state, drives, t, dt):
        by_flow = np.array([drive == "flow" for drive in self.drives])
        response = np.where(by_flow, DISTAL + RESISTANCE * drives, (drives - DISTAL) / RESISTANCE)
        return PortStep(response, np.diag(np.where(by_flow, RESISTANCE, 1.0 / RESISTANCE)), state)


@dataclass(frozen=True)
class OneWay:
    """A valve behind each port: forward flow meets little resistance, reverse flow `ratio` times as much."""

    ratio: float
    ports: tuple[str, ...] = ("arch", "lung", "vein")

    def initial_state(self):
        return np.zeros(0)

    def step(self, state, flows, t, dt):
        slopes = np.where(flows > 0.0, 1e8, 1e8 * self.ratio)
        return CircuitStep(DISTAL + slopes * flows, np.diag(slopes), state)


def solve(circuit, *, guess=(0.0, 0.0, 0.0), free=FREE, kinetic=(0.0, 0.0, 0.0)):
    return solve_port_pressures(
        MPI.COMM_SELF,
        circuit,
        circuit.initial_state(),
        free,
        INERTIA,
        kinetic=np.array(kinetic),
        guess=np.array(guess),
        t=0.25,
        dt=1e-3,
    )


@pytest.mark.parametrize(
    "drives",
    [
        ("flow", "flow", "flow"),
        ("pressure", "flow", "flow"),
        ("flow", "pressure", "pressure"),
        ("pressure", "pressure", "pressure"),
    ],
)
def test_what_drives_a_port_does_not_change_the_solution(drives):
    """A linear system in one matrix: (1 + R S) P = Pd + R Q0."""
    exact = np.linalg.solve(np.eye(3) + np.diag(RESISTANCE) @ INERTIA, DISTAL + RESISTANCE * FREE)
    found = solve(Resistors(drives))
    assert found.pressures == pytest.approx(exact, rel=1e-9)
    assert found.flows == pytest.approx(FREE - INERTIA @ exact, abs=1e-9 * np.abs(FREE).max())
    assert found.residual < ACCEPTED_RESIDUAL
    assert found.iterations <= 2


@pytest.mark.parametrize("drives", [("flow", "flow", "flow"), ("pressure", "flow", "pressure")])
def test_the_circuits_pressure_is_the_total_one_of_what_enters_alone(drives):
    kinetic = np.array([6e12, 5e12, 0.0])
    free = np.array([-3e-6, 30e-6, 2e-6])
    found = solve(Resistors(drives), kinetic=kinetic, free=free)
    assert found.flows[0] < -1e-6
    assert found.flows[1] > 1e-6
    stagnation = np.array([kinetic[0] * found.flows[0] ** 2, 0.0, 0.0])
    assert stagnation[0] > 10.0
    assert found.pressures + stagnation == pytest.approx(DISTAL + RESISTANCE * found.flows, rel=1e-8)
    assert found.flows == pytest.approx(free - INERTIA @ found.pressures, rel=1e-8)


class Closed(Resistors):
    """Nothing passes the ports, whatever their pressure: a tangent of zero."""

    def advance(self, state, drives, t, dt):
        return PortStep(np.zeros(3), np.zeros((3, 3)), state)


def test_closed_valves_behind_ports_driven_by_pressure_hold_the_flow():
    found = solve(Closed(("pressure", "pressure", "pressure")))
    assert found.pressures == pytest.approx(np.linalg.solve(INERTIA, FREE), rel=1e-9)
    assert np.abs(found.flows).max() < 1e-8 * np.abs(FREE).max()


@pytest.mark.parametrize("ratio", [1.0, 1e3, 1e6, 1e-6])
@pytest.mark.parametrize("start", [-1e6, 0.0, 1e4, 1e6])
def test_valves_that_snap_are_found_from_any_guess(ratio, start):
    found = solve(OneWay(ratio), guess=(start, -start, start))
    slopes = np.where(found.flows > 0.0, 1e8, 1e8 * ratio)
    assert found.pressures == pytest.approx(DISTAL + slopes * found.flows, rel=1e-7)
    assert found.flows == pytest.approx(
        FREE - INERTIA @ found.pressures, abs=1e-12 * np.abs(INERTIA @ found.pressures).max()
    )


class Torn(OneWay):
    """The pressure jumps where the flow turns, in the direction that has no solution between."""

    def step(self, state, flows, t, dt):
        return CircuitStep(np.where(flows > 0.0, 1e5, -1e5), np.zeros((3, 3)), state)


def test_disagreement_names_port_time_and_state():
    with pytest.raises(DivergenceError) as raised:
        solve(Torn(1.0), free=np.zeros(3))
    assert "[t = 0.25 s, port " in str(raised.value)
    assert "Pa, " in str(raised.value)
    assert "expected a relative residual below 1e-08" in str(raised.value)


class Stuck(OneWay):
    """Has no answer to more than a little flow."""

    def step(self, state, flows, t, dt):
        if np.abs(flows).max() > 1e-6:
            raise BoundaryError("a time step of the circulation has no solution", where="volume of ventricle")
        return super().step(state, flows, t, dt)


def test_a_circuit_without_an_answer_is_asked_more_gently_first():
    """The guess lets 5 mL/s through; where least flow passes, the circuit answers, and the solution lies there."""
    stiff = Stuck(1e3)
    free = np.linalg.solve(np.linalg.inv(INERTIA), DISTAL)  # no flow at the distal pressures
    assert solve(stiff, free=free).flows == pytest.approx(np.zeros(3), abs=1e-15)


def test_no_answer_at_all_names_the_block():
    class Never(OneWay):
        def step(self, state, flows, t, dt):
            raise BoundaryError("a time step of the circulation has no solution", where="volume of ventricle")

    with pytest.raises(DivergenceError, match=r"t = 0.25 s, volume of ventricle.*no answer.*no solution"):
        solve(Never(1.0))


def test_a_number_that_is_none_is_not_taken():
    class Broken(OneWay):
        def step(self, state, flows, t, dt):
            return CircuitStep(np.array([np.nan, 0.0, 0.0]), np.zeros((3, 3)), state)

    with pytest.raises(DivergenceError, match=r"port arch"):
        solve(Broken(1.0))
