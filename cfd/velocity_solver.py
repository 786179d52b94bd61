"""Linear solver of the velocity: one matrix, three right-hand sides at once.

BiCGStab with row scaling (van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992), DOI 10.1137/0913035). The
three components run side by side, so that each matrix entry is read once for all of them. The matrix is never
exchanged between ranks: each rank multiplies with the contributions of its own cells, and the products are
    summed over the ranks.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numba import njit
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.halo import Halo
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import DivergenceError

MAX_ITERATIONS = 500
RESTART_EVERY = 40
"""Iterations after which rounding may have spoilt the recursion."""


class VelocitySolver:
    """Solves A u = b for u of d components per node.

    Args:
        elements: The P1 elements.
        fixed: Local nodes (owned and ghost) with a prescribed velocity.
        tolerance: Residual of D^-1 A u = D^-1 b (D the diagonal of A) relative to the right-hand side.
    """

    def __init__(self, elements: Elements, fixed: IntArray, *, tolerance: float) -> None:
        self._elements = elements
        self._comm = elements.domain.comm
        self._fixed = fixed
        self._tolerance = tolerance
        self._vector_halo, self._scalar_halo = Halo(elements, elements.dimension), Halo(elements, 1)
        self._work = np.zeros((5, elements.nodes, elements.dimension))
        self.iterations = 0

    def solve(self, values: FloatArray, rhs: FloatArray, velocity: FloatArray) -> None:
        """Solve in place. Collective.

        Args:
            values: Values of the local matrix; scaled in place, and the rows of fixed nodes overwritten.
            rhs: (n, d) right-hand side, summed over the ranks; scaled in place.
            velocity: (n, d) start, with the prescribed values; becomes the solution, ghosts included.

        Raises:
            DivergenceError: The iteration does not converge or meets values that are not finite.
        """
        elements, owned = self._elements, self._elements.owned
        diagonal = values[elements.diagonal]
        self._scalar_halo.sum_to_owners(diagonal)
        _scale_rows(elements.indptr, diagonal, values, rhs)
        _fix_rows(self._fixed, elements.indptr, elements.diagonal, owned, values)
        rhs[self._fixed] = velocity[self._fixed]

        residual, shadow, direction, image, correction = self._work
        limit = self._tolerance**2 * np.maximum(self._dots((rhs, rhs))[0], 1e-300)
        self.iterations = 0
        square = rho = self._restart(values, rhs, velocity)
        while (square > limit).any():
            if self.iterations >= MAX_ITERATIONS:
                raise self._diverged(
                    f"relative residual {float(np.sqrt((square / limit).max())) * self._tolerance:.2g}"
                )
            self.iterations += 1
            self._multiply(values, direction, image)
            alpha = _ratio(rho, self._dots((shadow, image))[0])
            residual -= alpha * image
            self._multiply(values, residual, correction)
            omega = _ratio(*self._dots((correction, residual), (correction, correction)))
            _advance(alpha, omega, direction, residual, correction, velocity)
            square, next_rho = self._dots((residual, residual), (shadow, residual))
            self._check(square)
            beta = _ratio(next_rho, rho) * _ratio(alpha, omega)
            _turn(beta, omega, residual, image, direction)
            rho = next_rho
            if self.iterations % RESTART_EVERY == 0:
                square = rho = self._restart(values, rhs, velocity)

    def _restart(self, values: FloatArray, rhs: FloatArray, velocity: FloatArray) -> FloatArray:
        """Begin anew from the true residual, whose squares (d,) are returned."""
        residual, shadow, direction, _, _ = self._work
        self._multiply(values, velocity, residual)
        np.subtract(rhs, residual, out=residual)
        shadow[:] = residual
        direction[:] = residual
        square: FloatArray = self._dots((residual, residual))[0]
        self._check(square)
        return square

    def _multiply(self, values: FloatArray, x: FloatArray, y: FloatArray) -> None:
        multiply(self._elements.indptr, self._elements.indices, values, x, y)
        self._vector_halo.sum_to_owners(y)

    def _dots(self, *pairs: tuple[FloatArray, FloatArray]) -> FloatArray:
        """(number of pairs, d) inner products by component over all ranks."""
        owned = self._elements.owned
        local = np.array([_dot(a[:owned], b[:owned]) for a, b in pairs])
        return np.asarray(self._comm.allreduce(local, op=MPI.SUM), dtype=np.float64)

    def _check(self, square: FloatArray) -> None:
        if not np.isfinite(square).all():
            raise self._diverged("values that are not finite")

    def _diverged(self, value: str) -> DivergenceError:
        return DivergenceError(
            "the velocity solver does not converge",
            value=f"{value} after {self.iterations} iterations",
            remedy="choose a smaller solver.time_step, and look at the mesh quality",
        )


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, zero for a component that has converged to nothing."""
    safe = np.abs(denominator) > 1e-300
    return np.where(safe, numerator / np.where(safe, denominator, 1.0), 0.0)


