"""One time step: TR-BDF2 with Newton's method, halved where Newton fails.

With g = 2 - sqrt 2, d = g / 2 and w = sqrt 2 / 4, a step h from y0 at t takes two stages,

    y1 = y0 + d h (f0 + f1)                 at t + g h      (trapezoidal rule)
    y2 = y0 + h (w f0 + w f1 + d f2)        at t + h        (second backward difference)

It is of second order, L-stable and stiffly accurate, so that what a junction or a coupling demands holds at the end of
the step. Bank et al., IEEE Trans. Electron Devices 32, 1985, DOI 10.1109/T-ED.1985.22232; Hosea & Shampine, Appl.
Numer. Math. 20, 1996, DOI 10.1016/0168-9274(95)00115-8.
"""

from __future__ import annotations

from hemoplan.arrays import FloatArray
from lumped.compiled import compiled, inlined
from lumped.engine.network import Network, Workspace
from lumped.engine.scheme import GAMMA, D, W
from lumped.engine.stage import StepArrays, solve_stage
from lumped.engine.tangent import Tangents, accept_tangents, begin_tangents, end_tangents, stage_tangents

MAX_HALVINGS = 12


@inlined
def begin(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    u: FloatArray,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """Make junctions and couplings consistent with the volumes in `arrays.start`, and evaluate the rates there.

    Tangents of what has a rate are taken from `tangents.y`; those of the rest follow.

    Returns:
        0, or -1 - i with the failing equation.
    """
    for j in range(u.size):
        arrays.input[j] = u[j]
    for i in range(arrays.start.size):
        arrays.base[i] = arrays.start[i]
    failure = solve_stage(net, p, T, t, u, 0.0, arrays, arrays.start, w)
    if failure < 0:
        return failure
    for i in range(arrays.start.size):
        arrays.start_rate[i] = w.f[i]
    if tangents.y.shape[1] > 0:
        return begin_tangents(net, p, T, t, arrays, w, tangents)
    return 0


@inlined
def attempt(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    shares: tuple[float, float],
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """One step of TR-BDF2 from t to t + h, with inputs at its start, stage and end; 0 or the failing equation.

    `shares` are how far the stage and the end lie in the step that the ports' inputs belong to.
    """
    n = arrays.start.size
    for part in range(2):
        if part == 0:
            y, u, at = arrays.stage, arrays.stage_input, t + GAMMA * h
            for i in range(n):
                arrays.base[i] = arrays.start[i] + D * h * arrays.start_rate[i]
                y[i] = arrays.start[i] + GAMMA * h * arrays.start_rate[i] * net.unknowns[i].is_rate
        else:
            y, u, at = arrays.end, arrays.end_input, t + h
            for i in range(n):
                stage_rate = (arrays.stage[i] - arrays.base[i]) / (D * h)
                arrays.base[i] = arrays.start[i] + W * h * (arrays.start_rate[i] + stage_rate)
                bend = arrays.stage[i] - arrays.start[i] - GAMMA * h * arrays.start_rate[i]
                if net.unknowns[i].is_rate == 1.0:
                    y[i] = arrays.start[i] + h * arrays.start_rate[i] + bend / GAMMA**2
                else:
                    y[i] = arrays.start[i] + (arrays.stage[i] - arrays.start[i]) / GAMMA
        failure = solve_stage(net, p, T, at, u, D * h, arrays, y, w)
        if failure < 0:
            return failure
        if tangents.y.shape[1] > 0:
            if part == 0:
                failure = stage_tangents(net, p, T, at, h, shares[0], arrays, w, tangents)
            else:
                failure = end_tangents(net, p, T, at, h, shares[1], arrays, w, tangents)
            if failure < 0:
                return failure
    for i in range(n):
        arrays.end_rate[i] = (arrays.end[i] - arrays.base[i]) / (D * h)
    return 0


@compiled
def advance(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    u: FloatArray,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """From t to t + h in one step, or in 2, 4, … where Newton's method fails; inputs go linearly to u.

    On return `arrays.start`, `start_rate` and `input` hold the end, and the workspace is evaluated there. Tangents,
    if any, go along; those with respect to u start from zero.

    Returns:
        0, or -1 - i with the failing equation.
    """
    done, piece = 0.0, h
    halvings = 0
    while done < h * (1.0 - 1e-12):
        stage_share, end_share = (done + GAMMA * piece) / h, (done + piece) / h
        for j in range(u.size):
            arrays.stage_input[j] = arrays.input[j] + (u[j] - arrays.input[j]) * stage_share
            arrays.end_input[j] = arrays.input[j] + (u[j] - arrays.input[j]) * end_share
        failure = attempt(net, p, T, t + done, piece, (stage_share, end_share), arrays, w, tangents)
        if failure < 0:
            halvings += 1
            if halvings > MAX_HALVINGS:
                return failure
            piece *= 0.5
            continue
        for i in range(arrays.start.size):
            arrays.start[i] = arrays.end[i]
            arrays.start_rate[i] = arrays.end_rate[i]
        if tangents.y.shape[1] > 0:
            accept_tangents(tangents)
        done += piece
    for j in range(u.size):
        arrays.input[j] = u[j]
    return 0
