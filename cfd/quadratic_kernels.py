"""Compiled loops over the cells for P2 velocity and P1 pressure, in two and three dimensions.

With the barycentric gradients g_a of a cell of volume V, and W_ka = w_k.g_a the reference components of the convecting
velocity at node k, the convection matrix of the cell is

    C_ij = rho V sum_ka W_ka T_kaij,   T_kaij = integral of phi_i (phi_k d_a phi_j + skew d_a phi_k phi_j),

with a constant table T over the reference cell: 30 multiplications an entry, contiguous in memory, and no quadrature.
All arrays are over local nodes (owned and ghost); contributions to ghosts are summed by the caller.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cfd.reference_element import ReferenceElement
from hemoplan.arrays import FloatArray

type Nodes = NDArray[np.uint32]


def convection_table(element: ReferenceElement, skew: float) -> FloatArray:
    """(m, 3, m m) the table T, padded with zeros in two dimensions.

    Args:
        element: The velocity's basis, with a quadrature that is exact for degree 5.
        skew: 1/2 in the skew-symmetric form, 0 in the convective form.
    """
    weights, shape, slope = element.weights, element.shape, element.slope
    carried = np.einsum("q,qi,qk,qja->kaij", weights, shape, shape, slope)
    compressed = np.einsum("q,qi,qka,qj->kaij", weights, shape, slope, shape)
    m, d = slope.shape[1:]
    table = np.zeros((m, 3, m * m))
    table[:, :d] = (carried + skew * compressed).reshape(m, d, m * m)
    return table


@njit(cache=True, fastmath=True)
def convect(
    cells: Nodes,
    corners: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    slots: Nodes,
    table: FloatArray,
    density: float,
    implicit: bool,
    convecting: FloatArray,
    potential: FloatArray,
    matrix: FloatArray,
    rhs: FloatArray,
) -> None:
    """Add the convection matrix rho (w.grad u + skew (div w) u, v), or subtract its product with w from the load.

    Args:
        cells, corners: (c, m) velocity nodes and (c, d + 1) pressure nodes.
        gradients, volumes, slots: See `cfd.elements.Elements`.
        table: See `convection_table`.
        density: rho [kg/m³].
        implicit: Whether convection goes into the matrix; else into the load.
        convecting, potential: w (n, d) [m/s], of which the gradient of the potential [m²/s] is still to be subtracted.
        matrix: Values of the local matrix; added to in implicit form.
        rhs: (n, d) load [N]; subtracted from in explicit form.
    """
    count, m = cells.shape
    d = gradients.shape[2]
    entries = np.empty(m * m)
    w = np.zeros(3)
    slope = np.empty(d)
    for c in range(count):
        entries[:] = 0.0
        slope[:] = 0.0
        for a in range(d + 1):
            for e in range(d):
                slope[e] += potential[corners[c, a]] * gradients[c, a, e]
        for k in range(m):
            node = cells[c, k]
            for a in range(d):
                w[a] = 0.0
                for e in range(d):
                    w[a] += (convecting[node, e] - slope[e]) * gradients[c, a + 1, e]
            w0, w1, w2 = w[0], w[1], w[2]
            for entry in range(m * m):
                entries[entry] += w0 * table[k, 0, entry] + w1 * table[k, 1, entry] + w2 * table[k, 2, entry]
        scale = density * volumes[c]
        if implicit:
            for entry in range(m * m):
                matrix[slots[c, entry]] += scale * entries[entry]
        else:
            for i in range(m):
                for j in range(m):
                    factor = scale * entries[m * i + j]
                    for e in range(d):
                        rhs[cells[c, i], e] -= factor * convecting[cells[c, j], e]


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
