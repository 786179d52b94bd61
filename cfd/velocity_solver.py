"""Linear solver of the velocity: one matrix, all components at once, single precision inside double precision.

The matrix is a positive definite part (inertia and viscosity) and a nearly skew-symmetric one (convection). For such
matrices generalised conjugate residuals that are made orthogonal to the last two directions alone converge as fast as
those that are made orthogonal to all (Concus & Golub 1976; Eisenstat, Elman & Schultz, SIAM J. Numer. Anal. 20 (1983),
DOI 10.1137/0720023), with one product an iteration; BiCGStab needs nearly twice as many products. The diagonal scales
rows and columns, which keeps the two parts what they are. The components run side by side, so that each matrix entry is
read once for all of them.

A time step starts from an extrapolated velocity whose residual is small already, so the correction needs few digits: it
is computed in single precision, which halves the bytes that are moved, and added in double precision. Where that does
not reach the tolerance, the residual is computed anew in double precision and corrected again (iterative
refinement), so that any tolerance can be reached.

The matrix is never exchanged between ranks: each rank multiplies with the contributions of its own cells, and the
products are summed over the ranks.
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

MAX_ITERATIONS = 1000
MEMORY = 2
"""Directions to which the next one is made orthogonal."""
BEST_REDUCTION = 1e-4
"""How far one correction in single precision reduces the residual at most."""
WIDTH = 4
"""Single-precision values per node: three components, padded to a vector register."""

type Single = NDArray[np.float32]


class VelocitySolver:
    """Solves A u = b for u of d components per node.

    Args:
        elements: Elements of the velocity.
        fixed: Local nodes (owned and ghost) with a prescribed velocity.
        tolerance: Residual of D^-1/2 A u = D^-1/2 b (D the diagonal of A) relative to the right-hand side, over all
            components together.
    """

    def __init__(self, elements: Elements, fixed: IntArray, *, tolerance: float) -> None:
        self._elements = elements
        self._comm = elements.domain.comm
        self._fixed = fixed
        self._tolerance = tolerance
        self._vector_halo, self._scalar_halo = Halo(elements, elements.dimension), Halo(elements, 1)
        self._single_halo = Halo(elements, WIDTH, np.float32)
        self._product = np.empty((elements.nodes, elements.dimension))
        self._scaled: Single = np.empty(elements.indices.size, dtype=np.float32)
        shape = (elements.nodes, WIDTH)
        self._residual: Single = np.zeros(shape, dtype=np.float32)
        self._correction: Single = np.zeros(shape, dtype=np.float32)
        self._directions: Single = np.zeros((MEMORY + 1, *shape), dtype=np.float32)
        self._images: Single = np.zeros((MEMORY + 1, *shape), dtype=np.float32)
        self.iterations = 0

    def solve(self, values: FloatArray, rhs: FloatArray, velocity: FloatArray) -> None:
        """Solve in place. Collective.

        Args:
            values: Values of the local matrix.
            rhs: (n, d) right-hand side, summed over the ranks; the rows of fixed nodes are not read.
            velocity: (n, d) start, with the prescribed values; becomes the solution, ghosts included.

        Raises:
            DivergenceError: The iteration does not converge or meets values that are not finite.
        """
        elements, owned = self._elements, self._elements.owned
        diagonal = values[elements.diagonal]
        self._scalar_halo.sum_to_owners(diagonal)
        with np.errstate(invalid="ignore", divide="ignore"):
            factors = 1.0 / np.sqrt(diagonal)
        factors[self._fixed] = 0.0
        _scale(elements.indptr, elements.indices, factors, values, self._scaled)
        total = self._sum(_size(diagonal, self._fixed[self._fixed < owned], factors, owned, rhs, velocity))
        limit = self._tolerance**2 * max(total, 1e-300)
        self.iterations = 0
        while True:
            multiply(elements.indptr, elements.indices, values, velocity, self._product)
            self._vector_halo.sum_to_owners(self._product)
            local = _set_residual(
                factors, rhs, self._product, owned, self._residual, self._directions[0], self._correction
            )
            square = self._comm.allreduce(local, op=MPI.SUM)
            if not np.isfinite(square).all():
                raise self._diverged("values that are not finite")
            if square.sum() <= limit:
                return
            target = max(limit, BEST_REDUCTION**2 * float(square.sum()))
            self._correct(square, target)
            velocity += factors[:, None] * self._correction[:, : elements.dimension]
            if target == limit:
                return

    def _correct(self, square: FloatArray, target: float) -> None:
        """Find a correction that brings the sum of the squares (WIDTH,) of the residual below the target."""
        owned = self._elements.owned
        lengths = np.ones((MEMORY + 1, WIDTH))
        count = 0
        while square.sum() > target:
            if self.iterations >= MAX_ITERATIONS:
                raise self._diverged("no convergence")
            new = count % (MEMORY + 1)
            count += 1
            self.iterations += 1
            self._multiply(self._directions[new], self._images[new])
            overlaps = self._comm.allreduce(_overlaps(new, self._images, owned), op=MPI.SUM)
            shares = overlaps / lengths
            shares[new] = 0.0
            shares[count:] = 0.0
            local = _orthogonalise(new, shares, self._directions, self._images, self._residual, owned)
            lengths[new], along = self._comm.allreduce(local, op=MPI.SUM)
            step = _ratio(along, lengths[new])
            if not np.isfinite(step).all():
                raise self._diverged("values that are not finite")
            lengths[new] = np.maximum(lengths[new], 1e-300)
            local = _advance(
                step,
                self._directions[new],
                self._images[new],
                self._residual,
                self._correction,
                self._directions[(new + 1) % (MEMORY + 1)],
                owned,
            )
            square = self._comm.allreduce(local, op=MPI.SUM)

    def _multiply(self, x: Single, y: Single) -> None:
        _multiply_single(self._elements.indptr, self._elements.indices, self._scaled, x, y)
        self._single_halo.sum_to_owners(y)

    def _sum(self, local: float) -> float:
        return float(self._comm.allreduce(local, op=MPI.SUM))

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


# Sums may not be reordered in the two products: vectors over the entries of a row would have to be gathered.
@njit(cache=True, fastmath={"contract"})
def multiply(
    indptr: NDArray[np.uint32], indices: NDArray[np.int32], values: FloatArray, x: FloatArray, y: FloatArray
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


@njit(cache=True, fastmath={"contract"})
def _multiply_single(
    indptr: NDArray[np.uint32], indices: NDArray[np.uint32], values: Single, x: Single, y: Single
) -> None:
    """The same with vectors (n, WIDTH); two sums a component hide the latency of the additions."""
    zero = np.float32(0.0)
    for row in range(indptr.size - 1):
        a, b, c, d = zero, zero, zero, zero
        e, f, g, h = zero, zero, zero, zero
        slot, end = indptr[row], indptr[row + 1]
        if (end - slot) % 2:
            v, j = values[slot], indices[slot]
            a, b, c, d = v * x[j, 0], v * x[j, 1], v * x[j, 2], v * x[j, 3]
            slot += np.uint32(1)
        while slot < end:
            v, j = values[slot], indices[slot]
            a += v * x[j, 0]
            b += v * x[j, 1]
            c += v * x[j, 2]
            d += v * x[j, 3]
            v, j = values[slot + np.uint32(1)], indices[slot + np.uint32(1)]
            e += v * x[j, 0]
            f += v * x[j, 1]
            g += v * x[j, 2]
            h += v * x[j, 3]
            slot += np.uint32(2)
        y[row, 0], y[row, 1], y[row, 2], y[row, 3] = a + e, b + f, c + g, d + h


@njit(cache=True, fastmath=True)
def _scale(
    indptr: NDArray[np.uint32],
    indices: NDArray[np.uint32],
    factors: FloatArray,
    values: FloatArray,
    scaled: Single,
) -> None:
    """Multiply rows and columns by factors, in single precision."""
    for row in range(factors.size):
        for slot in range(indptr[row], indptr[row + 1]):
            scaled[slot] = factors[row] * values[slot] * factors[indices[slot]]


@njit(cache=True)
def _size(
    diagonal: FloatArray,
    fixed: IntArray,
    factors: FloatArray,
    owned: int,
    rhs: FloatArray,
    velocity: FloatArray,
) -> float:
    """Square of the scaled right-hand side over the owned nodes; at fixed nodes |D| u.

    Where fast flow is prescribed, convection alone may make the diagonal of a fixed node negative.
    """
    total = 0.0
    for row in range(owned):
        for d in range(rhs.shape[1]):
            total += (factors[row] * rhs[row, d]) ** 2
    for row in fixed:
        for d in range(rhs.shape[1]):
            total += abs(diagonal[row]) * velocity[row, d] ** 2
    return total


@njit(cache=True)
def _set_residual(
    factors: FloatArray,
    rhs: FloatArray,
    product: FloatArray,
    owned: int,
    residual: Single,
    direction: Single,
    correction: Single,
) -> FloatArray:
    """Set residual and first direction, and clear the correction; (WIDTH,) squares of the owned residual."""
    total = np.zeros(WIDTH)
    for row in range(rhs.shape[0]):
        for d in range(rhs.shape[1]):
            value = factors[row] * (rhs[row, d] - product[row, d])
            if row < owned:
                total[d] += value * value
            residual[row, d] = value
            direction[row, d] = value
            correction[row, d] = 0.0
    return total


@njit(cache=True, fastmath={"contract"})
def _overlaps(new: int, images: Single, owned: int) -> FloatArray:
    """(MEMORY + 1, WIDTH) inner products of the new image with all images."""
    total = np.zeros((MEMORY + 1, WIDTH))
    for k in range(MEMORY + 1):
        if k != new:
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for row in range(owned):
                a += np.float64(images[new, row, 0]) * images[k, row, 0]
                b += np.float64(images[new, row, 1]) * images[k, row, 1]
                c += np.float64(images[new, row, 2]) * images[k, row, 2]
                d += np.float64(images[new, row, 3]) * images[k, row, 3]
            total[k] = (a, b, c, d)
    return total


@njit(cache=True, fastmath={"contract"})
def _orthogonalise(
    new: int, shares: FloatArray, directions: Single, images: Single, residual: Single, owned: int
) -> FloatArray:
    """Subtract shares of the other directions and images from the new ones.

    Returns (2, WIDTH): squares of the new image, and its inner products with the residual.
    """
    weights = shares.astype(np.float32)
    total = np.zeros((2, WIDTH))
    for row in range(residual.shape[0]):
        for d in range(WIDTH):
            p, q = directions[new, row, d], images[new, row, d]
            for k in range(MEMORY + 1):
                p -= weights[k, d] * directions[k, row, d]
                q -= weights[k, d] * images[k, row, d]
            directions[new, row, d], images[new, row, d] = p, q
            if row < owned:
                total[0, d] += np.float64(q) * q
                total[1, d] += np.float64(q) * residual[row, d]
    return total


@njit(cache=True, fastmath={"contract"})
def _advance(
    step: FloatArray,
    direction: Single,
    image: Single,
    residual: Single,
    correction: Single,
    following: Single,
    owned: int,
) -> FloatArray:
    """correction += step direction; residual -= step image; the residual is the next direction. Its squares."""
    length = step.astype(np.float32)
    total = np.zeros(WIDTH)
    for row in range(residual.shape[0]):
        for d in range(WIDTH):
            correction[row, d] += length[d] * direction[row, d]
            value = residual[row, d] - length[d] * image[row, d]
            residual[row, d] = value
            following[row, d] = value
            if row < owned:
                total[d] += np.float64(value) * value
    return total
