"""Scalars along with the flow: after each step of the flow, one of the scalars, and what is behind the ports with them.

The scalars are carried by the mean velocity of the step and by the mean flows of its ports, which are those that the
pressure step balanced: second order in time. Where blood comes in through a port of the circuit, it has the
concentration that the circuit's blood has on the average over the step. That depends on what leaves the 3D domain in
the step, so the circuit takes the step twice: first with the concentrations of its start, to know what enters, then
with what did leave. What one loses, the other gains, to round-off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cfd.collective import on_root
from cfd.fractional_step import FractionalStep
from cfd.momentum_forces import TakenStep
from cfd.port_nodes import PortNodes
from cfd.stream import Stream, StreamBuilder
from cfd.transport import Transport
from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from hemoplan.tracer import Interval, PortTracer


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarState:
    """All that a step of k scalars needs from the past.

    Attributes:
        concentrations: (n, k) at the vertices.
        leaving: (p, k) mean flows of the scalars out of the openings in the last step [m³/s times the unit].
        flows: (p,) of blood out of the openings at the end of the last step [m³/s].
        behind: State of the scalars behind the ports of the circuit.
    """

    concentrations: FloatArray
    leaving: FloatArray
    flows: FloatArray
    behind: FloatArray


class ScalarStep:
    """Carries scalars along with a flow. Collective.

    Args:
        stepper: Of the flow.
        behind: What is behind the ports of the circuit; its ports are the outlets of the mesh, in their order.
        entering: (i, k) concentrations of what comes in through the inlets, whose flow is prescribed.
        diffusivity: Of all scalars [m²/s].
        rates: (k,) what arises in each m³ of the 3D domain per second: zero if not given, one for the time since entry.

    Raises:
        BoundaryError: The tracer's ports are not the outlets of the mesh, or what enters has no concentration.
        MeshError: Two openings share a node.
    """

    def __init__(
        self,
        stepper: FractionalStep,
        behind: PortTracer,
        *,
        entering: FloatArray | None = None,
        diffusivity: float = 0.0,
        rates: FloatArray | None = None,
    ) -> None:
        vertices, k = stepper.vertices, len(behind.tracers)
        inlets = tuple(patch.name for patch in stepper.inlets)
        outlets = tuple(patch.name for patch in stepper.outlets)
        given = np.zeros((0, k)) if entering is None else entering
        if given.shape != (len(inlets), k):
            raise BoundaryError(
                "the scalars that come in through the inlets are not known",
                where=", ".join(inlets),
                value=f"concentrations {given.shape}",
                expected=f"{(len(inlets), k)}: {len(inlets)} inlets, and of each {', '.join(behind.tracers)}",
            )
        if behind.ports != outlets:
            raise BoundaryError(
                "the ports that the scalars know are not the outlets of the mesh",
                value=", ".join(behind.ports),
                expected=", ".join(outlets),
            )
        self.behind = behind
        self._stepper, self._comm, self._inlets = stepper, vertices.domain.comm, given
        ports = PortNodes(vertices)
        self.streams = StreamBuilder(stepper.elements, vertices, ports)
        self.transport = Transport(vertices, ports, diffusivity=diffusivity)
        self._sources: FloatArray | None = None
        if rates is not None:
            self._sources = self.transport.volumes[:, np.newaxis] * rates

    def initial_state(
        self,
        concentrations: FloatArray | Callable[[FloatArray], FloatArray],
        *,
        flows: FloatArray | None = None,
    ) -> ScalarState:
        """The state at t = 0.

        Args:
            concentrations: (k,) the same everywhere, or a function that has (n, k) at points (n, d) [m].
            flows: (p,) of blood out of the openings [m³/s]; zero, as of blood at rest, if not given.
        """
        points = self._stepper.vertices.coordinates
        p, k = len(self._stepper.ports), len(self.behind.tracers)
        given = concentrations(points) if callable(concentrations) else concentrations
        return ScalarState(
            concentrations=np.array(np.broadcast_to(given, (len(points), k)), dtype=np.float64),
            leaving=np.zeros((p, k)),
            flows=np.zeros(p) if flows is None else flows,
            behind=self.behind.initial_state(),
        )

    def advance(self, state: ScalarState, taken: TakenStep) -> ScalarState:
        """Carry the scalars over a step that the flow has taken. Collective.

        Raises:
            BoundaryError: More blood comes out of the circuit in the step than there is behind a port.
            DivergenceError: A linear solver does not converge.
        """
        before, after = taken.before, taken.after
        flows = 0.5 * (state.flows + taken.report.flows)
        i = len(self._inlets)
        interval = Interval(
            t=after.time, dt=after.dt, flows=flows[i:], before=before.circuit, after=after.circuit
        )
        stream = self.streams.build(0.5 * (before.velocity + after.velocity), flows)
        entering = self._entering(state, interval, stream)
        done = self.transport.carry(
            state.concentrations,
            stream,
            after.dt,
            entering=entering,
            sources=self._sources,
        )
        return ScalarState(
            concentrations=done.concentrations,
            leaving=done.leaving,
            flows=taken.report.flows,
            behind=on_root(self._comm, lambda: self.behind.step(state.behind, done.leaving[i:], interval)),
        )

    def amounts(self, state: ScalarState) -> FloatArray:
        """(k,) what the 3D domain and the circuit hold. Collective."""
        return self.transport.amounts(state.concentrations) + self.behind.amounts(state.behind)

    def _entering(self, state: ScalarState, interval: Interval, stream: Stream) -> FloatArray:
        """(p, k) concentrations behind the openings; of the circuit, the mean of both ends of the step. Collective."""
        start = on_root(self._comm, lambda: self.behind.contents(state.behind, interval.before))
        entering = np.vstack([self._inlets, start])
        leaving = self.transport.leaving(state.concentrations, stream, entering)[len(self._inlets) :]

        def end() -> FloatArray:
            return self.behind.contents(self.behind.step(state.behind, leaving, interval), interval.after)

        return np.vstack([self._inlets, 0.5 * (start + on_root(self._comm, end))])