@njit(cache=True, fastmath=True)
def multiply(
    indptr: NDArray[np.int32], indices: NDArray[np.int32], values: FloatArray, x: FloatArray, y: FloatArray
) -> None:
    """Product y (n, d) of a local sparse matrix with d = 2 or 3 vectors x (n, d) at once."""
    if x.shape[1] == 2:
        for row in range(indptr.size - 1):
            a, b = 0.0, 0.0
            for slot in range(indptr[row], indptr[row + 1]):
                a += values[slot] * x[indices[slot], 0]
                b += values[slot] * x[indices[slot], 1]
            y[row, 0], y[row, 1] = a, b
        return
    for row in range(indptr.size - 1):
        a, b, c = 0.0, 0.0, 0.0
        for slot in range(indptr[row], indptr[row + 1]):
            value, column = values[slot], indices[slot]
            a += value * x[column, 0]
            b += value * x[column, 1]
            c += value * x[column, 2]
        y[row, 0], y[row, 1], y[row, 2] = a, b, c


@njit(cache=True)
def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    total = np.zeros(a.shape[1])
    for row in range(a.shape[0]):
        for d in range(a.shape[1]):
            total[d] += a[row, d] * b[row, d]
    return total


@njit(cache=True, fastmath=True)
def _advance(
    alpha: FloatArray,
    omega: FloatArray,
    direction: FloatArray,
    residual: FloatArray,
    correction: FloatArray,
    velocity: FloatArray,
) -> None:
    """velocity += alpha direction + omega residual; residual -= omega correction."""
    for row in range(velocity.shape[0]):
        for d in range(velocity.shape[1]):
            velocity[row, d] += alpha[d] * direction[row, d] + omega[d] * residual[row, d]
            residual[row, d] -= omega[d] * correction[row, d]


@njit(cache=True, fastmath=True)
def _turn(
    beta: FloatArray, omega: FloatArray, residual: FloatArray, image: FloatArray, direction: FloatArray
) -> None:
    """direction = residual + beta (direction - omega image)."""
    for row in range(direction.shape[0]):
        for d in range(direction.shape[1]):
            direction[row, d] = residual[row, d] + beta[d] * (direction[row, d] - omega[d] * image[row, d])


@njit(cache=True)
def _scale_rows(indptr: NDArray[np.int32], diagonal: FloatArray, values: FloatArray, rhs: FloatArray) -> None:
    """Divide matrix and right-hand side by the diagonal."""
    for row in range(diagonal.size):
        factor = 1.0 / diagonal[row]
        for slot in range(indptr[row], indptr[row + 1]):
            values[slot] *= factor
        for d in range(rhs.shape[1]):
            rhs[row, d] *= factor


@njit(cache=True)
def _fix_rows(
    rows: IntArray, indptr: NDArray[np.int32], diagonal: NDArray[np.int32], owned: int, values: FloatArray
) -> None:
    """Turn rows into identity rows; the one belongs to the owner, so that the ranks' sum is one."""
    for row in rows:
        for slot in range(indptr[row], indptr[row + 1]):
            values[slot] = 0.0
        if row < owned:
            values[diagonal[row]] = 1.0
