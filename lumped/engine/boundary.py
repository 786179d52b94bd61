"""A circulation as what a 3D domain meets at its openings: one step at a time, pure, with an exact tangent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.circuit import CircuitStep, Drive, PortStep
from hemoplan.errors import BoundaryError
from lumped.circulation.graph import Port
from lumped.engine.build import build, not_solved
from lumped.engine.marching import single_step
from lumped.engine.model import Model
from lumped.engine.network import workspace
from lumped.engine.stage import step_arrays
from lumped.engine.tangent import observe, tangents_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CirculationBoundary:
    """A closed circulation, or a part of one, behind the openings of a 3D domain: a `DrivenCircuit`.

    A port that is driven by flow takes what leaves the 3D domain into its node, and answers with the node's pressure.
    One that is driven by pressure gives its reservoir the pressure of the patch, and answers with the flow out of it.

    The state is the circulation's unknowns and the last drives, so that a step needs nothing else: keep it to restore
    it. Drives are linear within a step.

    Attributes:
        model: The circulation; its inputs are the ports and the driven surroundings.
        start: (n,) unknowns at t = 0; those of the model if not given.
        start_drives: (q,) flows [m³/s] and pressures [Pa] of the ports at t = 0; zero if not given.
        static_ports: Names of the ports whose pressure is the static one of entering blood too (`cfd.open_boundary`).
    """

    model: Model
    start: FloatArray | None = None
    start_drives: FloatArray | None = None
    static_ports: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the patches."""
        return tuple(port.name for port in self.model.circulation.ports)

    @property
    def drives(self) -> tuple[Drive, ...]:
        """What each port is told."""
        return tuple(port.drive for port in self.model.circulation.ports)

    def initial_state(self) -> FloatArray:
        """(n + q,) unknowns and drives at t = 0."""
        start = self.model.start if self.start is None else self.start
        inputs = np.zeros(len(self.model.inputs))
        inputs[: len(self.ports)] = self.initial_drives()
        return np.concatenate([start, inputs])

    def initial_drives(self) -> FloatArray:
        """(q,) flows and pressures of the ports at t = 0."""
        return np.zeros(len(self.ports)) if self.start_drives is None else self.start_drives

    def reordered(self, ports: tuple[str, ...]) -> Self:
        """The same circulation with its ports in another order.

        Raises:
            BoundaryError: The names are not those of its ports.
        """
        if sorted(ports) != sorted(self.ports):
            raise BoundaryError(
                "the ports of the circulation are not those of the 3D domain",
                where=self.model.circulation.origin or self.model.circulation.name,
                value=", ".join(self.ports),
                expected=", ".join(ports),
            )
        order = [self.ports.index(port) for port in ports]
        given: tuple[Port, ...] = self.model.circulation.ports
        turned = replace(self.model.circulation, ports=tuple(given[index] for index in order))
        return replace(self, model=build(turned), start_drives=self.initial_drives()[order])

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        """Advance from t - dt to t with the flows [m³/s] at t; see `hemoplan.circuit.BoundaryCircuit`.

        Raises:
            BoundaryError: The step has no solution, or a port is driven by pressure: `advance` is for that.
        """
        for port in self.model.circulation.ports:
            if port.drive != "flow":
                raise BoundaryError(
                    "this port is driven by pressure and has no pressure to answer with",
                    where=f"{self.model.circulation.name}: {port.name}",
                    value=port.drive,
                    expected="drive = 'flow'",
                )
        done = self.advance(state, flows, t, dt)
        return CircuitStep(pressures=done.response, dp_dq=done.tangent, state=done.state)

    def advance(self, state: FloatArray, drives: FloatArray, t: float, dt: float) -> PortStep:
        """Advance from t - dt to t with the drives at t: flows out of the 3D domain, or pressures at its patches.

        Args:
            state: (n + q,)
            drives: (q,) [m³/s] or [Pa], in the order of the ports.
            t: Time at the end of the step [s].
            dt: Length of the step [s].

        Raises:
            BoundaryError: The step has no solution.
        """
        model = self.model
        n, q = len(model.unknowns), len(model.inputs)
        if state.shape != (n + q,) or drives.shape != (len(self.ports),) or not dt > 0.0:
            got = f"{state.shape}, {drives.shape} and {dt}"
            raise ValueError(f"expected state ({n + q},), drives ({len(self.ports)},) and dt > 0, not {got}")
        network = model.network
        inputs = np.vstack([state[n:], state[n:]])
        inputs[1, : drives.size] = drives
        arrays, w = step_arrays(network), workspace(network)
        tangents = tangents_of(network, model.parameters.size, ports=q)
        arrays.start[:] = state[:n]
        begun = (t - dt) % model.period
        failure = single_step(network, model.parameters, model.period, begun, dt, inputs, arrays, w, tangents)
        if failure < 0:
            raise not_solved(model, -1 - failure, t)
        pressures = np.empty((1, len(model.nodes), q))
        flows = np.empty((1, len(model.edges), q))
        observe(
            network,
            model.parameters,
            model.period,
            np.array([begun + dt]),
            inputs[1:],
            arrays.start[np.newaxis],
            tangents.y[np.newaxis],
            np.eye(q),
            tangents,
            pressures,
            flows,
        )
        response, tangent = np.empty(drives.size), np.empty((drives.size, drives.size))
        for k, port in enumerate(model.circulation.ports):
            node = model.nodes.index(port.node)
            if port.drive == "flow":
                response[k] = w.pressure[node]
                tangent[k] = pressures[0, node, : drives.size]
            else:
                leaves = (network.edges["source"] == node) * 1.0 - (network.edges["target"] == node) * 1.0
                response[k] = leaves @ w.flow
                tangent[k] = leaves @ flows[0, :, : drives.size]
        return PortStep(response, tangent, np.concatenate([arrays.start, inputs[1]]))
