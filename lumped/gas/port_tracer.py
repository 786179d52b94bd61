"""Tracers and blood gases in the circuit behind the ports of a 3D domain, step by step: a `hemoplan.tracer.PortTracer`.

What leaves the 3D domain mixes with the blood behind its port; from there `lumped.gas.carriage` carries it through the
circuit with the blood that flows there, by an L-stable scheme of second order. What the 3D domain takes back is taken
from the compartment, so that nothing is made or lost between the two.

Oxygen and carbon dioxide are exchanged as over the beat that they start from: the contents of blood that leaves the
lungs and placentas, and what the tissues take, stay as they were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError
from hemoplan.tracer import Interval
from lumped.gas.blood import contents as contents_of
from lumped.gas.carriage import ENTERING, LUNGS, PLACENTAS, TISSUES, Graph, carry, graph_of
from lumped.gas.passage import Passage
from lumped.gas.port_passage import PortBlood
from lumped.gas.transport import GasBeat

GASES = ("oxygen", "carbon_dioxide")


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitTracer:
    """k tracers in a circuit of n compartments behind p ports.

    The state is the amounts in the compartments, (n k,).

    Attributes:
        blood: What carries them.
        tracers: (k,) names.
        start: (n k,) amounts at t = 0.
        graph: Where blood goes and is exchanged; the last p of its tissues are the ports.
        forcings: (f, k) contents of what is exchanged, and what tissues take; see `lumped.gas.carriage`.
    """

    blood: PortBlood
    tracers: tuple[str, ...]
    start: FloatArray
    graph: Graph
    forcings: FloatArray

    @property
    def ports(self) -> tuple[str, ...]:
        """(p,) names of the patches."""
        return self.blood.ports

    def initial_state(self) -> FloatArray:
        """(n k,) amounts at t = 0."""
        return self.start

    def contents(self, state: FloatArray, circuit: FloatArray) -> FloatArray:
        """(p, k) concentrations of the blood behind each port."""
        behind = self.blood.behind
        volumes = self.blood.volumes(circuit)[behind]
        return np.asarray(self._by_node(state)[behind] / volumes[:, np.newaxis])

    def amounts(self, state: FloatArray) -> FloatArray:
        """(k,) what the circuit holds of each."""
        return np.asarray(self._by_node(state).sum(axis=0))

    def step(self, state: FloatArray, leaving: FloatArray, interval: Interval) -> FloatArray:
        """(n k,) amounts at the end of an interval in which (p, k) amounts per second left the 3D domain.

        Raises:
            BoundaryError: More blood comes out of a compartment through a port than it holds.
        """
        passage = self.blood.passage(interval)
        self._check(passage, interval)
        forcings = np.vstack([self.forcings, -leaving])
        return carry(self.graph, passage, self._by_node(state), forcings).amounts.ravel()

    def _by_node(self, state: FloatArray) -> FloatArray:
        return state.reshape(-1, len(self.tracers))

    def _check(self, passage: Passage, interval: Interval) -> None:
        taken = -interval.dt * interval.flows
        held = passage.volumes.min(axis=0)[self.blood.behind]
        for port, volume, whole in zip(self.ports, taken, held, strict=True):
            if not volume < whole:
                raise BoundaryError(
                    "more blood comes back through a port in a step than is behind it, so that its tracers run out",
                    where=port,
                    value=f"{1e6 * volume:.3g} mL of {1e6 * whole:.3g} mL",
                    expected="less than there is",
                    remedy="choose a larger mixing volume behind the port, or a smaller time step",
                )


def passive_tracer(
    blood: PortBlood, circuit: FloatArray, contents: Mapping[str, Mapping[str, float]]
) -> CircuitTracer:
    """Tracers that blood carries and that nothing exchanges.

    Args:
        blood: Behind the ports.
        circuit: State of the circuit at t = 0.
        contents: By tracer: concentrations at t = 0 by compartment, zero in the others.

    Raises:
        BoundaryError: A compartment is not there.
    """
    volumes = blood.volumes(circuit)
    amounts = np.zeros((volumes.size, len(contents)))
    for column, by_node in enumerate(contents.values()):
        for name, content in by_node.items():
            if name not in blood.nodes:
                raise BoundaryError(
                    "a tracer starts in a compartment that the circuit does not have",
                    where=list(contents)[column],
                    value=name,
                    expected=f"one of {', '.join(blood.nodes)}",
                )
            amounts[blood.nodes.index(name), column] = content * volumes[blood.nodes.index(name)]
    passage = _first_passage(blood, circuit)
    nowhere = np.full(len(passage.edges), -1, dtype=np.int64)
    return CircuitTracer(
        blood=blood,
        tracers=tuple(contents),
        start=amounts.ravel(),
        graph=graph_of(passage, nowhere, nowhere, 0.0, blood.behind),
        forcings=np.zeros((TISSUES, len(contents))),
    )


def gas_tracer(blood: PortBlood, circuit: FloatArray, beat: GasBeat) -> CircuitTracer:
    """Oxygen and carbon dioxide [m³/m³ STPD], from a beat of the circulation without the 3D domain.

    Args:
        blood: Behind the ports.
        circuit: State of the circuit at t = 0.
        beat: At whose start the gases are; such as `lumped.gas.transport.periodic_gas` finds.

    A junction or a reservoir at a port, which the beat does not know, starts as the blood beside it.

    Raises:
        BoundaryError: A compartment of the circuit, a tissue, or what feeds a lung or a placenta is not in both.
    """
    sites, known = beat.sites, beat.passage
    passage = _first_passage(blood, circuit)
    names = (*blood.nodes, *passage.edges)
    ways = (sites.graph.ahead >= 0) | (sites.graph.back >= 0)
    fed = [name for name, way in zip(known.edges, ways, strict=True) if way]
    missing = [name for name in (*sites.tissues, *fed) if name not in names]
    beside = _beside(blood, passage, known.nodes)
    missing += [name for name, node in zip(blood.nodes, beside, strict=True) if node < 0]
    if missing:
        raise BoundaryError(
            "the gases of the circuit cannot start from this beat",
            where=", ".join(blood.ports),
            value=", ".join(missing),
            expected="compartments, tissues and lungs that are both in the beat and behind the ports",
        )
    ahead = np.full(len(passage.edges), -1, dtype=np.int64)
    back = ahead.copy()
    for e, name in enumerate(passage.edges):
        if name in known.edges:
            ahead[e] = sites.graph.ahead[known.edges.index(name)]
            back[e] = sites.graph.back[known.edges.index(name)]
    tissues = [blood.nodes.index(name) for name in sites.tissues]
    forcings = np.zeros((TISSUES + len(tissues), 2))
    oxygen, carbon_dioxide, *_ = contents_of(float(beat.alveolar[0]), float(beat.alveolar[1]), sites.blood)
    forcings[LUNGS] = oxygen, carbon_dioxide
    forcings[PLACENTAS] = sites.placental
    forcings[ENTERING] = beat.means.mean(axis=0)
    forcings[TISSUES:, 0] = beat.consumption
    forcings[TISSUES:, 1] = -sites.gas.respiratory_quotient * beat.consumption
    amounts = blood.volumes(circuit)[:, np.newaxis] * beat.contents[0, beside]
    return CircuitTracer(
        blood=blood,
        tracers=GASES,
        start=amounts.ravel(),
        graph=graph_of(
            passage,
            ahead,
            back,
            sites.gas.shunt_share,
            np.array([*tissues, *blood.behind], dtype=np.int64),
        ),
        forcings=forcings,
    )


def _beside(blood: PortBlood, passage: Passage, known: tuple[str, ...]) -> IntArray:
    """(n,) which of the known nodes each one is, or, at a port, a neighbour; -1 if none."""
    found = np.array([known.index(name) if name in known else -1 for name in blood.nodes], dtype=np.int64)
    beside = found.copy()
    for source, target in zip(passage.source, passage.target, strict=True):
        for node, other in ((source, target), (target, source)):
            if node in blood.behind and other >= 0 and beside[node] < 0:
                beside[node] = found[other]
    return beside


def _first_passage(blood: PortBlood, circuit: FloatArray) -> Passage:
    """A passage of no time, for the graph alone."""
    nothing = np.zeros(len(blood.ports))
    return blood.passage(Interval(t=0.0, dt=0.0, flows=nothing, before=circuit, after=circuit))
