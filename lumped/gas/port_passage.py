"""The blood behind the ports of a 3D domain: what each compartment holds, and what passed between them in a step.

What a connection moves in a step is the trapezoidal rule of its flow, shifted as little as is needed for the volumes to
be met exactly with what the ports brought, as in `lumped.gas.passage`. The ports themselves are not among the
connections: what they bring is known.

A tracer that comes through a port mixes with the blood behind it. A junction or a reservoir holds none, so at a port it
is given a volume that stays the same: blood that passes is late by the time of mixing, volume over flow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.tracer import Interval
from lumped.blocks.compartment_laws import RESERVOIR
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.evaluation import evaluate
from lumped.engine.network import workspace
from lumped.gas.passage import Passage
from lumped.windkessel import WindkesselBank

MIXING_VOLUME = 1e-6
"""[m³] of a junction or a reservoir at a port, or behind a Windkessel's outlet: 1 mL, a part of a newborn's aorta."""
_LEAST_WEIGHT = 0.01
_SINGULAR = 1e-11


class PortBlood(Protocol):
    """The blood behind p ports, in n compartments and junctions with e connections."""

    @property
    def ports(self) -> tuple[str, ...]:
        """(p,) names of the patches."""
        ...

    @property
    def nodes(self) -> tuple[str, ...]:
        """(n,) names of compartments and junctions."""
        ...

    @property
    def behind(self) -> IntArray:
        """(p,) the node of each port."""
        ...

    def volumes(self, circuit: FloatArray) -> FloatArray:
        """(n,) blood in a state of the circuit [m³]; zero in a junction."""
        ...

    def passage(self, interval: Interval) -> Passage:
        """What passed between them in a step."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CirculationBlood:
    """The blood of a circulation behind ports: a `PortBlood`.

    Attributes:
        boundary: The circulation.
        mixing_volume: Of a junction or a reservoir at a port [m³].
    """

    boundary: CirculationBoundary
    mixing_volume: float = MIXING_VOLUME
    _held: IntArray = field(init=False, repr=False)
    _inner: IntArray = field(init=False, repr=False)
    _source: IntArray = field(init=False, repr=False)
    _target: IntArray = field(init=False, repr=False)
    _states: IntArray = field(init=False, repr=False)
    behind: IntArray = field(init=False)

    def __post_init__(self) -> None:
        model = self.boundary.model
        records = model.network
        at_ports = [model.nodes.index(port.node) for port in model.circulation.ports]
        held = [i for i in range(len(model.nodes)) if records.nodes["law"][i] != RESERVOIR or i in at_ports]
        outside = len(model.unknowns)
        position = np.full(len(model.nodes), -1, dtype=np.int64)
        position[held] = np.arange(len(held))
        by_row = {int(records.nodes["state"][i]): i for i in held if records.nodes["law"][i] != RESERVOIR}
        flow_ports = {port.name for port in model.circulation.ports if port.drive == "flow"}
        inner = [e for e, name in enumerate(model.edges) if name not in flow_ports]

        def ends(nodes: str, rows: str) -> IntArray:
            """A connection's flow enters a node's equation, or a reservoir that is a port, or goes outside."""
            found = np.full(len(inner), -1, dtype=np.int64)
            for k, e in enumerate(inner):
                row, node = int(records.edges[rows][e]), int(records.edges[nodes][e])
                if row < outside:
                    found[k] = position[by_row[row]]
                elif records.nodes["law"][node] == RESERVOIR:
                    found[k] = position[node]
            return found

        states = [model.state(model.nodes[i]) if self._holds_blood(i) else -1 for i in held]
        for name, value in (
            ("_held", held),
            ("_inner", inner),
            ("_source", ends("source", "row_from")),
            ("_target", ends("target", "row_to")),
            ("_states", states),
            ("behind", position[at_ports]),
        ):
            object.__setattr__(self, name, np.array(value, dtype=np.int64))

    @property
    def ports(self) -> tuple[str, ...]:
        """(p,) names of the patches."""
        return self.boundary.ports

    @property
    def nodes(self) -> tuple[str, ...]:
        """(n,) names of compartments and junctions, and of the reservoirs of ports."""
        return tuple(self.boundary.model.nodes[i] for i in self._held)

    def volumes(self, circuit: FloatArray) -> FloatArray:
        """(n,) blood in a state of the circulation [m³]."""
        volumes = np.where(self._states >= 0, circuit[self._states], 0.0)
        empty = self.behind[self._states[self.behind] < 0]
        volumes[empty] = self.mixing_volume
        return volumes

    def passage(self, interval: Interval) -> Passage:
        """What passed between the compartments in a step."""
        model, h = self.boundary.model, interval.dt
        begun = (interval.t - h) % model.period
        flows = self._flows(interval.before, begun) + self._flows(interval.after, begun + h)
        volumes = np.vstack([self.volumes(interval.before), self.volumes(interval.after)])
        wanted = volumes[1] - volumes[0]
        np.add.at(wanted, self.behind, -h * interval.flows)
        return Passage(
            nodes=self.nodes,
            edges=tuple(model.edges[e] for e in self._inner),
            source=self._source,
            target=self._target,
            step=h,
            volumes=volumes,
            moved=_balanced(0.5 * h * flows, self._source, self._target, wanted)[np.newaxis],
        )

    def _flows(self, circuit: FloatArray, t: float) -> FloatArray:
        """(e,) flows of the connections at a time since the start of a beat [m³/s]."""
        model = self.boundary.model
        n, w = len(model.unknowns), workspace(model.network)
        share = t / model.period
        evaluate(model.network, model.parameters, model.period, share, circuit[n:], circuit[:n], w)
        return np.asarray(w.flow[self._inner])

    def _holds_blood(self, node: int) -> bool:
        model = self.boundary.model
        state = int(model.network.nodes["state"][node])
        return state >= 0 and model.unknowns[state].quantity == "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindkesselBlood:
    """One compartment behind each outlet of a bank, whose blood is V = Vm + C (Pc - Pc at t = 0): a `PortBlood`.

    Attributes:
        bank: The Windkessels.
        mixing_volume: Vm [m³].
    """

    bank: WindkesselBank
    mixing_volume: float = MIXING_VOLUME

    @classmethod
    def of(cls, bank: WindkesselBank) -> Self:
        """With the usual volume."""
        return cls(bank=bank)

    @property
    def ports(self) -> tuple[str, ...]:
        """(p,) names of the outlets."""
        return self.bank.ports

    @property
    def nodes(self) -> tuple[str, ...]:
        """(p,) names of the outlets."""
        return self.bank.ports

    @property
    def behind(self) -> IntArray:
        """(p,) each has its own."""
        return np.arange(len(self.bank.ports))

    def volumes(self, circuit: FloatArray) -> FloatArray:
        """(p,) blood in a state of the bank [m³]."""
        compliance = self.bank.parameters[1]
        rise = circuit[: compliance.size] - np.array(self.bank.start_pressures)
        return np.asarray(self.mixing_volume + compliance * rise)

    def passage(self, interval: Interval) -> Passage:
        """What went to the veins in a step: what came, less what stayed."""
        volumes = np.vstack([self.volumes(interval.before), self.volumes(interval.after)])
        return Passage(
            nodes=self.nodes,
            edges=tuple(f"{port} to veins" for port in self.ports),
            source=self.behind,
            target=np.full(len(self.ports), -1, dtype=np.int64),
            step=interval.dt,
            volumes=volumes,
            moved=(interval.dt * interval.flows - volumes[1] + volumes[0])[np.newaxis],
        )


def _balanced(moved: FloatArray, source: IntArray, target: IntArray, wanted: FloatArray) -> FloatArray:
    """(e,) blood that connections move, shifted so that nodes gain what is wanted (n,); see `lumped.gas.passage`."""
    A = np.zeros((wanted.size, moved.size))
    inside = np.flatnonzero(source >= 0)
    A[source[inside], inside] -= 1.0
    inside = np.flatnonzero(target >= 0)
    A[target[inside], inside] += 1.0
    size = np.abs(moved)
    weights = size + _LEAST_WEIGHT * size.max(initial=0.0) + 1e-30
    weights /= weights.max()
    shift = (A * weights).T @ np.linalg.pinv((A * weights) @ A.T, rcond=_SINGULAR, hermitian=True)
    for _ in range(2):  # the second pass takes away the round-off of the first
        moved = moved + shift @ (wanted - A @ moved)
    return moved
