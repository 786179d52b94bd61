"""Quantities that show vortices: vorticity, Q criterion, helicity.

With the velocity gradient G = grad u, its symmetric part S and its antisymmetric part W:

    vorticity            omega = curl u                                  [1/s]
    Q criterion          Q = (|W|² - |S|²) / 2                            [1/s²]
    helicity density     H = u.omega                                      [m/s²]
    normalised helicity  H_n = u.omega / (|u| |omega|), from -1 to 1

Q is positive where rotation outweighs strain. H_n is the cosine of the angle between velocity and vorticity: its sign
is the sense in which the stream turns about itself.

Sources: Jeong & Hussain, J. Fluid Mech. 285 (1995), DOI 10.1017/S0022112095000462 (Q and its interpretation); Levy,
Degani & Seginer, AIAA J. 28 (1990), DOI 10.2514/3.25224 (normalised helicity).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.halo import Halo
from hemoplan.arrays import FloatArray

STILL = 1e-9
"""Share of the product of the largest speed and vorticity below which a point has no normalised helicity."""


def velocity_gradient(vertices: Elements, velocity: FloatArray) -> FloatArray:
    """(n, 3, 3) gradient du_i/dx_j at the mesh vertices [1/s], the mean of the cells around. Collective.

    Second order inside the fluid; at the boundary it belongs to a place half a cell inside.

    Args:
        vertices: P1 elements.
        velocity: (n, 3) velocity at the mesh vertices [m/s].
    """
    gradient, volumes = np.zeros((vertices.nodes, 3, 3)), np.zeros(vertices.nodes)
    _add_gradients(vertices.cells, vertices.gradients, vertices.volumes, velocity, gradient, volumes)
    Halo(vertices, 9).sum_to_owners(gradient)
    Halo(vertices, 1).sum_to_owners(volumes)
    return np.asarray(gradient / volumes[:, None, None])


def vorticity(gradient: FloatArray) -> FloatArray:
    """(n, 3) vorticity [1/s] of a velocity gradient (n, 3, 3)."""
    skew = gradient - gradient.transpose(0, 2, 1)
    return np.column_stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]])


def q_criterion(gradient: FloatArray) -> FloatArray:
    """(n,) Q [1/s²] of a velocity gradient (n, 3, 3): (|W|² - |S|²)/2 = -(G:G^T)/2."""
    return np.asarray(-0.5 * np.einsum("nij,nji->n", gradient, gradient))


def helicity(velocity: FloatArray, curl: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) helicity density [m/s²] and (n,) normalised helicity of velocities and vorticities (n, 3).

    The normalised one is zero where the flow stands still or does not rotate, with the largest values for a measure.
    """
    density = (velocity * curl).sum(axis=1)
    product = np.linalg.norm(velocity, axis=1) * np.linalg.norm(curl, axis=1)
    floor = STILL * float(product.max(initial=0.0))
    moving = product > floor
    normalised = np.zeros_like(density)
    normalised[moving] = density[moving] / product[moving]
    return density, normalised


def vortex_fields(vertices: Elements, velocity: FloatArray) -> dict[str, FloatArray]:
    """All quantities of this module by their names in the output. Collective.

    Args:
        vertices: P1 elements.
        velocity: (n, 3) velocity at the mesh vertices [m/s].
    """
    gradient = velocity_gradient(vertices, velocity)
    curl = vorticity(gradient)
    density, normalised = helicity(velocity, curl)
    return {
        "vorticity": curl,
        "q_criterion": q_criterion(gradient),
        "helicity": density,
        "normalised_helicity": normalised,
    }


@njit(cache=True, fastmath=True)
def _add_gradients(
    cells: NDArray[np.uint32],
    gradients: FloatArray,
    volumes: FloatArray,
    velocity: FloatArray,
    out: FloatArray,
    weights: FloatArray,
) -> None:
    """Add volume times velocity gradient, and the volume, of every cell to its corners."""
    slope = np.empty((3, 3))
    for c in range(volumes.size):
        slope[:] = 0.0
        for i in range(4):
            for d in range(3):
                for e in range(3):
                    slope[d, e] += velocity[cells[c, i], d] * gradients[c, i, e]
        for i in range(4):
            weights[cells[c, i]] += volumes[c]
            for d in range(3):
                for e in range(3):
                    out[cells[c, i], d, e] += volumes[c] * slope[d, e]
