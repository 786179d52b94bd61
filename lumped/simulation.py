"""Running the surrogate of the 3D domain with a circuit behind its outlets, for cycles or to periodicity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.circuit import BoundaryCircuit
from hemoplan.errors import BoundaryError, CalibrationError
from hemoplan.results import PortHistory
from hemoplan.waveform import Waveform
from lumped.star_kernel import march
from lumped.surrogate import Surrogate, Trunk
from lumped.windkessel import WindkesselBank, exponential_weights

STEPS = 400
"""Time steps a cycle, unless said otherwise: pressures to a few hundredths of a mmHg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateRun:
    """What a simulation of the surrogate gives.

    Attributes:
        history: Pressures and flows, the inlet first, its flow negative in systole; times after t = 0.
        state: State of the circuit at the end.
        cycles: Cycles simulated in all.
        change: Largest change of an outlet pressure between the last two cycles, over its range.
    """

    history: PortHistory
    state: FloatArray
    cycles: int
    change: float


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where a simulation stands: the state of the circuit, and the outlet flows now and one step before."""

    circuit: FloatArray
    flows: FloatArray
    earlier_flows: FloatArray | None


@dataclass(frozen=True, slots=True)
class _Cycle:
    """One simulated cycle: (m,) pressure at the parting, (m, n) outlet pressures and flows."""

    junction: FloatArray
    pressures: FloatArray
    flows: FloatArray
    end: _Moment


def simulate(
    surrogate: Surrogate,
    circuit: BoundaryCircuit,
    inflow: Waveform,
    *,
    cycles: int,
    steps: int = STEPS,
) -> SurrogateRun:
    """Simulate a number of cycles from the circuit's initial state; the history holds all of them.

    Args:
        surrogate: Stand-in of the 3D domain.
        circuit: What lies behind the outlets, its ports in the order of the surrogate's outlets.
        inflow: Flow into the domain [m³/s].
        cycles: How many cycles.
        steps: Time steps a cycle.

    Raises:
        BoundaryError: The ports of the circuit are not the outlets of the surrogate.
        CalibrationError: A time step has no solution.
    """
    advance, moment = _start(surrogate, circuit, inflow, steps)
    done = []
    for index in range(cycles):
        done.append(advance(moment, index))
        moment = done[-1].end
    change = _change(done[-2], done[-1]) if cycles > 1 else np.inf
    return SurrogateRun(
        history=_history(surrogate, inflow, done), state=moment.circuit, cycles=cycles, change=change
    )


def simulate_to_periodicity(
    surrogate: Surrogate,
    circuit: BoundaryCircuit,
    inflow: Waveform,
    *,
    steps: int = STEPS,
    tolerance: float = 1e-6,
    max_cycles: int = 500,
) -> SurrogateRun:
    """Simulate until a cycle repeats the one before; the history holds the last, with times up to the period.

    Args:
        surrogate, circuit, inflow, steps: As of `simulate`.
        tolerance: Accepted change of an outlet pressure between two cycles, over the range of that pressure.
        max_cycles: Where to give up.

    Raises:
        BoundaryError: The ports of the circuit are not the outlets of the surrogate.
        CalibrationError: A time step has no solution, or the cycles do not settle.
    """
    advance, moment = _start(surrogate, circuit, inflow, steps)
    previous: _Cycle | None = None
    change = np.inf
    for index in range(max_cycles):
        cycle = advance(moment, index)
        moment = cycle.end
        if previous is not None:
            change = _change(previous, cycle)
            if change <= tolerance:
                return SurrogateRun(
                    history=_history(surrogate, inflow, [cycle]),
                    state=moment.circuit,
                    cycles=index + 1,
                    change=change,
                )
        previous = cycle
    raise CalibrationError(
        f"the 0D circulation is not periodic after {max_cycles} cycles",
        where="surrogate",
        value=f"pressures still change by {change:.2g} of their range from cycle to cycle",
        expected=f"at most {tolerance:g}",
        remedy="check the compliances: a time constant of many cycles takes as many to fill",
    )


def periodic_circuit(
    surrogate: Surrogate, circuit: WindkesselBank, inflow: Waveform, *, steps: int = STEPS
) -> WindkesselBank:
    """The same Windkessels in the order of the surrogate's outlets, starting from their periodic state.

    Raises:
        BoundaryError, CalibrationError: As `simulate_to_periodicity`.
    """
    circuit = circuit.reordered(surrogate.outlets)
    return circuit.starting_from(simulate_to_periodicity(surrogate, circuit, inflow, steps=steps).state)


def _start(
    surrogate: Surrogate, circuit: BoundaryCircuit, inflow: Waveform, steps: int
) -> tuple[Callable[[_Moment, int], _Cycle], _Moment]:
    """How to advance by a cycle, and where to start from."""
    if circuit.ports != surrogate.outlets:
        raise BoundaryError(
            "the circuit's ports are not the outlets",
            where="surrogate",
            value=", ".join(circuit.ports),
            expected=f"{', '.join(surrogate.outlets)}, in this order",
        )
    dt = inflow.period / steps
    flow_in = inflow.sample(dt * np.arange(1.0, steps + 1.0))
    state = circuit.initial_state()
    if isinstance(circuit, WindkesselBank):
        flows = state[len(circuit.ports) :].copy()
        return _compiled(surrogate, circuit, flow_in, dt), _Moment(state, flows, None)
    flows = np.full(len(circuit.ports), inflow(0.0) / len(circuit.ports))
    return _general(surrogate, circuit, flow_in, dt), _Moment(state, flows, None)


def _compiled(
    surrogate: Surrogate, bank: WindkesselBank, flow_in: FloatArray, dt: float
) -> Callable[[_Moment, int], _Cycle]:
    """Cycles of a bank of Windkessels, by the compiled kernel."""
    n = len(bank.ports)
    branches, windkessels = surrogate.parameters, bank.parameters
    _, C, Rd, _ = windkessels
    weights = np.array(exponential_weights(dt / (Rd * C)))
    scale = float(np.abs(flow_in).max())

    def advance(moment: _Moment, index: int) -> _Cycle:
        capacitors, last = moment.circuit[:n].copy(), moment.flows.copy()
        fresh = moment.earlier_flows is None
        before = last.copy() if moment.earlier_flows is None else moment.earlier_flows.copy()
        junction, pressures, flows, converged = march(
            flow_in, branches, windkessels, weights, dt, capacitors, last, before, fresh, scale
        )
        if not converged:
            raise _unsolved(index)
        end = _Moment(np.concatenate([capacitors, last]), last, before)
        return _Cycle(junction, pressures, flows, end)

    return advance


def _general(
    surrogate: Surrogate, circuit: BoundaryCircuit, flow_in: FloatArray, dt: float
) -> Callable[[_Moment, int], _Cycle]:
    """Cycles of any circuit: Newton's method for the n outlet flows and the pressure at the parting."""
    n = len(circuit.ports)
    R, K, L = surrogate.parameters
    scale = float(np.abs(flow_in).max())

    def advance(moment: _Moment, index: int) -> _Cycle:
        state, last, before = moment.circuit, moment.flows, moment.earlier_flows
        unknowns = np.append(last, 0.0)
        rows = []
        for step, wanted in enumerate(flow_in, start=1):
            t = (index * flow_in.size + step) * dt
            alpha = 1.0 if before is None else 1.5
            past = -last if before is None else 0.5 * before - 2.0 * last
            for _ in range(50):
                Q, p = unknowns[:n], unknowns[n]
                answer = circuit.step(state, Q, t, dt)
                residual = np.append(
                    answer.pressures + R * Q + K * np.abs(Q) * Q + L * (alpha * Q + past) / dt - p,
                    Q.sum() - wanted,
                )
                jacobian = np.zeros((n + 1, n + 1))
                jacobian[:n, :n] = answer.dp_dq + np.diag(R + 2.0 * K * np.abs(Q) + alpha * L / dt)
                jacobian[:n, n], jacobian[n, :n] = -1.0, 1.0
                change = np.linalg.solve(jacobian, residual)
                unknowns = unknowns - change
                if np.abs(change[:n]).max() <= 1e-11 * scale:
                    break
            else:
                raise _unsolved(index)
            answer = circuit.step(state, unknowns[:n], t, dt)
            rows.append((unknowns[n], answer.pressures, unknowns[:n]))
            state, before, last = answer.state, last, unknowns[:n]
        junction, pressures, flows = (np.array(column) for column in zip(*rows, strict=True))
        return _Cycle(junction, pressures, flows, _Moment(state, last, before))

    return advance


