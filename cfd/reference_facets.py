"""Values of the Lagrange basis of a cell on the facets of the reference simplex, for integrals that need its slopes."""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np

from cfd.reference_element import CELL_TYPES, reference_element
from hemoplan.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFacets:
    """The basis of a cell at the q quadrature points of each facet, for m basis functions in d dimensions.

    Facet number a is the one opposite corner a.

    Attributes:
        weights: (q,) quadrature weights as shares of the facet's area; they sum to one.
        shape: (d + 1, q, m) basis functions.
        slope: (d + 1, q, m, d) their derivatives in the reference coordinates, as in
            `cfd.reference_element.ReferenceElement`.
    """

    weights: FloatArray
    shape: FloatArray
    slope: FloatArray


def reference_facets(degree: int, dimension: int, *, exact: int) -> ReferenceFacets:
    """Tabulate the Lagrange element of a degree on the facets of its simplex.

    Args:
        degree: 1 or 2.
        dimension: d of the cell: 2 triangle, 3 tetrahedron.
        exact: Polynomial degree that the quadrature integrates exactly.
    """
    cell = basix.create_element(
        basix.ElementFamily.P,
        CELL_TYPES[dimension],
        degree,
        basix.LagrangeVariant.gll_warped,
        dtype=np.float64,
    )
    on_facet = reference_element(1, dimension - 1, exact=exact)
    shapes, slopes = [], []
    for opposite in range(dimension + 1):
        barycentric = np.insert(on_facet.shape, opposite, 0.0, axis=1)
        # The reference coordinates are the barycentric ones but for the first.
        table = np.asarray(cell.tabulate(1, np.ascontiguousarray(barycentric[:, 1:])))[:, :, :, 0]
        shapes.append(table[0])
        slopes.append(table[1:].transpose(1, 2, 0))
    return ReferenceFacets(
        weights=on_facet.weights,
        shape=np.ascontiguousarray(shapes),
        slope=np.ascontiguousarray(slopes),
    )
