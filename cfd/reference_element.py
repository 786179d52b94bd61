"""Values of the Lagrange basis on the reference simplex: what every cell and facet integral is made of."""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np

from hemoplan.arrays import FloatArray

CELL_TYPES = {1: basix.CellType.interval, 2: basix.CellType.triangle, 3: basix.CellType.tetrahedron}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceElement:
    """A quadrature rule and the basis at its q points, for m basis functions on a simplex of dimension d.

    Attributes:
        weights: (q,) quadrature weights as shares of the cell's volume; they sum to one.
        shape: (q, m) basis functions.
        slope: (q, m, d) their derivatives in the reference coordinates, which are the barycentric coordinates
            1, …, d of the cell.
    """

    weights: FloatArray
    shape: FloatArray
    slope: FloatArray

    @property
    def mass(self) -> FloatArray:
        """(m, m) integrals of products of two basis functions over a cell of volume one."""
        return np.asarray(np.einsum("q,qi,qj->ij", self.weights, self.shape, self.shape))


def reference_element(degree: int, dimension: int, *, exact: int) -> ReferenceElement:
    """Tabulate the Lagrange element of a degree.

    Args:
        degree: 1 or 2.
        dimension: d of the simplex: 1 interval, 2 triangle, 3 tetrahedron.
        exact: Polynomial degree that the quadrature integrates exactly.
    """
    kind = CELL_TYPES[dimension]
    element = basix.create_element(
        basix.ElementFamily.P, kind, degree, basix.LagrangeVariant.gll_warped, dtype=np.float64
    )
    points, weights = (np.asarray(part) for part in basix.make_quadrature(kind, exact))
    table = np.asarray(element.tabulate(1, points))[:, :, :, 0]
    return ReferenceElement(
        weights=weights / weights.sum(),
        shape=np.ascontiguousarray(table[0]),
        slope=np.ascontiguousarray(table[1:].transpose(1, 2, 0)),
    )
