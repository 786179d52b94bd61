"""Sums and copies of node arrays over the ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from cfd.elements import Elements


class Halo:
    """Sums and refreshes node arrays over the ranks.

    Args:
        elements: The elements whose nodes the arrays belong to.
        width: Values per node.
        precision: Type of the values.
    """

    def __init__(
        self, elements: Elements, width: int, precision: type[np.float32 | np.float64] = np.float64
    ) -> None:
        self._vector: Any = la.vector(elements.space.dofmap.index_map, width, dtype=precision)
        self._parallel = elements.domain.comm.size > 1

    def sum_to_owners(self, values: NDArray[Any]) -> None:
        """Add the ghosts' values to their owners', then refresh the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_reverse(la.InsertMode.add)
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array

    def refresh_ghosts(self, values: NDArray[Any]) -> None:
        """Copy the owners' values to the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array
