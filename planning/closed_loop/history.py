"""What the 3D simulation has found, as a beat of the whole circulation.

The solver knows the circulation behind the openings; what lies between them is three-dimensional. The branches of the
0D circulation that it stands for carry, at each moment, the flows that the openings' flows leave them: with A the
incidence of branches on compartments, and b the flow out of the 3D domain into each compartment (none into those that
the domain stands for),

    A q = b,    q of the least norm where branches form loops.

Where they form a tree, as in an arch with a duct, q is the only answer: the flow through the duct, say. Then every
number that a 0D beat is summarised by can be read from the 3D simulation too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.evaluation import evaluate
from lumped.engine.marching import History
from lumped.engine.network import workspace
from planning.closed_loop.loop import Loop
from planning.solver.circuit_record import BeatRecord


def whole_beat(loop: Loop, boundary: CirculationBoundary, record: BeatRecord, *, where: Path) -> History:
    """The last beat of a simulation as a beat of the whole circulation.

    What the beat leaves unfinished, the change of each volume over it, is taken out evenly in time, so that blood gases
    can be balanced over it.

    Args:
        loop: The variant's.
        boundary: What the solver was given.
        record: States of the boundary over the beat.
        where: The record's file, for messages.

    Raises:
        HemoplanError: The record is of another circulation.
    """
    n = len(boundary.model.unknowns)
    fits = record.states.shape[1] == n + len(boundary.ports) and sorted(record.ports) == sorted(
        boundary.ports
    )
    if not fits:
        raise HemoplanError(
            "the record of the beat belongs to another circulation",
            where=str(where),
            value=f"{record.states.shape[1]} states, ports {', '.join(record.ports)}",
            expected=f"{n + len(boundary.ports)} states, ports {', '.join(boundary.ports)}",
            remedy="run `hemoplan run CASE` again",
        )
    boundary = boundary.reordered(record.ports)
    behind = replay(boundary, record)
    model = build(loop.circulation)
    beat = History(
        model=model,
        times=behind.times,
        unknowns=np.zeros((len(behind.times), len(model.unknowns))),
        pressures=np.zeros((len(behind.times), len(model.nodes))),
        flows=np.zeros((len(behind.times), len(model.edges))),
    )
    for k, node in enumerate(model.nodes):
        if node in behind.model.nodes:
            beat.pressures[:, k] = behind.pressure(node)
    for k, edge in enumerate(model.edges):
        if edge in behind.model.edges:
            beat.flows[:, k] = behind.flow(edge)
    branches = branch_flows(loop, record.ports, record.states[:, n:])
    for name, flow in branches.items():
        beat.flows[:, model.edges.index(name)] = flow
    known = {(each.block, each.quantity): k for k, each in enumerate(behind.model.unknowns)}
    for k, each in enumerate(model.unknowns):
        if (each.block, each.quantity) in known:
            beat.unknowns[:, k] = behind.unknowns[:, known[each.block, each.quantity]]
        elif each.quantity == "flow":
            beat.unknowns[:, k] = branches[each.block]
        elif each.quantity == "volume":
            beat.unknowns[:, k] = loop.circulation.compartment(each.block).volume
    _close(beat)
    return beat


def replay(boundary: CirculationBoundary, record: BeatRecord) -> History:
    """Pressures and flows of the circulation behind the openings, evaluated at recorded states."""
    model = boundary.model
    n, count = len(model.unknowns), len(record.states)
    period = model.period
    history = History.empty(model, count - 1, period / (count - 1))
    w = workspace(model.network)
    for k, state in enumerate(record.states):
        share = (k / (count - 1)) % 1.0
        y = np.ascontiguousarray(state[:n])
        evaluate(model.network, model.parameters, period, share, np.ascontiguousarray(state[n:]), y, w)
        history.unknowns[k], history.pressures[k], history.flows[k] = y, w.pressure, w.flow
    return history


def shifted_volume(boundary: CirculationBoundary, record: BeatRecord) -> float:
    """Blood that has moved from some compartments to others over the beat, sum |dV| / 2 [m³]; none once it repeats."""
    volumes = [k for k, each in enumerate(boundary.model.unknowns) if each.quantity == "volume"]
    return 0.5 * float(np.abs(record.states[-1, volumes] - record.states[0, volumes]).sum())


def branch_flows(loop: Loop, ports: tuple[str, ...], flows: FloatArray) -> dict[str, FloatArray]:
    """(s,) flow through each branch that the 3D domain stands for [m³/s], from (s, p) flows out of it at the ports."""
    A, nodes = _incidence(loop)
    b = np.zeros((len(flows), len(nodes)))
    for k, port in enumerate(ports):
        b[:, nodes.index(loop.ports[port])] += flows[:, k]
    q = b @ np.linalg.pinv(A).T
    return {each.name: q[:, k] for k, each in enumerate(loop.branches)}


def port_flows(loop: Loop, history: History) -> dict[str, FloatArray]:
    """(s,) flow out of the place of the 3D domain at each opening [m³/s], from a beat of the whole circulation.

    Openings that meet one compartment share its flow evenly.
    """
    A, nodes = _incidence(loop)
    q = np.column_stack([history.flow(each.name) for each in loop.branches])
    into = q @ A.T
    met = list(loop.ports.values())
    return {opening: into[:, nodes.index(node)] / met.count(node) for opening, node in loop.ports.items()}


def _incidence(loop: Loop) -> tuple[FloatArray, list[str]]:
    """(m, k) 1 where a branch flows into a compartment and -1 where out of it, and the names of the compartments."""
    nodes = list(dict.fromkeys([*loop.ports.values(), *loop.inner]))
    A = np.zeros((len(nodes), len(loop.branches)))
    for k, each in enumerate(loop.branches):
        A[nodes.index(each.source), k] -= 1.0
        A[nodes.index(each.target), k] += 1.0
    return A, nodes


def _close(beat: History) -> None:
    """Take the change of each unknown over the beat out of it, evenly in time, in place."""
    share = (beat.times / beat.times[-1])[:, np.newaxis]
    beat.unknowns[:] -= share * (beat.unknowns[-1] - beat.unknowns[0])
