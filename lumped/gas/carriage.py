"""What flowing blood carries: amounts in compartments over a number of steps, for many columns at once.

The amount n = c V of something in compartment i follows, with the flow Q of a step and c of where it comes from,

    dn_i/dt = sum over inflow of ((1 - x) c_upstream + x c_exchange) Q - sum over outflow of c_i Q - m_i

x is the share of the inflow that meets alveolar gas or maternal blood, m_i what the tissue takes. A junction has no
volume: what leaves it has the mean content of what enters. Each step is taken with the flow that moves the step's
blood, by the L-stable DIRK scheme of two stages and second order (Alexander, SIAM J. Numer. Anal. 14, 1977, DOI
10.1137/0714068):

    n1 = n0 + g h f(n1),    n2 = n0 + (1 - g) h f(n1) + g h f(n2),    g = 1 - 1/sqrt(2)

Amounts change by what the connections carry alone, so that none is made or lost. All is linear in the amounts at the
start and in the forcings: contents of what is exchanged and of what comes from outside, and what is consumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from lumped.compiled import inlined, unlocked
from lumped.engine.sparse_lu import factorise, plan_elimination, solve_many
from lumped.gas.passage import Passage

GAMMA = 1.0 - math.sqrt(0.5)

LUNGS, PLACENTAS, ENTERING, TISSUES = 0, 1, 2, 3
"""Forcings: contents of end-capillary blood, of umbilical venous blood and of blood from outside; from the last one on
what each tissue takes, per second."""


class Graph(NamedTuple):
    """Where blood goes, for the kernel.

    Attributes:
        source, target: (e,) nodes at the ends of each connection, -1 for outside.
        ahead, back: (e,) forcing that blood meets as it flows to the target, or back to the source; -1 for none.
        exposed: (2,) share of that blood which meets it, for `LUNGS` and `PLACENTAS`.
        tissues: (t,) node of each tissue.
        diagonal: (n,) slot of each diagonal entry.
        down, up: (e,) slots of (target, source) and (source, target).
        pivots, lower, upper, updates: The elimination; see `lumped.engine.sparse_lu`.
        size: Slots in all.
    """

    source: IntArray
    target: IntArray
    ahead: IntArray
    back: IntArray
    exposed: FloatArray
    tissues: IntArray
    diagonal: IntArray
    down: IntArray
    up: IntArray
    pivots: Any
    lower: Any
    upper: Any
    updates: IntArray
    size: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What was carried, for c columns.

    Attributes:
        amounts: (n, c) in the compartments at the end [m³ STPD].
        means: (n, c) time mean of the contents [m³/m³ STPD].
        ahead, back: (e, c) carried from source to target, and from target to source [m³ STPD], as it leaves.
        trace: (s + 1, n, c) contents at each step; empty if not asked for.
    """

    amounts: FloatArray
    means: FloatArray
    ahead: FloatArray
    back: FloatArray
    trace: FloatArray


def graph_of(passage: Passage, ahead: IntArray, back: IntArray, shunt: float, tissues: IntArray) -> Graph:
    """The graph of a passage; arguments as in `Graph`, `shunt` the share of the lungs' flow that meets no gas."""
    links = {
        (int(a), int(b))
        for a, b in zip(passage.source, passage.target, strict=True)
        if a >= 0 and b >= 0 and a != b
    }
    n = len(passage.nodes)
    plan = plan_elimination(n, links | {(b, a) for a, b in links}, set())

    def slots(rows: IntArray, columns: IntArray) -> IntArray:
        found = [plan.slots.get((int(i), int(j)), -1) for i, j in zip(rows, columns, strict=True)]
        return np.array(found, dtype=np.int64)

    everyone = np.arange(n)
    return Graph(
        source=passage.source,
        target=passage.target,
        ahead=ahead,
        back=back,
        exposed=np.array([1.0 - shunt, 1.0]),
        tissues=tissues,
        diagonal=slots(everyone, everyone),
        down=slots(passage.target, passage.source),
        up=slots(passage.source, passage.target),
        pivots=plan.pivots,
        lower=plan.lower,
        upper=plan.upper,
        updates=plan.updates,
        size=len(plan.slots),
    )


def carry(
    graph: Graph, passage: Passage, start: FloatArray, forcings: FloatArray, *, trace: bool = False
) -> Carried:
    """Carry c columns over the steps of a passage.

    Args:
        graph: Of the passage.
        passage: Of the blood.
        start: (n, c) amounts at the start [m³ STPD].
        forcings: (f, c) of each column, in the order of the constants above.
        trace: Whether the contents at each step are wanted.
    """
    n, c = start.shape
    amounts = np.array(start, dtype=np.float64, order="C")
    means = np.zeros((n, c))
    ahead, back = np.zeros((passage.source.size, c)), np.zeros((passage.source.size, c))
    kept = np.zeros((passage.volumes.shape[0] if trace else 0, n, c))
    _carry(
        graph,
        passage.step,
        passage.volumes,
        passage.moved,
        np.ascontiguousarray(forcings),
        amounts,
        means,
        ahead,
        back,
        kept,
    )
    return Carried(amounts, means, ahead, back, kept)


