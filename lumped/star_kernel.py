"""One cardiac cycle of the surrogate with Windkessels behind its outlets, compiled.

BDF2 for the inertances and the exponential trapezoidal rule for the capacitors (see `lumped.windkessel`)
leave, for a given pressure p at the parting, one quadratic equation for each outlet,

    a Q + K |Q| Q = p - c,    a = R + Rp + Rd w1 + alpha L / dt > 0,

whose one real root rises with p. So a step is a scalar equation for p: sum of Q_k(p) = Q_in. Newton's method
solves it, guarded by a bracket.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray

MAX_ITERATIONS = 100
RELATIVE_TOLERANCE = 1e-12


@njit(cache=True)
def march(
    inflow: FloatArray,
    branches: FloatArray,
    windkessels: FloatArray,
    weights: FloatArray,
    dt: float,
    capacitors: FloatArray,
    last: FloatArray,
    before: FloatArray,
    fresh: bool,
    scale: float,
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Advance over the steps of `inflow`; `capacitors`, `last` and `before` are updated in place.

    Args:
        inflow: (m,) flow into the domain at the end of each step [m³/s].
        branches: (3, n) rows R, K, L.
        windkessels: (4, n) rows Rp, C, Rd, Pd.
        weights: (3, n) factors e^-a, w0 and w1 of a step.
        dt: Time step [s].
        capacitors: (n,) capacitor pressures [Pa].
        last: (n,) outlet flows at the start [m³/s].
        before: (n,) outlet flows one step earlier; not used if fresh.
        fresh: Whether the first step has no step before it, and is one of backward Euler.
        scale: Flow that the tolerance is relative to [m³/s].

    Returns:
        (m,) pressure at the parting, (m, n) outlet pressures and flows, and whether all steps converged.
    """
    steps, n = inflow.size, last.size
    junction = np.empty(steps)
    pressures = np.empty((steps, n))
    flows = np.empty((steps, n))
    slope = np.empty(n)
    offset = np.empty(n)
    flow = last.copy()
    p = 0.0
    for k in range(n):
        p += capacitors[k] / n
    converged = True
    for step in range(steps):
        alpha = 1.0 if fresh else 1.5
        for k in range(n):
            past = -last[k] if fresh else 0.5 * before[k] - 2.0 * last[k]
            slope[k] = branches[0, k] + branches[2, k] * alpha / dt
            offset[k] = branches[2, k] * past / dt
            Rp, Rd, Pd = windkessels[0, k], windkessels[2, k], windkessels[3, k]
            slope[k] += Rp + Rd * weights[2, k]
            offset[k] += Pd + weights[0, k] * (capacitors[k] - Pd) + Rd * weights[1, k] * last[k]
        low, high = -np.inf, np.inf
        solved = False
        for _ in range(MAX_ITERATIONS):
            surplus, rise = -inflow[step], 0.0
            for k in range(n):
                drive = p - offset[k]
                root = math.sqrt(slope[k] ** 2 + 4.0 * branches[1, k] * abs(drive))
                flow[k] = 2.0 * drive / (slope[k] + root)
                surplus += flow[k]
                rise += 1.0 / root
            if abs(surplus) <= RELATIVE_TOLERANCE * scale:
                solved = True
                break
            if surplus > 0.0:
                high = p
            else:
                low = p
            p -= surplus / rise
            if not low < p < high:
                p = 0.5 * (low + high)
        converged = converged and solved
        for k in range(n):
            Rp, Rd, Pd = windkessels[0, k], windkessels[2, k], windkessels[3, k]
            charge = weights[1, k] * last[k] + weights[2, k] * flow[k]
            capacitors[k] = Pd + weights[0, k] * (capacitors[k] - Pd) + Rd * charge
            pressures[step, k] = Rp * flow[k] + capacitors[k]
            flows[step, k] = flow[k]
            before[k] = last[k]
            last[k] = flow[k]
        junction[step] = p
        fresh = False
    return junction, pressures, flows, converged
