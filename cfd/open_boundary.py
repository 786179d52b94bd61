"""Openings of the circuit, where blood may turn back: the backflow term, and the pressure of blood that enters.

On an opening with the circuit's pressure P the traction is

    -p n + mu du/dn = -P n + beta rho/2 (w.n)_- u,

which with beta = 1 takes away exactly the kinetic energy that reverse flow would carry in. Where blood leaves, the
bracket is zero and P is the static pressure p. Blood that enters at right angles has no viscous traction of its own, so
its static pressure is lower than P by what the term takes away: on the mean over the opening, for a flow Q < 0,

    p = P - c Q²,    c = beta rho/2 kappa / A²,    kappa = A integral of (w.n)_-² / (integral of (w.n)_-)².

With beta = 1 this is Bernoulli's law: P is the total pressure of blood that is sucked in from rest, as through an
orifice out of a chamber, and this is what a port's pressure is by default. A port can be asked to hold the *static*
pressure in both directions instead, as where it was measured within the stream; the circuit's pressure is then p, and
the energy that entering blood brings along comes from outside. The pressures that a run records are P at either kind.

The discrete pressure is p on the opening. With P in its place, the momentum balance and the pressure would
disagree over the first layer of cells by the stagnation pressure, and every time step would put the work of that into
the flow: the more, the shorter the step. Q is the unknown of the coupling, so that p is as implicit as P.

In time, w is extrapolated, and the bracket is (w.n)_- (2 u - w): twice as implicit, of the same order, and free of the
instability of a drag that answers to an extrapolated speed. In terms of the pressure's gradient, the momentum balance
then holds on the opening

    -beta rho/2 ((w.n)_- (2 u - w), v) + c Q² (n, v),

which cancel on the mean where blood enters at right angles, brake the tangential velocity of blood that enters, and
are zero where blood leaves.

Source of the term: Bertoglio & Caiazzo, Int. J. Numer. Meth. Biomed. Engng 30 (2014), DOI 10.1002/cnm.2651.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.elements import Elements, Facets
from cfd.facet_kernels import add_backflow
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray

MAX_SHAPE = 2.0
"""Of kappa: less even profiles are those of a flow that turns, and say nothing of the stream."""


class OpenBoundary:
    """The openings whose pressure the circuit gives.

    Args:
        elements: Elements of the velocity.
        vertices: Elements of the pressure.
        strength: beta rho [kg/m³].
    """

    def __init__(self, elements: Elements, vertices: Elements, *, strength: float) -> None:
        outlets = elements.domain.outlets
        self._comm, self._vertices, self._strength = elements.domain.comm, vertices, strength
        self._facets = [elements.patch_facets(patch) for patch in outlets]
        self._slots = [elements.facet_slots(facets) for facets in self._facets]
        self._table = reference_element(elements.degree, elements.dimension - 1, exact=3 * elements.degree)
        self._shares = self._table.weights @ self._table.shape

    def kinetic_coefficients(self, convecting: FloatArray, potential: FloatArray) -> FloatArray:
        """(k,) c of every opening [Pa s²/m⁶]. Collective.

        Args:
            convecting: (n, d) w, without the gradient of the potential [m/s].
            potential: (m,) whose gradient is subtracted from w; empty where w needs none.
        """
        sums = np.zeros((len(self._facets), 3))
        for k, facets in enumerate(self._facets):
            fluxes = np.einsum(
                "fjd,fd,qj->fq", convecting[facets.nodes], facets.area_normals, self._table.shape
            )
            fluxes -= self._normal_slopes(facets, potential)[:, np.newaxis]
            entering = np.minimum(fluxes, 0.0)
            squares = (entering**2 @ self._table.weights) / facets.areas
            sums[k] = facets.areas.sum(), squares.sum(), (entering @ self._table.weights).sum()
        area, square, mean = self._comm.allreduce(sums, op=MPI.SUM).T
        flowing = mean < 0.0
        shape = np.ones(len(sums))
        shape[flowing] = np.minimum(area[flowing] * square[flowing] / mean[flowing] ** 2, MAX_SHAPE)
        return np.asarray(0.5 * self._strength * shape / area**2)

    def add_backflow(
        self,
        convecting: FloatArray,
        potential: FloatArray,
        offsets: FloatArray,
        values: FloatArray,
        rhs: FloatArray,
    ) -> None:
        """Add the terms of the momentum balance to the matrix values, and to the load (n, d) of this rank's facets.

        Args:
            convecting, potential: As of `kinetic_coefficients`.
            offsets: (k,) -c Q², by which the pressure is not P [Pa].
            values: Values of the local matrix; added to.
            rhs: (n, d) [N]; added to.
        """
        for facets, slots in zip(self._facets, self._slots, strict=True):
            self._add_drag(facets, slots, convecting, potential, values, rhs)
        self._add_pressures(offsets, rhs)

    def force(
        self, convecting: FloatArray, potential: FloatArray, offsets: FloatArray, velocity: FloatArray
    ) -> FloatArray:
        """(n, d) the terms of the momentum balance, for a velocity, of this rank's facets [N]."""
        load = np.zeros_like(velocity)
        self._add_pressures(offsets, load)
        force = np.zeros_like(velocity)
        for facets in self._facets:
            count, m = facets.nodes.shape
            slots = np.arange(count * m * m, dtype=np.uint32).reshape(count, m * m)
            entries = np.zeros(slots.size)
            self._add_drag(facets, slots, convecting, potential, entries, load)
            on_facets = np.einsum("fij,fjd->fid", entries.reshape(count, m, m), velocity[facets.nodes])
            np.add.at(force, facets.nodes, on_facets)
        return force - load

    def _add_drag(
        self,
        facets: Facets,
        slots: NDArray[np.uint32],
        convecting: FloatArray,
        potential: FloatArray,
        values: FloatArray,
        load: FloatArray,
    ) -> None:
        add_backflow(
            facets.nodes,
            slots,
            facets.area_normals,
            self._table.weights,
            self._table.shape,
            self._strength,
            convecting,
            self._normal_slopes(facets, potential),
            values,
            load,
        )

    def _add_pressures(self, pressures: FloatArray, load: FloatArray) -> None:
        """Add the integrals of a pressure (k,) times n times the basis."""
        for facets, pressure in zip(self._facets, pressures, strict=True):
            shares = pressure * self._shares[:, np.newaxis] * facets.area_normals[:, np.newaxis]
            np.add.at(load, facets.nodes, shares)

    def _normal_slopes(self, facets: Facets, potential: FloatArray) -> FloatArray:
        """(f,) normal derivative of a field at the vertices, times area, at some facets; zero for an empty field."""
        if not potential.size:
            return np.zeros(len(facets.cells))
        vertices = self._vertices
        slope = np.einsum(
            "fa,fad->fd", potential[vertices.cells[facets.cells]], vertices.gradients[facets.cells]
        )
        return np.asarray(np.einsum("fd,fd->f", slope, facets.area_normals))