@unlocked
def _carry(
    graph: Any,
    h: float,
    volumes: FloatArray,
    moved: FloatArray,
    forcings: FloatArray,
    amounts: FloatArray,
    means: FloatArray,
    ahead: FloatArray,
    back: FloatArray,
    trace: FloatArray,
) -> None:
    """March the amounts and fill the rest; see `Carried`."""
    steps, (n, c) = moved.shape[0], amounts.shape
    values = np.zeros(graph.size)
    content, first, second = np.zeros((n, c)), np.zeros((n, c)), np.zeros((n, c))
    rates = np.zeros((n, c))
    for i in range(n):
        if volumes[0, i] > 0.0:
            content[i] = amounts[i] / volumes[0, i]
    # A junction holds nothing: its content at the start is that of what enters in the first step.
    _stage(graph, volumes[0], moved[0], h, forcings, amounts, content, values, first)
    for i in range(n):
        if volumes[0, i] == 0.0:
            content[i] = first[i]
    if trace.shape[0] > 0:
        trace[0] = content
    for k in range(steps):
        between = volumes[k] + GAMMA * (volumes[k + 1] - volumes[k])
        _stage(graph, between, moved[k], h, forcings, amounts, content, values, first)
        _exchange(graph, moved[k], h, forcings, first, 1.0 - GAMMA, rates, ahead, back)
        amounts += rates
        _stage(graph, volumes[k + 1], moved[k], h, forcings, amounts, content, values, second)
        _exchange(graph, moved[k], h, forcings, second, GAMMA, rates, ahead, back)
        amounts += rates
        means += 0.5 / steps * content
        content[:] = second
        means += 0.5 / steps * content
        if trace.shape[0] > 0:
            trace[k + 1] = content


@inlined
def _stage(
    graph: Any,
    V: FloatArray,
    moved: FloatArray,
    h: float,
    forcings: FloatArray,
    known: FloatArray,
    last: FloatArray,
    values: FloatArray,
    content: FloatArray,
) -> None:
    """Solve c V = known + GAMMA h f(c) for the contents c of one stage."""
    values[:] = 0.0
    content[:] = known
    for i in range(V.size):
        values[graph.diagonal[i]] = V[i]
    for e in range(moved.size):
        F = GAMMA * moved[e]
        if F >= 0.0:
            origin, end, slot, met = graph.source[e], graph.target[e], graph.down[e], graph.ahead[e]
        else:
            F = -F
            origin, end, slot, met = graph.target[e], graph.source[e], graph.up[e], graph.back[e]
        exposed = 0.0
        if met >= 0:
            exposed = graph.exposed[met]
            content[end] += exposed * F * forcings[met]
        if origin >= 0:
            values[graph.diagonal[origin]] += F
            if end >= 0:
                values[slot] -= (1.0 - exposed) * F
        elif end >= 0:
            content[end] += (1.0 - exposed) * F * forcings[ENTERING]
    for t in range(graph.tissues.size):
        content[graph.tissues[t]] -= GAMMA * h * forcings[TISSUES + t]
    for i in range(V.size):
        if values[graph.diagonal[i]] == 0.0:  # a junction that nothing passes
            values[graph.diagonal[i]] = 1.0
            content[i] = last[i]
    factorise(graph, values)
    solve_many(graph, values, content)


@inlined
def _exchange(
    graph: Any,
    moved: FloatArray,
    h: float,
    forcings: FloatArray,
    content: FloatArray,
    weight: float,
    rates: FloatArray,
    ahead: FloatArray,
    back: FloatArray,
) -> None:
    """What the connections and the tissues change in a stage, times its weight."""
    rates[:] = 0.0
    for e in range(moved.size):
        F = weight * moved[e]
        forward = F >= 0.0
        if forward:
            origin, end, met = graph.source[e], graph.target[e], graph.ahead[e]
        else:
            F = -F
            origin, end, met = graph.target[e], graph.source[e], graph.back[e]
        exposed = 0.0
        if met >= 0:
            exposed = graph.exposed[met]
        for c in range(content.shape[1]):
            if origin >= 0:
                leaves = F * content[origin, c]
                rates[origin, c] -= leaves
            else:
                leaves = F * forcings[ENTERING, c]
            if forward:
                ahead[e, c] += leaves
            else:
                back[e, c] += leaves
            if end >= 0:
                arrives = leaves
                if met >= 0:
                    arrives = (1.0 - exposed) * leaves + exposed * F * forcings[met, c]
                rates[end, c] += arrives
    for t in range(graph.tissues.size):
        rates[graph.tissues[t]] -= weight * h * forcings[TISSUES + t]
