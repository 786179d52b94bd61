"""Marching a stepper and a circuit over cardiac cycles: time, stop, safety checks, callbacks.

A cycle is divided into equal steps, at whose ends the ports are recorded. With a target for the Courant number, a step
is taken in as many equal parts as the target asks for: the history stays uniform while the flow solver adapts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from mpi4py import MPI

from cfd.flow_state import FlowState, StepReport
from cfd.fractional_step import FractionalStep
from hemoplan.arrays import FloatArray
from hemoplan.circuit import Circuit
from hemoplan.errors import BoundaryError, DivergenceError, InterruptedRunError
from hemoplan.patch import Patch
from hemoplan.results import PortHistory
from hemoplan.waveform import Waveform

MAX_SPEED = 50.0
"""No flow in the body is as fast [m/s]: it would take a pressure of 9,900 mmHg."""
MAX_COURANT = 60.0
"""The implicit convection is stable beyond this Courant number of the smallest cells, but does not follow the flow."""
CHECK_EVERY = 10
"""Steps between two looks at the Courant number, where no target is set for it."""
MAX_PARTS = 1000
"""No step is divided further."""
ACCEPTED_EXCESS = 1.2
"""A step that ends with a Courant number this much above its target is not taken again."""

SAME_PERIOD = 1e-9
"""Relative difference of two cycles of the same length."""


@dataclass(slots=True)
class Record:
    """What has happened at the ports so far, by step: inlets, then the ports of the circuit."""

    pressures: list[FloatArray] = field(default_factory=list)
    flows: list[FloatArray] = field(default_factory=list)
    uncorrected_flows: list[FloatArray] = field(default_factory=list)
    velocity_iterations: list[int] = field(default_factory=list)
    pressure_iterations: list[int] = field(default_factory=list)

    def add(self, report: StepReport) -> None:
        """Add one step."""
        self.pressures.append(report.pressures)
        self.flows.append(report.flows)
        self.uncorrected_flows.append(report.uncorrected_flows)
        self.velocity_iterations.append(report.velocity_iterations)
        self.pressure_iterations.append(report.pressure_iterations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a callback sees after each step.

    Attributes:
        step: Steps taken since t = 0.
        steps_per_cycle: Steps in a cycle.
        cycles: Cycles to run.
        state: The flow now.
        report: What the last (part of the) step did.
        parts: In how many parts the step was taken.
        courant: Courant number at the last look, of a part of a step.
    """

    step: int
    steps_per_cycle: int
    cycles: int
    state: FlowState
    report: StepReport
    parts: int
    courant: float

    @property
    def cycle(self) -> int:
        """The running cycle, from 1."""
        return (self.step - 1) // self.steps_per_cycle + 1

    @property
    def step_of_cycle(self) -> int:
        """The step within the running cycle, from 1."""
        return (self.step - 1) % self.steps_per_cycle + 1


Callback = Callable[[Moment], None]
type BetweenCycles = Callable[[FlowState, int], FlowState]
"""Where a cycle starts, from the state in which the one before ended, and the number of cycles done."""


