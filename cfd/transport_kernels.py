"""Compiled loops over cells, edges and nodes for the transport of scalars.

With y = theta c + (1 - theta) c0 - cl for the Galerkin solution c, the bounded one cl and the old one c0, the flux that
edge (i, j) must bring to node i within a step h to turn the bounded solution into the Galerkin solution is

    f_ij = m_ij (c_i - c0_i - c_j + c0_j) + h d_ij (cl_i - cl_j) - h (k_ij y_j - k_ji y_i) = -f_ji

with the mass matrix m, the transport matrix k, whose columns have the sum zero, and the upwind diffusion
d_ij = max(0, k_ij, k_ji). Arrays over nodes (n, k) hold k scalars. Source: `cfd.transport`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, IntArray

type Nodes = NDArray[np.uint32]


@njit(cache=True, fastmath=True)
def add_transport(
    cells: Nodes,
    corners: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    slots: Nodes,
    table: FloatArray,
    velocity: FloatArray,
    potential: FloatArray,
    matrix: FloatArray,
) -> None:
    """Add -(q_j (v - grad theta), grad q_i) for the P1 basis functions q to the matrix.

    Args:
        cells, corners: (c, m) nodes of the velocity, (c, d + 1) vertices.
        gradients, volumes: See `cfd.elements.Elements`.
        slots: (c, (d + 1)²) of the P1 elements.
        table: (d + 1, m) integrals of q_j times the velocity's basis over a cell of volume one.
        velocity: v (n, d) [m/s].
        potential: theta at the vertices [m²/s].
        matrix: Values of the local matrix [m³/s]; added to.
    """
    d = gradients.shape[2]
    carried, slope = np.empty(d), np.empty(d)
    for c in range(volumes.size):
        slope[:] = 0.0
        for i in range(d + 1):
            for e in range(d):
                slope[e] += potential[corners[c, i]] * gradients[c, i, e] / (d + 1)
        for j in range(d + 1):
            for e in range(d):
                carried[e] = -slope[e]
            for a in range(cells.shape[1]):
                for e in range(d):
                    carried[e] += table[j, a] * velocity[cells[c, a], e]
            for i in range(d + 1):
                along = 0.0
                for e in range(d):
                    along += carried[e] * gradients[c, i, e]
                matrix[slots[c, (d + 1) * i + j]] -= volumes[c] * along


@njit(cache=True)
def add_upwind(
    tails: Nodes,
    heads: Nodes,
    forth: IntArray,
    back: IntArray,
    share: FloatArray,
    transport: FloatArray,
    step: float,
    diagonal: Nodes,
    matrix: FloatArray,
) -> None:
    """Add h d_ij to the matrix, so that no entry off its diagonal is positive.

    Args:
        tails, heads, forth, back, share: See `cfd.edges.Edges`.
        transport: (e, 2) k of (tail, head) and of (head, tail), summed over the ranks [m³/s].
        step: h [s].
        diagonal: Position of the diagonal entries.
        matrix: Values of the local matrix [m³]; added to.
    """
    for e in range(tails.size):
        upwind = share[e] * step * max(0.0, transport[e, 0], transport[e, 1])
        matrix[forth[e]] -= upwind
        matrix[back[e]] -= upwind
        matrix[diagonal[tails[e]]] += upwind
        matrix[diagonal[heads[e]]] += upwind


@njit(cache=True)
def correct_on_edges(
    tails: Nodes,
    heads: Nodes,
    share: FloatArray,
    mass: FloatArray,
    transport: FloatArray,
    step: float,
    change: FloatArray,
    bounded: FloatArray,
    between: FloatArray,
    fluxes: FloatArray,
    gains: FloatArray,
    losses: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
) -> None:
    """The fluxes f, what they would bring to and take from each node, and the bounds that its neighbours set.

    Args:
        tails, heads, share: See `cfd.edges.Edges`.
        mass: (e,) m of the edge, summed over the ranks [m³].
        transport: (e, 2) as in `add_upwind`.
        step: h [s].
        change, bounded, between: (n, k) c - c0, cl and y.
        fluxes: (e, k) into the tail; set.
        gains, losses: (n, k) sums of the positive and of the negative fluxes into a node; added to.
        lowest, highest: (n, k) bounds at the node itself, before those of the neighbours; widened.
    """
    count = bounded.shape[1]
    reach = np.empty((2, bounded.shape[0], count))
    reach[0], reach[1] = lowest, highest
    for e in range(tails.size):
        i, j = tails[e], heads[e]
        there, here = transport[e, 0], transport[e, 1]
        upwind = max(0.0, there, here)
        for c in range(count):
            flux = mass[e] * (change[i, c] - change[j, c])
            flux += step * upwind * (bounded[i, c] - bounded[j, c])
            flux += step * (here * between[i, c] - there * between[j, c])
            fluxes[e, c] = flux
            gain, loss = share[e] * max(flux, 0.0), share[e] * min(flux, 0.0)
            gains[i, c] += gain
            losses[i, c] += loss
            gains[j, c] -= loss
            losses[j, c] -= gain
            lowest[i, c] = min(lowest[i, c], reach[0, j, c])
            lowest[j, c] = min(lowest[j, c], reach[0, i, c])
            highest[i, c] = max(highest[i, c], reach[1, j, c])
            highest[j, c] = max(highest[j, c], reach[1, i, c])


@njit(cache=True)
def apply_limited(
    tails: Nodes,
    heads: Nodes,
    share: FloatArray,
    fluxes: FloatArray,
    gain_shares: FloatArray,
    loss_shares: FloatArray,
    amounts: FloatArray,
) -> None:
    """Add to each node the part of the fluxes that both ends allow.

    Args:
        tails, heads, share: See `cfd.edges.Edges`.
        fluxes: (e, k) into the tail.
        gain_shares, loss_shares: (n, k) of its gains and losses that keep a node within its bounds, 0 to 1.
        amounts: (n, k); added to.
    """
    for e in range(tails.size):
        i, j = tails[e], heads[e]
        for c in range(fluxes.shape[1]):
            flux = share[e] * fluxes[e, c]
            if flux > 0.0:
                flux *= min(gain_shares[i, c], loss_shares[j, c])
            else:
                flux *= min(loss_shares[i, c], gain_shares[j, c])
            amounts[i, c] += flux
            amounts[j, c] -= flux


@njit(cache=True, fastmath=True)
def multiply_columns(indptr: Nodes, indices: Nodes, values: FloatArray, x: FloatArray, y: FloatArray) -> None:
    """Product y (n, k) of a local sparse matrix with k vectors x (n, k)."""
    for row in range(indptr.size - 1):
        for c in range(x.shape[1]):
            total = 0.0
            for slot in range(indptr[row], indptr[row + 1]):
                total += values[slot] * x[indices[slot], c]
            y[row, c] = total


@njit(cache=True, fastmath=True)
def add_dots(x: FloatArray, y: FloatArray, weights: FloatArray, sums: FloatArray) -> None:
    """Add the inner products of the columns of x and y (n, k), weighted by (n,), to the sums (k,)."""
    for c in range(sums.size):
        total = 0.0
        for i in range(weights.size):
            total += weights[i] * x[i, c] * y[i, c]
        sums[c] += total
