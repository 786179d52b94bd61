"""What the pressure at a port means: the total pressure of blood that enters, the static one of blood that leaves.

On an open boundary the traction is

    -p n + mu du/dn = -P n + beta rho/2 (w.n)_- u,

with the circuit's pressure P and the backflow term of `cfd.facet_kernels`. Where blood leaves, the bracket is zero and
P is the static pressure p. Where it enters at right angles with the speed U, p = P - beta rho/2 U²: with beta = 1, P is
the total pressure, as behind an orifice that blood is accelerated into from rest. A circuit's chamber is at rest, so
this is what a port is by default.

A port can be asked to hold the *static* pressure in both directions, as where P was measured within the stream. Then
the domain is given P + K, the mean of what the bracket takes away. With the flow Q < 0 through the area A,

    K = c Q²,    c = beta rho/2 kappa / A²,    kappa = A integral of (w.n)_-² / (integral of (w.n)_-)²,

where kappa, 1 for a flat profile and 4/3 for a parabola, is taken from the extrapolated velocity w, and Q is the
unknown of the coupling. The energy that entering blood then brings along comes from outside, and what stabilises local
reverse flow stays as it is.

The pressures that a run records are those of the domain: total for entering blood at either kind of port.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mpi4py import MPI

from cfd.elements import Facets
from cfd.reference_element import ReferenceElement
from hemoplan.arrays import FloatArray

MAX_SHAPE = 2.0
"""Of kappa: less even profiles are those of a flow that turns, and say nothing of the stream."""


def kinetic_coefficients(
    comm: MPI.Intracomm,
    ports: Sequence[Facets],
    table: ReferenceElement,
    convecting: FloatArray,
    strength: float,
) -> FloatArray:
    """(k,) c of every port [Pa s²/m⁶]. Collective.

    Args:
        comm: Communicator.
        ports: Facets of the ports.
        table: Rule on a facet, exact for the squares.
        convecting: (n, d) w [m/s].
        strength: beta rho [kg/m³].
    """
    sums = np.zeros((len(ports), 3))
    for k, facets in enumerate(ports):
        normals = facets.area_normals / facets.areas[:, None]
        speeds = np.einsum("fjd,fd,qj->fq", convecting[facets.nodes], normals, table.shape)
        entering = np.minimum(speeds, 0.0)
        squares, means = entering**2 @ table.weights, entering @ table.weights
        sums[k] = facets.areas.sum(), facets.areas @ squares, facets.areas @ means
    area, square, mean = comm.allreduce(sums, op=MPI.SUM).T
    flowing = mean < 0.0
    shape = np.ones(len(ports))
    shape[flowing] = np.minimum(area[flowing] * square[flowing] / mean[flowing] ** 2, MAX_SHAPE)
    return np.asarray(0.5 * strength * shape / area**2)
