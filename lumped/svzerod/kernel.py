"""Compiled march of a circuit E y' + F y + c(y, y', t) = 0 by the generalised-alpha method.

All that is compiled stands in this one file, as a compiled function is kept on disk until the file that it stands in
changes. The method is that of Jansen, Whiting & Hulbert 2000, DOI 10.1016/S0045-7825(00)00203-6, for the spectral
radius rho of infinitely short waves:

    alpha_m = (3 - rho) / (1 + rho) / 2,    alpha_f = 1 / (1 + rho),    gamma = 1/2 + alpha_m - alpha_f

The residual at (t + alpha_f dt, y + alpha_f dy, y' + alpha_m dy') is driven to zero by Newton's method, from y and
y' (1 - 1/gamma), which is the change of y' that leaves y as it is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, IntArray
from lumped.svzerod.laws import (
    ELASTANCE,
    EXPONENTIAL,
    FOLLOWER,
    HEART,
    MOONEY_RIVLIN,
    PIECEWISE_VALVE,
    PRODUCT,
    QUADRATIC,
    SOURCE,
    SPHERE,
    STENOSIS,
    TANH_VALVE,
    VARYING_CORONARY,
)

DONE = 0
STUCK = 1
UNSTABLE = 2
LOST = 3

LARGEST_LAW = 32
WEAKEST_PIVOT = 1e-8
"""A pivot that is smaller than this share of its column calls for another order of elimination."""


class Circuit(NamedTuple):
    """Equations as arrays. A slot is a place (row, column) at which the Jacobian may differ from zero.

    Attributes:
        slot_row, slot_column: (s,)
        rates, values: (s,) E and F.
        law_code, law_parameter: (l,) law, and where its parameters begin.
        row_start, rows: (l + 1,) equations of each law.
        column_start, columns: (l + 1,) unknowns that it looks at.
        value_start, value_slots: (l + 1,) slots of its dc/dy.
        rate_start, rate_slots: (l + 1,) slots of its dc/dy'.
        constant: 1 where the Jacobian never changes.
        memory_column, memory_parameter: (m,) flow that is remembered, and parameter that its convolution becomes.
        memory_start, memory_weights: (m + 1,) weights of the convolutions, one for each step of a period.
    """

    slot_row: IntArray
    slot_column: IntArray
    rates: FloatArray
    values: FloatArray
    law_code: IntArray
    law_parameter: IntArray
    row_start: IntArray
    rows: IntArray
    column_start: IntArray
    columns: IntArray
    value_start: IntArray
    value_slots: IntArray
    rate_start: IntArray
    rate_slots: IntArray
    constant: int
    memory_column: IntArray
    memory_parameter: IntArray
    memory_start: IntArray
    memory_weights: FloatArray


class Elimination(NamedTuple):
    """Program of an LU factorisation in a given order of pivots; see `lumped.svzerod.elimination`.

    Attributes:
        row_scale: (n,) factors of the rows.
        row_order, column_order: (n,) row and column of each pivot.
        place: (s,) where each slot of the Jacobian is kept.
        size: Number of entries kept, those that the elimination fills in included.
        pivot: (n,)
        lower_start, lower_entry, lower_position: (n + 1,) entries below each pivot.
        upper_start, upper_entry, upper_position: (n + 1,) entries right of each pivot.
        target: Entry of each product that is subtracted, in the order in which this is done.
    """

    row_scale: FloatArray
    row_order: IntArray
    column_order: IntArray
    place: IntArray
    size: int
    pivot: IntArray
    lower_start: IntArray
    lower_entry: IntArray
    lower_position: IntArray
    upper_start: IntArray
    upper_entry: IntArray
    upper_position: IntArray
    target: IntArray


@njit(cache=True)
def march(
    circuit: Circuit,
    elimination: Elimination,
    parameters: FloatArray,
    driven: IntArray,
    drivers: FloatArray,
    y: FloatArray,
    rates: FloatArray,
    dt: float,
    rho: float,
    tolerance: float,
    max_iterations: int,
    lenient: bool,
    first: int,
    ys: FloatArray,
    all_rates: FloatArray,
    history: FloatArray,
    counters: IntArray,
    jacobian: FloatArray,
    residual: FloatArray,
    unconverged: IntArray,
) -> tuple[int, int]:
    """Advance over the steps from `first` on; `y`, `rates`, `history` and `counters` are updated in place.

    Args:
        circuit: The equations.
        elimination: How to factorise their Jacobian.
        parameters: (p,) parameters of the laws; those that are driven are overwritten.
        driven: (d,) which are driven.
        drivers: (steps, d) their values at the middle of each step.
        y: (n,) unknowns.
        rates: (n,) their rates.
        dt: Time step.
        rho: Spectral radius of infinitely short waves.
        tolerance: Largest residual of a solution.
        max_iterations: Most iterations of Newton's method.
        lenient: Whether a step that has not converged by then is taken as it is.
        first: First step.
        ys: (steps, n) receives the unknowns at the end of each step.
        all_rates: (steps, n) receives their rates.
        history: Flows that are remembered, as long as the weights of the convolutions.
        counters: (m,) steps since the flows began to be remembered.
        jacobian: (s,) left as it was last.
        residual: (n,) left as it was last.
        unconverged: (1,) is raised by the number of steps that were taken without convergence.

    Returns:
        DONE, STUCK (no convergence), UNSTABLE (another order of elimination is needed) or LOST (not finite), and the
        step at which that was, which has not been taken.
    """
    n = y.size
    steps = drivers.shape[0]
    alpha_m = 0.5 * (3.0 - rho) / (1.0 + rho)
    alpha_f = 1.0 / (1.0 + rho)
    gamma = 0.5 + alpha_m - alpha_f
    lu = np.zeros(elimination.size)
    new = np.empty(n)
    new_rates = np.empty(n)
    middle = np.empty(n)
    middle_rates = np.empty(n)
    law_values = np.zeros(circuit.slot_row.size)
    law_rates = np.zeros(circuit.slot_row.size)
    shut = np.zeros(n, dtype=np.bool_)
    increment = np.empty(n)
    work = np.empty(n)
    factorised = False
    for step in range(first, steps):
        for k in range(driven.size):
            parameters[driven[k]] = drivers[step, k]
        _recall(circuit, parameters, history, counters)
        for i in range(n):
            new[i] = y[i]
            new_rates[i] = rates[i] * (1.0 - 1.0 / gamma)
        iteration = 0
        while True:
            for i in range(n):
                middle[i] = y[i] + (new[i] - y[i]) * alpha_f
                middle_rates[i] = rates[i] + (new_rates[i] - rates[i]) * alpha_m
            _evaluate(circuit, parameters, middle, middle_rates, residual, law_values, law_rates, shut)
            largest = 0.0
            for i in range(n):
                size = abs(residual[i])
                if not math.isfinite(size):
                    return LOST, step
                largest = max(largest, size)
            if largest < tolerance:
                break
            iteration += 1
            if iteration == max_iterations:
                if not lenient:
                    return STUCK, step
                unconverged[0] += 1
                break
            if not (factorised and circuit.constant):
                for s in range(jacobian.size):
                    jacobian[s] = alpha_m * (circuit.rates[s] + law_rates[s])
                    jacobian[s] += alpha_f * gamma * dt * (circuit.values[s] + law_values[s])
                if not _factorise(circuit, elimination, jacobian, lu):
                    return UNSTABLE, step
                factorised = True
            _solve(elimination, lu, residual, work, increment)
            for i in range(n):
                if shut[i]:
                    new[i] = 0.0
                new_rates[i] += increment[i]
                new[i] += gamma * dt * increment[i]
        for i in range(n):
            y[i] = new[i]
            rates[i] = new_rates[i]
            ys[step, i] = new[i]
            all_rates[step, i] = new_rates[i]
        _remember(circuit, y, history, counters)
    return DONE, steps


@njit(cache=True)
def _recall(circuit: Circuit, parameters: FloatArray, history: FloatArray, counters: IntArray) -> None:
    """Convolve the remembered flows, once a whole period of them is known."""
    for m in range(circuit.memory_column.size):
        begin, end = circuit.memory_start[m], circuit.memory_start[m + 1]
        length = end - begin
        total = 0.0
        if counters[m] >= length:
            for lag in range(1, length):
                total += circuit.memory_weights[begin + lag] * history[begin + (counters[m] - lag) % length]
        parameters[circuit.memory_parameter[m]] = total


@njit(cache=True)
def _remember(circuit: Circuit, y: FloatArray, history: FloatArray, counters: IntArray) -> None:
    for m in range(circuit.memory_column.size):
        begin = circuit.memory_start[m]
        length = circuit.memory_start[m + 1] - begin
        history[begin + counters[m] % length] = y[circuit.memory_column[m]]
        counters[m] += 1


@njit(cache=True)
def _factorise(circuit: Circuit, elimination: Elimination, jacobian: FloatArray, lu: FloatArray) -> bool:
    """Scale the rows and factorise; False where a pivot is too small."""
    lu[:] = 0.0
    for s in range(jacobian.size):
        lu[elimination.place[s]] = jacobian[s] * elimination.row_scale[circuit.slot_row[s]]
    done = 0
    for k in range(elimination.pivot.size):
        pivot = lu[elimination.pivot[k]]
        largest = 0.0
        for i in range(elimination.lower_start[k], elimination.lower_start[k + 1]):
            largest = max(largest, abs(lu[elimination.lower_entry[i]]))
        if not abs(pivot) > WEAKEST_PIVOT * largest:
            return False
        for i in range(elimination.lower_start[k], elimination.lower_start[k + 1]):
            entry = elimination.lower_entry[i]
            factor = lu[entry] / pivot
            lu[entry] = factor
            for j in range(elimination.upper_start[k], elimination.upper_start[k + 1]):
                lu[elimination.target[done]] -= factor * lu[elimination.upper_entry[j]]
                done += 1
    return True


@njit(cache=True)
def _solve(
    elimination: Elimination, lu: FloatArray, residual: FloatArray, work: FloatArray, increment: FloatArray
) -> None:
    n = residual.size
    for k in range(n):
        row = elimination.row_order[k]
        work[k] = residual[row] * elimination.row_scale[row]
    for k in range(n):
        for i in range(elimination.lower_start[k], elimination.lower_start[k + 1]):
            work[elimination.lower_position[i]] -= lu[elimination.lower_entry[i]] * work[k]
    for k in range(n - 1, -1, -1):
        total = work[k]
        for j in range(elimination.upper_start[k], elimination.upper_start[k + 1]):
            total -= lu[elimination.upper_entry[j]] * work[elimination.upper_position[j]]
        work[k] = total / lu[elimination.pivot[k]]
    for k in range(n):
        increment[elimination.column_order[k]] = work[k]


@njit(cache=True)
def _evaluate(
    circuit: Circuit,
    parameters: FloatArray,
    y: FloatArray,
    rates: FloatArray,
    residual: FloatArray,
    law_values: FloatArray,
    law_rates: FloatArray,
    shut: NDArray[np.bool_],
) -> None:
    """Set the residual -(E y' + F y + c), dc/dy and dc/dy', and which unknowns a valve holds at zero."""
    residual[:] = 0.0
    law_values[:] = 0.0
    law_rates[:] = 0.0
    shut[:] = False
    for s in range(circuit.slot_row.size):
        j = circuit.slot_column[s]
        residual[circuit.slot_row[s]] -= circuit.rates[s] * rates[j] + circuit.values[s] * y[j]
    x = np.empty(LARGEST_LAW)
    v = np.empty(LARGEST_LAW)
    c = np.empty(LARGEST_LAW)
    dy = np.empty(LARGEST_LAW)
    dv = np.empty(LARGEST_LAW)
    for law in range(circuit.law_code.size):
        begin = circuit.column_start[law]
        for k in range(circuit.column_start[law + 1] - begin):
            x[k] = y[circuit.columns[begin + k]]
            v[k] = rates[circuit.columns[begin + k]]
        code = circuit.law_code[law]
        _apply(code, parameters[circuit.law_parameter[law] :], x, v, c, dy, dv)
        if code == HEART:
            for flow, before, behind in ((5, 0, 6), (8, 6, 9), (12, 10, 13), (15, 13, 2)):
                if x[before] <= x[behind] and x[flow] <= 0.0:
                    shut[circuit.columns[begin + flow]] = True
        begin = circuit.row_start[law]
        for k in range(circuit.row_start[law + 1] - begin):
            residual[circuit.rows[begin + k]] -= c[k]
        begin = circuit.value_start[law]
        for k in range(circuit.value_start[law + 1] - begin):
            law_values[circuit.value_slots[begin + k]] += dy[k]
        begin = circuit.rate_start[law]
        for k in range(circuit.rate_start[law + 1] - begin):
            law_rates[circuit.rate_slots[begin + k]] += dv[k]


@njit(cache=True)
def _apply(
    code: int, p: FloatArray, x: FloatArray, v: FloatArray, c: FloatArray, dy: FloatArray, dv: FloatArray
) -> None:
    """Law `code` of the unknowns x and their rates v: c, and its derivatives at the places that the law lists."""
    if code == SOURCE:
        c[0] = p[0] * p[1] + p[2]
    elif code == PRODUCT:
        dy[0] = p[0] * p[1]
        c[0] = dy[0] * x[0]
    elif code == FOLLOWER:
        c[0] = p[0] * x[0]
    elif code == QUADRATIC:
        c[0] = -p[0] * abs(x[0]) * x[0]
        dy[0] = -2.0 * p[0] * abs(x[0])
    elif code == STENOSIS:
        resistance = p[0] * abs(x[0])
        c[0] = -resistance * x[0]
        c[1] = 2.0 * p[1] * resistance * v[0]
        dy[0] = -2.0 * resistance
        dy[1] = 2.0 * p[1] * p[0] * np.sign(x[0]) * v[0]
        dv[0] = 2.0 * p[1] * resistance
    elif code == TANH_VALVE:
        half = 0.5 * (p[1] - p[0])
        closing = math.tanh(p[2] * (x[2] - x[0]))
        c[0] = -half * x[1] * closing
        dy[0] = half * x[1] * p[2] * (1.0 - closing * closing)
        dy[1] = -half * closing
        dy[2] = -dy[0]
        c[1] = -0.5 * (1.0 + closing)
        dy[3] = 0.5 * p[2] * (1.0 - closing * closing)
        dy[4] = -dy[3]
    elif code == PIECEWISE_VALVE:
        dy[0] = -p[0] if x[2] < x[0] else -p[1]
        c[0] = dy[0] * x[1]
    elif code == ELASTANCE:
        dy[0] = -(p[1] + (p[0] - p[1]) * p[4])
        c[0] = dy[0] * (x[0] - p[3] - (p[2] - p[3]) * (1.0 - p[4]))
    elif code == EXPONENTIAL:
        c[0], dy[0] = _atrium(p[4], p[1], p[2], p[0], p[3], x[0])
    elif code == SPHERE:
        _sphere(p, x, v, c, dy, dv)
    elif code == HEART:
        _heart(p, x, c, dy)
    elif code == VARYING_CORONARY:
        Rv, Cim, Pv, offset, Ram, Pim = p[0], p[1], p[2], p[3], p[4], p[5]
        dy[0] = -(Rv + Ram)
        dv[0] = -Cim * Rv * Ram
        c[0] = Cim * (Pv - Pim - offset)
        c[1] = dy[0] * x[0] + dv[0] * v[0] + Ram * Cim * Pv - Cim * (Rv + Ram) * (Pim + offset)


@njit(cache=True)
def _atrium(
    activation: float, Kxp: float, Kxv: float, Emax: float, rest: float, volume: float
) -> tuple[float, float]:
    """Minus the pressure in an atrium, and its derivative by the volume."""
    grown = math.exp(Kxv * (volume - rest))
    value = -activation * Emax * (volume - rest) - (1.0 - activation) * Kxp * (grown - 1.0)
    slope = -activation * Emax - (1.0 - activation) * Kxp * Kxv * grown
    return value, slope


@njit(cache=True)
def _sphere(
    p: FloatArray, x: FloatArray, v: FloatArray, c: FloatArray, dy: FloatArray, dv: FloatArray
) -> None:
    thick, r0, eta, sigma, size, part = p[0], p[1], p[2], p[3], p[4], p[5]
    pressure, velocity, stress, tension = x[0], x[2], x[3], x[4]
    stretch = 1.0 + x[1] / r0
    stretching = v[1] / r0
    square = stretch * stretch
    sixth = square * square * square
    c[0] = thick / r0 * stretch * stress - pressure * square
    dy[0] = -square
    dy[1] = thick / (r0 * r0) * stress - 2.0 * pressure * stretch / r0
    dy[2] = thick / r0 * stretch
    elastic, stiffness = _wall_stress(p[6:], stretch)
    viscous = 1.0 + 2.0 / (sixth * sixth)
    c[1] = elastic + 2.0 * eta * stretch * stretching * viscous
    dy[3] = (stiffness + 2.0 * eta * stretching * (1.0 - 22.0 / (sixth * sixth))) / r0
    dv[0] = 2.0 * eta * stretch * viscous / r0
    c[2] = 4.0 * math.pi * r0 * r0 * square * velocity
    dy[4] = 8.0 * math.pi * r0 * stretch * velocity
    dy[5] = 4.0 * math.pi * r0 * r0 * square
    c[3] = size * tension - sigma * part
    dy[6] = size


@njit(cache=True)
def _wall_stress(p: FloatArray, stretch: float) -> tuple[float, float]:
    """Elastic stress of a sphere's wall and its derivative by the stretch; p[0] says which material."""
    square = stretch * stretch
    sixth = square * square * square
    factor = 1.0 - 1.0 / sixth
    factor_slope = 6.0 / (sixth * stretch)
    if p[0] == MOONEY_RIVLIN:
        stiff = p[1] + p[2] * square
        return 4.0 * factor * stiff, 4.0 * (factor_slope * stiff + 2.0 * factor * p[2] * stretch)
    shear = 2.0 * square + 1.0 / (square * square) - 3.0
    shear_slope = 4.0 * (stretch - stretch / sixth)
    fibre = square - 1.0
    first = 8.0 * p[1] * p[2] * math.exp(p[2] * shear * shear)
    second = 4.0 * p[3] * p[4] * math.exp(p[4] * fibre * fibre)
    value = first * factor * shear + second * fibre
    slope = first * (factor_slope * shear + factor * shear_slope * (1.0 + 2.0 * p[2] * shear * shear))
    slope += second * 2.0 * stretch * (1.0 + 2.0 * p[4] * fibre * fibre)
    return value, slope


@njit(cache=True)
def _heart(p: FloatArray, x: FloatArray, c: FloatArray, dy: FloatArray) -> None:
    atrial, right, left = p[0], p[1], p[2]
    c[:14] = 0.0
    c[0], dy[0] = _atrium(atrial, p[9], p[10], p[11], p[12], x[4])
    c[8], dy[1] = _atrium(atrial, p[13], p[14], p[15], p[16], x[11])
    c[4], dy[2] = -right * (x[7] - p[7]), -right
    c[11], dy[3] = -left * (x[14] - p[8]), -left
    tricuspid = 0.0 if x[0] <= x[6] and x[5] <= 0.0 else 1.0
    pulmonary = 0.0 if x[6] <= x[9] and x[8] <= 0.0 else 1.0
    mitral = 0.0 if x[10] <= x[13] and x[12] <= 0.0 else 1.0
    aortic = 0.0 if x[13] <= x[2] and x[15] <= 0.0 else 1.0
    c[1] = -aortic * x[15]
    c[7] = -pulmonary * x[8]
    c[2] = tricuspid * x[5]
    c[5] = pulmonary * x[8] - tricuspid * x[5]
    c[9] = mitral * x[12] - pulmonary * x[8]
    c[12] = aortic * x[15] - mitral * x[12]
    dy[4], dy[5], dy[6], dy[7], dy[8] = -aortic, -pulmonary, tricuspid, -tricuspid, pulmonary
    dy[9], dy[10], dy[11], dy[12] = -pulmonary, mitral, -mitral, aortic
    dy[13], dy[14], dy[15], dy[16] = p[3] * tricuspid, p[4] * pulmonary, p[5] * mitral, p[6] * aortic
    c[3] = dy[13] * x[5]
    c[6] = dy[14] * x[8]
    c[10] = dy[15] * x[12]
    c[13] = dy[16] * x[15]
