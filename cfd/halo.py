"""Sums and copies of node arrays over the ranks."""

from __future__ import annotations

from dolfinx import la

from cfd.elements import Elements
from hemoplan.arrays import FloatArray


class Halo:
    """Sums and refreshes node arrays over the ranks.

    Args:
        elements: The elements whose nodes the arrays belong to.
        width: Values per node.
    """

    def __init__(self, elements: Elements, width: int) -> None:
        self._vector = la.vector(elements.space.dofmap.index_map, width)
        self._parallel = elements.domain.comm.size > 1

    def sum_to_owners(self, values: FloatArray) -> None:
        """Add the ghosts' values to their owners', then refresh the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_reverse(la.InsertMode.add)
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array

    def refresh_ghosts(self, values: FloatArray) -> None:
        """Copy the owners' values to the ghosts. In place. Collective."""
        if self._parallel:
            self._vector.array[:] = values.ravel()
            self._vector.scatter_forward()
            values.ravel()[:] = self._vector.array
