"""Compiled loops over the cells for P1 elements: the only code whose cost per step grows with the mesh.

In a cell of volume V with basis gradients g_i (constant), nodal velocities w_i, W = sum w_i and mean w = W/4:

- convection             V/20 (W + w_i).g_j + skew (div w) V/20 (1 + d_ij)
- streamline term        tau V (w.g_i)(w.g_j)

All arrays are over local nodes (owned and ghost); contributions to ghosts are summed by the caller.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray

type Nodes = NDArray[np.uint32]


@njit(cache=True, fastmath=True, inline="always")
def stabilisation_time(rate: float, viscous: float) -> float:
    """Stabilisation time of a cell, zero where its Reynolds number rate / viscous is below one.

    1 / (rate + viscous) with rate = sum |w.g_i| and viscous = 4 nu max |g_i|² (Codina 2000), times 1 - viscous / rate:
    a cell that resolves its flow gets no numerical dissipation.
    """
    return max(0.0, rate - viscous) / (rate * (rate + viscous) + 1e-30)


@njit(cache=True, fastmath=True)
def momentum(
    cells: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    slots: Nodes,
    density: float,
    kinematic_viscosity: float,
    stabilise: float,
    implicit: bool,
    skew_factor: float,
    inertia: FloatArray,
    convecting: FloatArray,
    projected: FloatArray,
    pressure: FloatArray,
    matrix: FloatArray,
    rhs: FloatArray,
) -> None:
    """Add convection and its stabilisation to the matrix, and build the right-hand side of the tentative velocity.

    rhs_i = (inertia, phi_i) - (grad p, phi_i) + rho tau (y, w.grad phi_i), with y the projected convective
    derivative. In explicit form, convection and stabilisation are applied to w and subtracted from the right-hand side.

    Args:
        cells, gradients, volumes, slots: See `Elements`.
        density: rho [kg/m³].
        kinematic_viscosity: nu [m²/s].
        stabilise: 1 with, 0 without the streamline term.
        implicit: Whether convection goes into the matrix.
        skew_factor: 1/2 in the skew-symmetric form, 0 in the convective form.
        inertia: (n, 3) rho / dt times the known part of the time derivative [N/m³].
        convecting: (n, 3) extrapolated velocity w [m/s].
        projected: (n, 3) y, nodal projection of w.grad u of the last step [m/s²].
        pressure: (n,) p of the last step [Pa].
        matrix: Values of the local matrix; added to.
        rhs: (n, 3) [N]; added to.
    """
    w = np.empty((4, 3))
    g = np.empty((4, 3))
    along = np.empty(4)
    f = np.empty((4, 3))
    sum_w, sum_f, mean_y, grad_p = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for c in range(volumes.size):
        v = volumes[c]
        sum_w[:] = 0.0
        sum_f[:] = 0.0
        mean_y[:] = 0.0
        grad_p[:] = 0.0
        div = 0.0
        steepest = 0.0
        for i in range(4):
            node = cells[c, i]
            square = 0.0
            for d in range(3):
                g[i, d] = gradients[c, i, d]
                w[i, d] = convecting[node, d]
                f[i, d] = inertia[node, d]
                sum_w[d] += w[i, d]
                sum_f[d] += f[i, d]
                mean_y[d] += 0.25 * projected[node, d]
                grad_p[d] += pressure[node] * g[i, d]
                div += w[i, d] * g[i, d]
                square += g[i, d] * g[i, d]
            steepest = max(steepest, square)
        rate = 0.0
        for i in range(4):
            along[i] = 0.25 * (sum_w[0] * g[i, 0] + sum_w[1] * g[i, 1] + sum_w[2] * g[i, 2])
            rate += abs(along[i])
        tau = stabilise * density * v * stabilisation_time(rate, 4.0 * kinematic_viscosity * steepest)
        scale = density * v / 20.0
        skew = skew_factor * scale * div
        for i in range(4):
            node = cells[c, i]
            for d in range(3):
                rhs[node, d] += (
                    v / 20.0 * (sum_f[d] + f[i, d]) - 0.25 * v * grad_p[d] + tau * along[i] * mean_y[d]
                )
            a0 = scale * (sum_w[0] + w[i, 0])
            a1 = scale * (sum_w[1] + w[i, 1])
            a2 = scale * (sum_w[2] + w[i, 2])
            for j in range(4):
                entry = a0 * g[j, 0] + a1 * g[j, 1] + a2 * g[j, 2] + tau * along[i] * along[j] + skew
                if i == j:
                    entry += skew
                if implicit:
                    matrix[slots[c, 4 * i + j]] += entry
                else:
                    for d in range(3):
                        rhs[node, d] -= entry * w[j, d]


@njit(cache=True, fastmath=True)
def convective_derivative(
    cells: Nodes, gradients: FloatArray, volumes: FloatArray, velocity: FloatArray, out: FloatArray
) -> None:
    """Add (w.grad u, phi_i) with w = u and the cell mean of w: out (n, 3) [m⁴/s²]."""
    mean, slope = np.empty(3), np.empty((3, 3))
    for c in range(volumes.size):
        mean[:] = 0.0
        slope[:] = 0.0
        for i in range(4):
            node = cells[c, i]
            for d in range(3):
                mean[d] += 0.25 * velocity[node, d]
                for e in range(3):
                    slope[d, e] += velocity[node, d] * gradients[c, i, e]
        for d in range(3):
            value = (
                0.25 * volumes[c] * (mean[0] * slope[d, 0] + mean[1] * slope[d, 1] + mean[2] * slope[d, 2])
            )
            for i in range(4):
                out[cells[c, i], d] += value


@njit(cache=True, fastmath=True)
def pressure_gradient(
    cells: Nodes, gradients: FloatArray, volumes: FloatArray, pressure: FloatArray, out: FloatArray
) -> None:
    """Add (grad p, phi_i): out (n, 3) [N]."""
    for c in range(volumes.size):
        for d in range(3):
            value = 0.0
            for i in range(4):
                value += pressure[cells[c, i]] * gradients[c, i, d]
            value *= 0.25 * volumes[c]
            for i in range(4):
                out[cells[c, i], d] += value


@njit(cache=True, fastmath=True)
def weak_divergence(
    cells: Nodes, gradients: FloatArray, volumes: FloatArray, field: FloatArray, out: FloatArray
) -> None:
    """Add (v, grad phi_i) of a nodal vector field v: out (n,)."""
    mean = np.empty(3)
    for c in range(volumes.size):
        mean[:] = 0.0
        for i in range(4):
            for d in range(3):
                mean[d] += 0.25 * volumes[c] * field[cells[c, i], d]
        for i in range(4):
            out[cells[c, i]] += (
                mean[0] * gradients[c, i, 0] + mean[1] * gradients[c, i, 1] + mean[2] * gradients[c, i, 2]
            )


@njit(cache=True, fastmath=True)
def courant_number(cells: Nodes, gradients: FloatArray, velocity: FloatArray, dt: float) -> float:
    """Largest |u| dt / h over the cells, with h along the flow: 1/2 dt sum |u.g_i|."""
    largest = 0.0
    for c in range(cells.shape[0]):
        rate = 0.0
        for i in range(4):
            along = 0.0
            for d in range(3):
                mean = 0.25 * (
                    velocity[cells[c, 0], d]
                    + velocity[cells[c, 1], d]
                    + velocity[cells[c, 2], d]
                    + velocity[cells[c, 3], d]
                )
                along += mean * gradients[c, i, d]
            rate += abs(along)
        largest = max(largest, 0.5 * dt * rate)
    return largest


@njit(cache=True, fastmath=True)
def stabilisation_power(
    cells: Nodes,
    gradients: FloatArray,
    volumes: FloatArray,
    kinematic_viscosity: float,
    density: float,
    velocity: FloatArray,
    projected: FloatArray,
) -> float:
    """Power [W] that the stabilisation takes from the local cells: rho tau (u.grad u) . (u.grad u - y)."""
    numerical = 0.0
    mean, mean_y, slope = np.empty(3), np.empty(3), np.empty((3, 3))
    for c in range(volumes.size):
        mean[:] = 0.0
        mean_y[:] = 0.0
        slope[:] = 0.0
        steepest = 0.0
        for i in range(4):
            node = cells[c, i]
            square = 0.0
            for d in range(3):
                mean[d] += 0.25 * velocity[node, d]
                mean_y[d] += 0.25 * projected[node, d]
                square += gradients[c, i, d] ** 2
                for e in range(3):
                    slope[d, e] += velocity[node, d] * gradients[c, i, e]
            steepest = max(steepest, square)
        rate = 0.0
        for i in range(4):
            rate += abs(
                mean[0] * gradients[c, i, 0] + mean[1] * gradients[c, i, 1] + mean[2] * gradients[c, i, 2]
            )
        tau = stabilisation_time(rate, 4.0 * kinematic_viscosity * steepest)
        for d in range(3):
            convective = mean[0] * slope[d, 0] + mean[1] * slope[d, 1] + mean[2] * slope[d, 2]
            numerical += density * tau * volumes[c] * convective * (convective - mean_y[d])
    return numerical
