"""Derivatives that go along with a step: of the unknowns with respect to where a beat starts, parameters and inputs.

Each stage is an implicit equation, so the derivative of its solution solves a linear system with the matrix of the
converged Newton iteration. The columns of a tangent are, in this order, the directions of the start, the directions in
the space of parameters, and the ports' inputs at the end of the step. The forcing df/dp of a direction is a complex
step of the rates, exact to round-off; the period is a direction too, as h f is a share of the beat times T f.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.compiled import compiled, unlocked
from lumped.engine.borrowing import borrowed
from lumped.engine.evaluation import differentiate, evaluate
from lumped.engine.network import Network, Workspace, workspace
from lumped.engine.scheme import D, W
from lumped.engine.sparse_lu import solve_many
from lumped.engine.stage import StepArrays, factorise_step

STEP = 1e-30
"""Relative size of the imaginary step; nothing is subtracted, so it may be as small as one likes."""


class Tangents(NamedTuple):
    """Derivatives of the unknowns and of their rates in c directions.

    Attributes:
        y, rate: (n, c) at the start of the step.
        stage: (n, c) at its stage.
        end, end_rate: (n, c) at its end.
        base: (n, c) the known part of a stage's equation.
        forcing: (n, c) df/dp of each direction.
        first: How many directions of the start come before those of the parameters.
        directions: (d, parameters) each a direction in the space of parameters.
        periods: (d,) what each does to the period [s].
        parameters, unknowns, inputs: Complex (p,), (n,) and (q,), and the workspace that goes with them.
    """

    y: FloatArray
    rate: FloatArray
    stage: FloatArray
    end: FloatArray
    end_rate: FloatArray
    base: FloatArray
    forcing: FloatArray
    first: int
    directions: FloatArray
    periods: FloatArray
    parameters: Any
    unknowns: Any
    inputs: Any
    complex_workspace: Workspace


def tangents_of(
    network: Network,
    parameters: int,
    *,
    start: int = 0,
    directions: FloatArray | None = None,
    periods: FloatArray | None = None,
    ports: int = 0,
) -> Tangents:
    """Zero tangents.

    Args:
        network: Structure of the circulation.
        parameters: How many parameters it has.
        start: How many directions of the start are wanted.
        directions: (d, parameters) directions in the space of parameters.
        periods: (d,) what each does to the period [s]; nothing if not given.
        ports: How many ports' inputs are wanted.
    """
    n = network.unknowns.size
    along = np.zeros((0, parameters)) if directions is None else np.ascontiguousarray(directions)
    columns = start + along.shape[0] + ports
    y, rate, stage, end, end_rate, base, forcing = (np.zeros((n, columns)) for _ in range(7))
    return Tangents(
        y=y,
        rate=rate,
        stage=stage,
        end=end,
        end_rate=end_rate,
        base=base,
        forcing=forcing,
        first=start,
        directions=along,
        periods=np.zeros(along.shape[0]) if periods is None else np.ascontiguousarray(periods),
        parameters=np.zeros(parameters, np.complex128),
        unknowns=np.zeros(n, np.complex128),
        inputs=np.zeros(network.port_start.size - 1, np.complex128),
        complex_workspace=workspace(network, np.complex128),
    )


@compiled
def force(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    u: FloatArray,
    share: float,
    y: FloatArray,
    w: Workspace,
    tangents: Tangents,
) -> None:
    """Fill the forcing: T d(f)/dp + f dT/dp over T for the parameters, and `share` of df/du for the ports."""
    forcing = tangents.forcing
    for i in range(forcing.shape[0]):
        for c in range(forcing.shape[1]):
            forcing[i, c] = 0.0
    p_, y_, u_, w_ = tangents.parameters, tangents.unknowns, tangents.inputs, tangents.complex_workspace
    for j in range(u.size):
        u_[j] = complex(u[j], 0.0)
    for k in range(tangents.directions.shape[0]):
        size = abs(tangents.periods[k]) / T
        for i in range(p.size):
            if p[i] != 0.0:
                size = max(size, abs(tangents.directions[k, i] / p[i]))
            elif tangents.directions[k, i] != 0.0:
                size = max(size, 1.0)
        if size == 0.0:
            continue
        step = STEP / size
        for i in range(p.size):
            p_[i] = complex(p[i], step * tangents.directions[k, i])
        for i in range(y.size):
            y_[i] = complex(y[i], 0.0)
        period = complex(T, step * tangents.periods[k])
        evaluate(net, p_, period, t / T, u_, y_, w_)
        for i in range(y.size):
            forcing[i, tangents.first + k] = (period * w_.f[i]).imag / (step * T)
    column = tangents.first + tangents.directions.shape[0]
    for j in range(forcing.shape[1] - column):
        for k in range(net.port_start[j], net.port_start[j + 1]):
            entry = net.port_entries[k]
            forcing[entry.index, column + j] = share * w.values[entry.slot]


@compiled
def begin_tangents(
    net: Network, p: FloatArray, T: float, t: float, arrays: StepArrays, w: Workspace, tangents: Tangents
) -> int:
    """Tangents of junctions and couplings, and of all rates, at the start; the workspace is evaluated there."""
    differentiate(net, w)
    force(net, p, T, t, arrays.input, 0.0, arrays.start, w, tangents)
    jacobian = w.values.copy()
    n, columns = tangents.y.shape
    for i in range(n):
        if net.unknowns[i].is_rate == 0.0:
            for c in range(columns):
                tangents.y[i, c] = tangents.forcing[i, c]
    bad = factorise_step(net, w, 0.0)
    if bad >= 0:
        return -1 - bad
    solve_many(net, w.values, tangents.y)
    for i in range(n):
        for c in range(columns):
            tangents.rate[i, c] = tangents.forcing[i, c]
    multiply_add(net, jacobian, tangents.y, tangents.rate)
    return 0


@unlocked
def observe(
    net: Network,
    p: FloatArray,
    T: float,
    times: FloatArray,
    inputs: FloatArray,
    unknowns: FloatArray,
    slopes: FloatArray,
    input_slopes: FloatArray,
    tangents: Tangents,
    pressure_slopes: FloatArray,
    flow_slopes: FloatArray,
) -> None:
    """Derivatives of node pressures and edge flows from those of the unknowns, by a complex step.

    Args:
        net, p, T: The circulation.
        times: (s,) moments, since the start of a beat [s].
        inputs: (s, q)
        unknowns: (s, n)
        slopes: (s, n, c) of the unknowns, c the directions in the space of parameters and the ports.
        input_slopes: (q, c) of the inputs.
        tangents: Directions.
        pressure_slopes, flow_slopes: (s, m, c) and (s, e, c), filled.
    """
    net, p, times, inputs, unknowns = (
        borrowed(net),
        borrowed(p),
        borrowed(times),
        borrowed(inputs),
        borrowed(unknowns),
    )
    slopes, tangents = borrowed(slopes), borrowed(tangents)
    p_, y_, u_, w_ = tangents.parameters, tangents.unknowns, tangents.inputs, tangents.complex_workspace
    for c in range(slopes.shape[2]):
        for i in range(p.size):
            slope = tangents.directions[c, i] if c < tangents.directions.shape[0] else 0.0
            p_[i] = complex(p[i], STEP * slope)
        period = complex(T, STEP * tangents.periods[c] if c < tangents.directions.shape[0] else 0.0)
        for k in range(times.size):
            for i in range(y_.size):
                y_[i] = complex(unknowns[k, i], STEP * slopes[k, i, c])
            for j in range(u_.size):
                u_[j] = complex(inputs[k, j], STEP * input_slopes[j, c])
            evaluate(net, p_, period, times[k] / T, u_, y_, w_)
            for i in range(w_.pressure.size):
                pressure_slopes[k, i, c] = w_.pressure[i].imag / STEP
            for i in range(w_.flow.size):
                flow_slopes[k, i, c] = w_.flow[i].imag / STEP


@compiled
def multiply_add(net: Network, values: FloatArray, x: FloatArray, out: FloatArray) -> None:
    """out += J x, for J in the slots of the elimination."""
    for k in range(net.pivots.size):
        pivot = net.pivots[k]
        row = pivot.row
        for c in range(x.shape[1]):
            out[row, c] += values[pivot.diagonal] * x[row, c]
        for low in range(pivot.lower, pivot.lower_end):
            entry = net.lower[low]
            for c in range(x.shape[1]):
                out[entry.index, c] += values[entry.slot] * x[row, c]
        for up in range(pivot.upper, pivot.upper_end):
            entry = net.upper[up]
            for c in range(x.shape[1]):
                out[row, c] += values[entry.slot] * x[entry.index, c]


@compiled
def stage_tangents(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    share: float,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """Tangents at the stage of a step whose Newton iteration has converged; the workspace is evaluated there.

    Leaves the known part of the equation of its end in `tangents.base`.
    """
    n, columns = tangents.y.shape
    for i in range(n):
        for c in range(columns):
            tangents.base[i, c] = tangents.y[i, c] + D * h * tangents.rate[i, c]
    failure = _solve_tangents(
        net, p, T, t, h, share, arrays.stage_input, arrays.stage, w, tangents, tangents.stage
    )
    for i in range(n):
        for c in range(columns):
            stage_rate = (tangents.stage[i, c] - tangents.base[i, c]) / (D * h)
            tangents.base[i, c] = tangents.y[i, c] + W * h * (tangents.rate[i, c] + stage_rate)
    return failure


@compiled
def end_tangents(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    share: float,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """Tangents at the end of a step, after those of its stage; the workspace is evaluated at the end."""
    failure = _solve_tangents(net, p, T, t, h, share, arrays.end_input, arrays.end, w, tangents, tangents.end)
    n, columns = tangents.y.shape
    for i in range(n):
        for c in range(columns):
            tangents.end_rate[i, c] = (tangents.end[i, c] - tangents.base[i, c]) / (D * h)
    return failure


@compiled
def _solve_tangents(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    share: float,
    u: FloatArray,
    y: FloatArray,
    w: Workspace,
    tangents: Tangents,
    solution: FloatArray,
) -> int:
    """(I - d h J) x = base + d h forcing where there is a rate, -J x = forcing elsewhere; 0 or what fails."""
    differentiate(net, w)
    force(net, p, T, t, u, share, y, w, tangents)
    n, columns = solution.shape
    for i in range(n):
        for c in range(columns):
            if net.unknowns[i].is_rate == 1.0:
                solution[i, c] = tangents.base[i, c] + D * h * tangents.forcing[i, c]
            else:
                solution[i, c] = tangents.forcing[i, c]
    bad = factorise_step(net, w, D * h)
    if bad >= 0:
        return -1 - bad
    solve_many(net, w.values, solution)
    return 0


@compiled
def accept_tangents(tangents: Tangents) -> None:
    """The end of a step is the start of the next."""
    n, columns = tangents.y.shape
    for i in range(n):
        for c in range(columns):
            tangents.y[i, c] = tangents.end[i, c]
            tangents.rate[i, c] = tangents.end_rate[i, c]
