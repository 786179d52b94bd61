"""One implicit stage of a step: Newton's method with a line search, on the sparse Jacobian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.compiled import compiled, inlined
from lumped.engine.evaluation import differentiate, evaluate
from lumped.engine.network import Network, Workspace
from lumped.engine.sparse_lu import factorise, solve

MAX_ITERATIONS = 25
UPDATE_TOLERANCE = 1e-7
"""A Newton update below this share of the unknowns' sizes is the last; the next would be about its square."""
RESIDUAL_TOLERANCE = 1e-10
"""So small a residual, as a share of the equations' sizes, needs no update."""
DEMANDED_FALL = 0.9
ROUND_OFF = 1e-9
SMALLEST_SHARE = 0.05
"""A Newton update must bring the residual below this share of what it was; else it is halved, down to the smallest.
Without it, the root of a quadratic loss is jumped over for ever: from a drop D the next guess is -D."""


class StepArrays(NamedTuple):
    """What a step works on: (n,) the unknowns at its start, stage and end, and the rates at its start and end.

    `base` is the known part of a stage's equation, `update` the last Newton update; the inputs are (q,).
    """

    start: FloatArray
    stage: FloatArray
    end: FloatArray
    start_rate: FloatArray
    end_rate: FloatArray
    base: FloatArray
    update: FloatArray
    input: FloatArray
    stage_input: FloatArray
    end_input: FloatArray


def step_arrays(network: Network) -> StepArrays:
    """Arrays of the sizes that a network needs."""
    n, ports = network.unknowns.size, network.port_start.size - 1
    return StepArrays(*(np.zeros(n) for _ in range(7)), *(np.zeros(ports) for _ in range(3)))


@inlined
def residual_size(net: Network, w: Workspace, y: FloatArray, base: FloatArray, h: float) -> float:
    """Put -F in `w.right`, F = y - base - h f where there is a rate and -f elsewhere; its largest scaled entry."""
    size = 0.0
    for i in range(y.size):
        if net.unknowns[i].is_rate == 1.0:
            w.right[i] = base[i] + h * w.f[i] - y[i]
        else:
            w.right[i] = w.f[i]
        part = abs(w.right[i]) / net.unknowns[i].row_scale
        if not part < np.inf:
            return np.inf
        size = max(size, part)
    return size


@inlined
def factorise_step(net: Network, w: Workspace, h: float) -> int:
    """The factors of I - h J (-J where there is no rate), J the Jacobian in the workspace, in its place."""
    for s in range(net.slot_rate.size):
        w.values[s] *= -h * net.slot_rate[s] - (1.0 - net.slot_rate[s])
    for i in range(net.unknowns.size):
        w.values[net.unknowns[i].diagonal] += net.unknowns[i].is_rate
    return int(factorise(net, w.values))


@compiled
def solve_stage(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    u: FloatArray,
    h: float,
    arrays: StepArrays,
    y: FloatArray,
    w: Workspace,
) -> int:
    """Newton's method for y = base + h f(y, t), from the guess in y and in place; a step that overshoots is halved.

    The workspace is left as evaluated at the solution.

    Returns:
        0; or -1 - i where it fails, i the equation that is worst or whose pivot vanishes.
    """
    n = y.size
    iterations, share, update, before = 0, 1.0, np.inf, np.inf
    while True:
        evaluate(net, p, T, t / T, u, y, w)
        size = residual_size(net, w, y, arrays.base, h)
        if iterations > 0 and not size <= DEMANDED_FALL * before + ROUND_OFF and share > SMALLEST_SHARE:
            share *= 0.5
            for i in range(n):
                y[i] -= share * arrays.update[i]
            continue
        if size <= RESIDUAL_TOLERANCE or (update <= UPDATE_TOLERANCE and size < np.inf):
            return 0
        if not size < np.inf or iterations == MAX_ITERATIONS:
            return -1 - worst_row(net, w)
        differentiate(net, w)
        bad = factorise_step(net, w, h)
        if bad >= 0:
            return -1 - bad
        solve(net, w.values, w.right)
        update = 0.0
        for i in range(n):
            arrays.update[i] = w.right[i]
            y[i] += w.right[i]
            update = max(update, abs(w.right[i]) / net.unknowns[i].scale)
        iterations += 1
        share, before = 1.0, size


@compiled
def worst_row(net: Network, w: Workspace) -> int:
    """The equation with the largest scaled residual, or the first that is not a number."""
    worst, row = -1.0, 0
    for i in range(net.unknowns.size):
        part = abs(w.right[i]) / net.unknowns[i].row_scale
        if not part < np.inf:
            return i
        if part > worst:
            worst, row = part, i
    return row
