"""How much blood passes through each connection in each step of a history, balanced with the volumes to round-off.

What a connection moves in a step is the trapezoidal rule of its flow, shifted as little as is needed for the volumes
of the history to be met exactly: with A the incidence matrix, and W weights that let the large flows take the shift,

    moved = Q h + W A' (A W A')⁺ (dV - A Q h)

The shift is of the size of the integration error. Without it, blood of one content all over would not keep its content.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from lumped.blocks.compartment_laws import RESERVOIR
from lumped.engine.marching import History

_LEAST_WEIGHT = 0.01
_SINGULAR = 1e-11


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The passage of blood through the compartments and junctions of a circulation over a number of steps.

    Attributes:
        nodes: (n,) names of compartments and junctions.
        edges: (e,) names of connections.
        source, target: (e,) index of the nodes at their ends; -1 for a reservoir and for what is outside.
        step: [s].
        volumes: (s + 1, n) blood [m³]; zero in a junction.
        moved: (s, e) blood that goes from source to target in each step [m³].
    """

    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    source: IntArray
    target: IntArray
    step: float
    volumes: FloatArray
    moved: FloatArray

    @property
    def duration(self) -> float:
        """Of all steps [s]."""
        return self.step * self.moved.shape[0]

    def feeds(self, node: str) -> IntArray:
        """(e,) 1 where a connection brings the node more than it takes, -1 where it does so backward, else 0."""
        index, net = self.nodes.index(node), self.moved.sum(axis=0)
        inward = ((self.target == index) & (net > 0.0)).astype(np.int64)
        return np.asarray(inward - ((self.source == index) & (net < 0.0)).astype(np.int64))


def passage_of(history: History) -> Passage:
    """The passage of blood in a history."""
    model, records = history.model, history.model.network
    held = [i for i in range(len(model.nodes)) if records.nodes["law"][i] != RESERVOIR]
    # A flow enters the equation of the node at each of its ends; that of a reservoir, or outside, is the last.
    index = np.full(len(model.unknowns) + 1, -1, dtype=np.int64)
    index[records.nodes["state"][held].astype(np.int64)] = np.arange(len(held))
    source = index[records.edges["row_from"].astype(np.int64)]
    target = index[records.edges["row_to"].astype(np.int64)]
    volumes = np.zeros((history.times.size, len(held)))
    for k, i in enumerate(held):
        if _has_volume(history, i):
            volumes[:, k] = history.unknowns[:, records.nodes["state"][i]]
    A = np.zeros((len(held), len(model.edges)))
    for e in range(len(model.edges)):
        if source[e] >= 0:
            A[source[e], e] -= 1.0
        if target[e] >= 0:
            A[target[e], e] += 1.0
    step = float(history.times[1] - history.times[0])
    moved = 0.5 * step * (history.flows[1:] + history.flows[:-1])
    size = np.abs(moved).mean(axis=0)
    weights = size + _LEAST_WEIGHT * size.max() + 1e-30
    weights /= weights.max()
    inverse = np.linalg.pinv((A * weights) @ A.T, rcond=_SINGULAR, hermitian=True)
    shift = (A * weights).T @ inverse
    # A second pass takes away the round-off of the first.
    for _ in range(2):
        moved = moved + (np.diff(volumes, axis=0) - moved @ A.T) @ shift.T
    return Passage(
        nodes=tuple(model.nodes[i] for i in held),
        edges=model.edges,
        source=source,
        target=target,
        step=step,
        volumes=volumes,
        moved=moved,
    )


def _has_volume(history: History, node: int) -> bool:
    state = int(history.model.network.nodes["state"][node])
    return state >= 0 and history.model.unknowns[state].quantity == "volume"
