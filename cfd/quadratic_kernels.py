"""Compiled loops over the cells for P2 velocity and P1 pressure, in two and three dimensions.

With the reference basis phi and its derivatives tabulated at quadrature points, the barycentric gradients g_a of a
cell of volume V and W_a = w.g_a, the a-th reference component of the convecting velocity, the convection matrix is

    C_ij = rho V sum_q weight_q phi_i (sum_a W_a d_a phi_j + skew (sum_a d_a W_a) phi_j).

It is evaluated for `LANES` cells side by side, so that the innermost loops fill the processor's vector registers.
All arrays are over local nodes (owned and ghost); contributions to ghosts are summed by the caller.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray

type Nodes = NDArray[np.int32]

LANES = 8
"""Cells that are computed side by side: doubles in a vector register of 512 bits."""


@njit(cache=True, fastmath=True)
def add_convection(
    cells: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    slots: Nodes,
    weights: FloatArray,
    shape: FloatArray,
    slope: FloatArray,
    density: float,
    skew: float,
    convecting: FloatArray,
    matrix: FloatArray,
) -> None:
    """Add the convection matrix rho (w.grad u + skew (div w) u, v).

    Args:
        cells, gradients, volumes, slots: See `cfd.elements.Elements`.
        weights, shape, slope: See `cfd.reference_element.ReferenceElement`; exact for degree 5.
        density: rho [kg/m³].
        skew: 1/2 in the skew-symmetric form, 0 in the convective form.
        convecting: (n, d) w [m/s].
        matrix: Values of the local matrix; added to.
    """
    count, m = cells.shape
    d = gradients.shape[2]
    points = weights.size
    w = np.empty((m, d, LANES))
    along = np.empty((points, m, LANES))
    at = np.empty((d, LANES))
    scale = np.empty(LANES)
    divergence = np.empty(LANES)
    total = np.empty((m * m, LANES))
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        w[:] = 0.0
        scale[:] = 0.0
        for lane in range(lanes):
            c = first + lane
            scale[lane] = density * volumes[c]
            for k in range(m):
                node = cells[c, k]
                for a in range(d):
                    value = 0.0
                    for e in range(d):
                        value += convecting[node, e] * gradients[c, a + 1, e]
                    w[k, a, lane] = value
        for q in range(points):
            divergence[:] = 0.0
            at[:] = 0.0
            for k in range(m):
                for a in range(d):
                    s, t = shape[q, k], skew * slope[q, k, a]
                    for lane in range(LANES):
                        at[a, lane] += s * w[k, a, lane]
                        divergence[lane] += t * w[k, a, lane]
            for j in range(m):
                s = shape[q, j]
                for lane in range(LANES):
                    along[q, j, lane] = s * divergence[lane]
                for a in range(d):
                    t = slope[q, j, a]
                    for lane in range(LANES):
                        along[q, j, lane] += t * at[a, lane]
            for j in range(m):
                for lane in range(LANES):
                    along[q, j, lane] *= scale[lane] * weights[q]
        for i in range(m):
            for j in range(m):
                entry = m * i + j
                for lane in range(LANES):
                    total[entry, lane] = 0.0
                for q in range(points):
                    s = shape[q, i]
                    for lane in range(LANES):
                        total[entry, lane] += s * along[q, j, lane]
        for lane in range(lanes):
            for entry in range(m * m):
                matrix[slots[first + lane, entry]] += total[entry, lane]


@njit(cache=True, fastmath=True)
def subtract_convection(
    cells: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    weights: FloatArray,
    shape: FloatArray,
    slope: FloatArray,
    density: float,
    skew: float,
    velocity: FloatArray,
    rhs: FloatArray,
) -> None:
    """Subtract the load rho (w.grad w + skew (div w) w, v) of the velocity w (n, d): rhs (n, d) [N]."""
    count, m = cells.shape
    d = gradients.shape[2]
    w = np.empty((m, d, LANES))
    plain = np.empty((m, d, LANES))
    load = np.empty((m, d, LANES))
    at, value, force, divergence = (
        np.empty((d, LANES)),
        np.empty((d, LANES)),
        np.empty((d, LANES)),
        np.empty(LANES),
    )
    scale = np.empty(LANES)
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        w[:] = 0.0
        plain[:] = 0.0
        load[:] = 0.0
        scale[:] = 0.0
        for lane in range(lanes):
            c = first + lane
            scale[lane] = density * volumes[c]
            for k in range(m):
                node = cells[c, k]
                for e in range(d):
                    plain[k, e, lane] = velocity[node, e]
                for a in range(d):
                    total = 0.0
                    for e in range(d):
                        total += velocity[node, e] * gradients[c, a + 1, e]
                    w[k, a, lane] = total
        for q in range(weights.size):
            divergence[:] = 0.0
            at[:] = 0.0
            value[:] = 0.0
            for k in range(m):
                s = shape[q, k]
                for a in range(d):
                    t = skew * slope[q, k, a]
                    for lane in range(LANES):
                        at[a, lane] += s * w[k, a, lane]
                        value[a, lane] += s * plain[k, a, lane]
                        divergence[lane] += t * w[k, a, lane]
            for e in range(d):
                for lane in range(LANES):
                    force[e, lane] = divergence[lane] * value[e, lane]
            for k in range(m):
                for a in range(d):
                    t = slope[q, k, a]
                    for lane in range(LANES):
                        step = t * at[a, lane]
                        for e in range(d):
                            force[e, lane] += step * plain[k, e, lane]
            for k in range(m):
                s = weights[q] * shape[q, k]
                for e in range(d):
                    for lane in range(LANES):
                        load[k, e, lane] += s * force[e, lane]
        for lane in range(lanes):
            for k in range(m):
                for e in range(d):
                    rhs[cells[first + lane, k], e] -= scale[lane] * load[k, e, lane]


@njit(cache=True, fastmath=True)
def subtract_pressure_gradient(
    cells: Nodes,
    corners: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    shares: FloatArray,
    pressure: FloatArray,
    rhs: FloatArray,
) -> None:
    """Subtract (grad p, v) of a P1 pressure: rhs (n, d) [N].

    Args:
        cells, corners: (c, m) velocity nodes and (c, d + 1) pressure nodes.
        gradients, volumes: See `cfd.elements.Elements`.
        shares: (m,) integrals of the velocity's basis over a cell of volume one.
        pressure: At the pressure nodes [Pa].
        rhs: (n, d), in place.
    """
    d = gradients.shape[2]
    slope = np.empty(d)
    for c in range(cells.shape[0]):
        slope[:] = 0.0
        for a in range(d + 1):
            for e in range(d):
                slope[e] += volumes[c] * pressure[corners[c, a]] * gradients[c, a, e]
        for k in range(cells.shape[1]):
            for e in range(d):
                rhs[cells[c, k], e] -= shares[k] * slope[e]


@njit(cache=True, fastmath=True)
def add_weak_divergence(
    cells: Nodes,
    corners: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    shares: FloatArray,
    velocity: FloatArray,
    out: FloatArray,
) -> None:
    """Add (u, grad q) for the P1 basis functions q: out at the pressure nodes [m³/s]."""
    d = gradients.shape[2]
    mean = np.empty(d)
    for c in range(cells.shape[0]):
        mean[:] = 0.0
        for k in range(cells.shape[1]):
            for e in range(d):
                mean[e] += shares[k] * velocity[cells[c, k], e]
        for a in range(d + 1):
            value = 0.0
            for e in range(d):
                value += mean[e] * gradients[c, a, e]
            out[corners[c, a]] += volumes[c] * value


@njit(cache=True, fastmath=True)
def add_divergence(
    cells: Nodes,
    corners: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    table: FloatArray,
    velocity: FloatArray,
    out: FloatArray,
) -> None:
    """Add (div u, q) for the P1 basis functions q: out at the pressure nodes [m³/s].

    Args:
        table: (d + 1, m, d) integrals of q_i d_a phi_k over a cell of volume one.
    """
    d = gradients.shape[2]
    for c in range(cells.shape[0]):
        for k in range(cells.shape[1]):
            for a in range(d):
                along = 0.0
                for e in range(d):
                    along += velocity[cells[c, k], e] * gradients[c, a + 1, e]
                for i in range(d + 1):
                    out[corners[c, i]] += volumes[c] * table[i, k, a] * along


@njit(cache=True, fastmath=True)
def courant_number(cells: Nodes, gradients: FloatArray, velocity: FloatArray, dt: float) -> float:
    """Largest |u| dt / h over nodes and cells, with h half the cell's height along the flow: dt sum |u.g_i|."""
    largest = 0.0
    d = gradients.shape[2]
    for c in range(cells.shape[0]):
        for k in range(cells.shape[1]):
            rate = 0.0
            for i in range(d + 1):
                along = 0.0
                for e in range(d):
                    along += velocity[cells[c, k], e] * gradients[c, i, e]
                rate += abs(along)
            largest = max(largest, dt * rate)
    return largest
