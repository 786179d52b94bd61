"""Errors against an exact solution, in L2 norms by quadrature, and the orders at which they fall."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from cfd.elements import Elements, Facets
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray

type Field = Callable[[FloatArray], FloatArray]
"""Values (n,) or (n, d) at points (n, d) [m]."""

EXACT = {2: 8, 3: 6}
"""Degree of the quadrature of errors, by the dimension of the mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One solve of a convergence study.

    Attributes:
        cells: Triangles or tetrahedra.
        h, dt: Mesh size and time step, in the units of the problem; dt is 0 for a flow that does not change.
        velocity, pressure: Relative errors in L2 (the mean of a pressure without outlets is zero).
        wall_shear: Relative error of the viscous traction of the walls; nan where it is not measured.
        seconds: What it took.
    """

    cells: int
    h: float
    dt: float
    velocity: float
    pressure: float
    wall_shear: float = math.nan
    seconds: float

    def error(self, quantity: str) -> float:
        """One of the errors, by name."""
        return float(getattr(self, quantity))


def observed_orders(rows: Sequence[Row], quantity: str, *, against: str = "h") -> list[float]:
    """log(e_k / e_(k+1)) / log(s_k / s_(k+1)) for the errors e of neighbouring rows and their s = h or dt."""
    return [
        math.log(coarse.error(quantity) / fine.error(quantity))
        / math.log(getattr(coarse, against) / getattr(fine, against))
        for coarse, fine in zip(rows, rows[1:], strict=False)
    ]


def l2_error(elements: Elements, nodal: FloatArray, exact: Field, *, zero_mean: bool = False) -> float:
    """|u_h - u| / |u| in L2 of a nodal field (n,) or (n, d).

    Args:
        elements: Elements of the field.
        nodal: Values at their nodes.
        exact: The exact field.
        zero_mean: Whether the means of both are removed first.
    """
    error = total = 0.0
    shift = exact_mean = 0.0
    if zero_mean:
        volume = sum(float(w.sum()) for w, _, _ in _sampled(elements, nodal, exact))
        shift = sum(float((w * found).sum()) for w, found, _ in _sampled(elements, nodal, exact)) / volume
        exact_mean = sum(float((w * true).sum()) for w, _, true in _sampled(elements, nodal, exact)) / volume
    for weight, found, true in _sampled(elements, nodal, exact):
        difference, size = (found - shift) - (true - exact_mean), true - exact_mean
        error += float((weight.T * (difference**2).T).sum())
        total += float((weight.T * (size**2).T).sum())
    return math.sqrt(error / total)


def _sampled(
    elements: Elements, nodal: FloatArray, exact: Field
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Weights (c,), values of the nodal field and exact values (c, …), for each quadrature point of the cells."""
    d = elements.dimension
    own, linear = (reference_element(degree, d, exact=EXACT[d]) for degree in (elements.degree, 1))
    corners = elements.coordinates[elements.cells[:, : d + 1]]
    for weight, shape, barycentric in zip(own.weights, own.shape, linear.shape, strict=True):
        points = np.einsum("k,ckd->cd", barycentric, corners)
        yield weight * elements.volumes, np.tensordot(nodal[elements.cells], shape, (1, 0)), exact(points)


class BoundaryTraction:
    """Compares the viscous loads of a stepper with an exact traction, on the boundary facets that are given.

    The loads r_i = integral of (t_h - t) v_i over the facets, for all basis functions v_i that are not zero there,
    give with the facets' mass matrix M the L2 norm of the projected error, sqrt(r M^-1 r).

    Args:
        elements: Elements of the velocity.
        facets: The facets.
        within: Which nodes (n,) count; all if None. At the rim of a patch the loads hold a part of its neighbours'.
    """

    def __init__(self, elements: Elements, facets: Facets, within: FloatArray | None = None) -> None:
        d = elements.dimension
        self._facets = facets
        self._table = reference_element(elements.degree, d - 1, exact=6)
        self._linear = reference_element(1, d - 1, exact=6)
        self._corners = elements.coordinates[facets.nodes[:, :d]]
        m = facets.nodes.shape[1]
        entries = facets.areas[:, None, None] * self._table.mass
        rows, columns = np.repeat(facets.nodes, m, axis=1).ravel(), np.tile(facets.nodes, (1, m)).ravel()
        mass = sp.csr_matrix((entries.ravel(), (rows, columns)), shape=(elements.nodes, elements.nodes))
        nodes = np.unique(facets.nodes)
        self.nodes = nodes if within is None else nodes[within[nodes]]
        self._mass = mass
        self._solve = splu(mass[self.nodes][:, self.nodes].tocsc()).solve

    def loads(self, traction: Callable[[FloatArray, FloatArray], FloatArray]) -> FloatArray:
        """(n, d) integrals of a traction (k, d), given points (k, d) and unit normals (k, d), times the basis."""
        facets, table = self._facets, self._table
        normals = facets.area_normals / facets.areas[:, None]
        loads = np.zeros((self._mass.shape[0], normals.shape[1]))
        for weight, shape, barycentric in zip(table.weights, table.shape, self._linear.shape, strict=True):
            values = traction(np.einsum("k,fkd->fd", barycentric, self._corners), normals)
            np.add.at(loads, facets.nodes, weight * np.einsum("f,j,fd->fjd", facets.areas, shape, values))
        return loads

    def recover(self, loads: FloatArray) -> FloatArray:
        """(k, d) the traction at `nodes` whose loads are given (n, d)."""
        return np.asarray(self._solve(loads[self.nodes]))

    def error(self, loads: FloatArray, exact: FloatArray) -> float:
        """sqrt(r M^-1 r) of the difference of two loads (n, d) relative to that of the exact ones."""
        missing, true = (loads - exact)[self.nodes], exact[self.nodes]
        return math.sqrt(float((missing * self._solve(missing)).sum() / (true * self._solve(true)).sum()))
