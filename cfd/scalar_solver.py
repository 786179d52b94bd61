"""Linear solver of transported scalars: one matrix that is not symmetric, many right-hand sides at once.

As for the velocity (`cfd.velocity_solver`, where the method and its source are told), generalised conjugate residuals
that are made orthogonal to the last two directions, scaled by the diagonal on both sides; here for any number of
columns side by side, and in double precision, since tracers are conserved to more digits than single precision has.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements
from cfd.halo import Halo
from cfd.transport_kernels import add_dots, multiply_columns
from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError

MAX_ITERATIONS = 500
MEMORY = 2
"""Directions to which the next one is made orthogonal."""


class ScalarSolver:
    """Solves A c = b for k columns.

    Args:
        elements: P1 elements.
        columns: k.
    """

    def __init__(self, elements: Elements, columns: int) -> None:
        self._elements, self._columns = elements, columns
        self._comm = elements.domain.comm
        self._halo, self._scalar_halo = Halo(elements, columns), Halo(elements, 1)

    def multiply(self, values: FloatArray, x: FloatArray) -> FloatArray:
        """(n, k) product with the values of a local matrix, summed over the ranks. Collective."""
        product = np.empty_like(x)
        multiply_columns(self._elements.indptr, self._elements.indices, values, x, product)
        self._halo.sum_to_owners(product)
        return product

    def solve(
        self, values: FloatArray, rhs: FloatArray, start: FloatArray, *, tolerance: float
    ) -> tuple[FloatArray, FloatArray, int]:
        """Solve. Collective.

        Args:
            values: Values of the local matrix.
            rhs: (n, k) b, summed over the ranks.
            start: (n, k).
            tolerance: Norm of D^-1/2 (b - A c) relative to that of D^-1/2 b, D the diagonal, in each column.

        Returns:
            c (n, k), its residual b - A c (n, k), both with ghosts, and the number of iterations.

        Raises:
            DivergenceError: The iteration does not converge or meets values that are not finite.
        """
        diagonal = np.ascontiguousarray(values[self._elements.diagonal])
        self._scalar_halo.sum_to_owners(diagonal)
        weights: FloatArray = np.reciprocal(diagonal[: self._elements.owned])
        solution, residual = start.copy(), rhs - self.multiply(values, start)
        limits = tolerance**2 * np.maximum(self._dots(weights, (rhs, rhs))[0], 1e-300)
        known: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        iterations = 0
        while True:
            squares = self._dots(weights, (residual, residual))[0]
            if not np.isfinite(squares).all():
                raise self._diverged("values that are not finite")
            if (squares <= limits).all():
                return solution, rhs - self.multiply(values, solution), iterations
            if iterations >= MAX_ITERATIONS:
                raise self._diverged(f"no convergence after {iterations} iterations")
            iterations += 1
            direction = residual / diagonal[:, np.newaxis]
            image = self.multiply(values, direction)
            shares = self._dots(weights, *((image, q) for _, q, _ in known))
            for (p, q, length), share in zip(known, shares, strict=True):
                direction -= share / length * p
                image -= share / length * q
            size, along = self._dots(weights, (image, image), (residual, image))
            size = np.maximum(size, 1e-300)
            step = along / size
            solution += step * direction
            residual -= step * image
            known = [*known, (direction, image, size)][-MEMORY:]

    def _dots(self, weights: FloatArray, *pairs: tuple[FloatArray, FloatArray]) -> FloatArray:
        """(pairs, k) inner products of the columns over the owned nodes, with their weights. Collective."""
        local, total = np.zeros((len(pairs), self._columns)), np.zeros((len(pairs), self._columns))
        for (x, y), sums in zip(pairs, local, strict=True):
            add_dots(x, y, weights, sums)
        self._comm.Allreduce(local, total, op=MPI.SUM)
        return total

    def _diverged(self, value: str) -> DivergenceError:
        return DivergenceError(
            "the solver of transported scalars does not converge",
            value=value,
            remedy="choose a smaller solver.time_step, and look at the mesh quality",
        )