class Simulation:
    """Runs whole cardiac cycles. Collective.

    Args:
        stepper: The flow stepper.
        circuit: The circuit behind the outlets.
        inflow: Flow into the 3D domain over a cycle [m³/s], of the one inlet, or of each by name.
        dt: Time step [s]; the cycle is a whole number of steps.
        cycles: Cycles to run.
        period: Length of the cycle [s]; that of the inflow if not given.
        courant: Target for the Courant number, for which steps are divided; None for undivided steps.
        callbacks: Called after each step, on every rank, in this order.
        between: Called before the first step of each cycle, the first one too, on every rank; the cycle starts from the
            state that it returns.
        interrupted: Asked on rank 0 after each step; when it is true the run stops after the callbacks.

    Raises:
        BoundaryError: An inlet has no flow, a flow no inlet, or the cycles differ in length.
    """

    def __init__(
        self,
        stepper: FractionalStep,
        circuit: Circuit,
        inflow: Waveform | Mapping[str, Waveform],
        *,
        dt: float,
        cycles: int,
        period: float | None = None,
        courant: float | None = None,
        callbacks: Sequence[Callback] = (),
        between: BetweenCycles | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.stepper = stepper
        self.circuit = circuit
        self.inflows = prescribed_flows(stepper.inlets, inflow)
        self.period = _common_period(stepper.inlets, self.inflows, period)
        self.cycles = cycles
        self.dt = dt
        self.steps_per_cycle = round(self.period / dt)
        self.callbacks = list(callbacks)
        self.record = Record()
        self._courant_target = courant
        self._between = between
        self._interrupted = interrupted
        self._comm = stepper.elements.domain.comm

    def run(self, state: FlowState, *, first_step: int = 0) -> FlowState:
        """March to the end of the last cycle from a state that follows `first_step` steps. Collective.

        Raises:
            DivergenceError: The flow is not finite, faster than anything in the body, or the Courant number is
                too large.
            InterruptedRunError: `interrupted` was true.
        """
        courant = 0.0
        for step in range(first_step + 1, self.cycles * self.steps_per_cycle + 1):
            if self._between is not None and (step - 1) % self.steps_per_cycle == 0:
                state = self._between(state, (step - 1) // self.steps_per_cycle)
            state, report, parts, reached = self._step(state)
            self.record.add(report)
            if reached is not None:
                courant = reached
            elif step % CHECK_EVERY == 0:
                courant = self.stepper.courant_number(state.velocity, state.dt)
            self._check_courant(courant, state)
            moment = Moment(
                step=step,
                steps_per_cycle=self.steps_per_cycle,
                cycles=self.cycles,
                state=state,
                report=report,
                parts=parts,
                courant=courant,
            )
            for callback in self.callbacks:
                callback(moment)
            if self._comm.bcast(self._interrupted() if self._comm.rank == 0 else None):
                raise InterruptedRunError(
                    "the simulation was stopped",
                    where=f"t = {state.time:.4f} s",
                    remedy="run the same command to resume",
                )
        return state

    def history(self) -> PortHistory:
        """Pressures and flows of all steps so far."""
        steps = len(self.record.flows)
        stepper = self.stepper
        times = self.dt * np.arange(1, steps + 1, dtype=np.float64)
        return PortHistory(
            ports=stepper.ports,
            times=times,
            pressures=np.array(self.record.pressures),
            flows=np.array(self.record.flows),
        )

    def _step(self, state: FlowState) -> tuple[FlowState, StepReport, int, float | None]:
        """Take one step, in as many equal parts as the target asks for; again in more parts if it was exceeded.

        Two successive parts grow by a factor of at most two.

        Returns:
            The state after the last part, its report, the number of parts, and the Courant number if it has a target.
        """
        parts = 1
        if self._courant_target is not None:
            last = round(self.dt / state.dt) if state.dt > 0.0 else 1
            wanted = self.stepper.courant_number(state.velocity, self.dt) / self._courant_target
            parts = min(max(math.ceil(wanted), math.ceil(last / 2), 1), MAX_PARTS)
        while True:
            after, dt = state, self.dt / parts
            for _ in range(parts):
                after, report = self.stepper.advance(after, dt, self.circuit, self._inflow(after.time + dt))
                self._check_speed(after)
            if self._courant_target is None:
                return after, report, parts, None
            courant = self.stepper.courant_number(after.velocity, dt)
            if courant <= ACCEPTED_EXCESS * self._courant_target or parts == MAX_PARTS:
                return after, report, parts, courant
            parts = min(math.ceil(parts * courant / self._courant_target), MAX_PARTS)

    def _inflow(self, time: float) -> FloatArray:
        """(i,) flows through the inlets [m³/s]."""
        return np.array([inflow(time) for inflow in self.inflows])

    def _check_speed(self, state: FlowState) -> None:
        squares = (state.velocity**2).sum(axis=1)
        local = float(squares.max(initial=0.0)) if np.isfinite(squares).all() else np.inf
        speed = float(np.sqrt(self._comm.allreduce(local, op=MPI.MAX)))
        if not speed <= MAX_SPEED:
            raise DivergenceError(
                "the flow diverges",
                where=f"t = {state.time:.5g} s",
                value="not a number" if np.isinf(speed) else f"{speed:.3g} m/s",
                expected=f"speeds below {MAX_SPEED:g} m/s",
                remedy=f"choose a smaller solver.time_step than {1e3 * state.dt:.3g} ms, and look at the mesh",
            )

    def _check_courant(self, courant: float, state: FlowState) -> None:
        if courant > MAX_COURANT:
            suggestion = 0.5 * state.dt * MAX_COURANT / courant
            raise DivergenceError(
                "the time step is too large for the flow",
                where=f"t = {state.time:.5g} s",
                value=f"Courant number {courant:.3g} at {1e3 * state.dt:.3g} ms",
                expected=f"at most {MAX_COURANT:g} in the smallest cells",
                remedy=f'choose a smaller step, such as --set solver.time_step="{1e3 * suggestion:.2g} ms"',
            )


def prescribed_flows(
    inlets: Sequence[Patch], inflow: Waveform | Mapping[str, Waveform]
) -> tuple[Waveform, ...]:
    """The flow of each inlet, from that of the one inlet or from those of all by name.

    Raises:
        BoundaryError: An inlet has no flow, or a flow no inlet.
    """
    names = [patch.name for patch in inlets]
    if isinstance(inflow, Waveform):
        if len(names) != 1:
            raise BoundaryError(
                "one flow is prescribed, and it is not clear through which inlet"
                if names
                else "a flow is prescribed, and all inlets are ports of the circuit",
                value=", ".join(names) or None,
                expected="a flow for each inlet by name" if names else "no inflow",
            )
        return (inflow,)
    bare = [name for name in names if name not in inflow]
    strange = [name for name in inflow if name not in names]
    if bare or strange:
        raise BoundaryError(
            "an inlet has neither a prescribed flow nor a port of the circuit"
            if bare
            else "a flow is prescribed where no inlet is, or where the circuit has a port",
            value=", ".join(bare or strange),
            expected=f"a flow for {', '.join(names)}" if names else "no inflow",
        )
    return tuple(inflow[name] for name in names)


def _common_period(inlets: Sequence[Patch], inflows: Sequence[Waveform], period: float | None) -> float:
    """The length of the cycle, which all flows share [s]."""
    lengths = {patch.name: inflow.period for patch, inflow in zip(inlets, inflows, strict=True)}
    if period is None and not lengths:
        raise ValueError("without a prescribed flow, the length of the cycle must be given")
    wanted = next(iter(lengths.values())) if period is None else period
    for name, length in lengths.items():
        if not abs(length - wanted) <= SAME_PERIOD * wanted:
            raise BoundaryError(
                "the cycle of a prescribed flow has another length",
                where=name,
                value=f"{length:g} s",
                expected=f"{wanted:g} s",
            )
    return wanted