def _unsolved(index: int) -> CalibrationError:
    return CalibrationError(
        "a time step of the 0D circulation has no solution",
        where=f"surrogate, cycle {index + 1}",
        remedy="check the Windkessels and the inflow for values that are not physiological",
    )


def _change(previous: _Cycle, cycle: _Cycle) -> float:
    """Largest change of an outlet pressure between two cycles, over its range."""
    spread = np.ptp(cycle.pressures, axis=0)
    return float((np.abs(cycle.pressures - previous.pressures).max(axis=0) / np.maximum(spread, 1e-3)).max())


def _history(surrogate: Surrogate, inflow: Waveform, cycles: list[_Cycle]) -> PortHistory:
    steps = cycles[0].junction.size
    dt = inflow.period / steps
    flow_in = inflow.sample(dt * np.arange(1.0, steps + 1.0))
    trunk = _trunk_drop(surrogate.trunk, flow_in, dt)
    inlet_pressure = np.concatenate([cycle.junction + trunk for cycle in cycles])
    outlet_pressures = np.concatenate([cycle.pressures for cycle in cycles])
    outlet_flows = np.concatenate([cycle.flows for cycle in cycles])
    return PortHistory(
        ports=(surrogate.inlet, *surrogate.outlets),
        times=dt * np.arange(1.0, outlet_flows.shape[0] + 1.0),
        pressures=np.column_stack([inlet_pressure, outlet_pressures]),
        flows=np.column_stack([-np.tile(flow_in, len(cycles)), outlet_flows]),
    )


def _trunk_drop(trunk: Trunk, flow_in: FloatArray, dt: float) -> FloatArray:
    """(m,) p_in - p_j of one cycle, with BDF2 for dQ_in/dt as everywhere in the star."""
    rate = (1.5 * flow_in - 2.0 * np.roll(flow_in, 1) + 0.5 * np.roll(flow_in, 2)) / dt
    return np.asarray(
        trunk.resistance * flow_in + trunk.inertance * rate - trunk.dynamic * np.abs(flow_in) * flow_in
    )
