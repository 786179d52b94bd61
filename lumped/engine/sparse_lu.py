"""LU factors of a small sparse matrix whose pattern never changes: the elimination is worked out once.

The pivots are the diagonal in an order of least fill (Markowitz 1957, DOI 10.1287/mnsc.3.3.255). The matrices of a
circulation allow it: M - h J has a positive diagonal, and a junction's row is a sum of conductances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from lumped.compiled import compiled, inlined
from lumped.engine.network import ENTRY, PIVOT, Network, Records

TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Elimination:
    """The program of an elimination; see `Network` for the records.

    Attributes:
        slots: Where the value of each entry (row, column) is kept, those that the elimination fills in included.
        pivots, lower, upper, updates: As in `Network`.
    """

    slots: dict[tuple[int, int], int]
    pivots: Records
    lower: Records
    upper: Records
    updates: IntArray


def plan_elimination(n: int, entries: set[tuple[int, int]], last: set[int]) -> Elimination:
    """Order the pivots and list what each does.

    Args:
        n: Size of the matrix.
        entries: Rows and columns that are not zero.
        last: Pivots to leave to the end, as their diagonal is zero before the elimination reaches them.
    """
    filled = entries | {(i, i) for i in range(n)}
    rows: list[set[int]] = [set() for _ in range(n)]
    columns: list[set[int]] = [set() for _ in range(n)]
    for i, j in filled:
        rows[i].add(j)
        columns[j].add(i)
    left = set(range(n))
    order: list[int] = []
    while left:
        choice = min(
            left,
            key=lambda k: (k in last, (len(rows[k] & left) - 1) * (len(columns[k] & left) - 1), k),
        )
        left.remove(choice)
        order.append(choice)
        for i in columns[choice] & left:
            for j in rows[choice] & left:
                filled.add((i, j))
                rows[i].add(j)
                columns[j].add(i)
    place = {k: position for position, k in enumerate(order)}
    slots = {entry: index for index, entry in enumerate(sorted(filled))}
    pivots: list[tuple[int, ...]] = []
    lower: list[tuple[int, int]] = []
    upper: list[tuple[int, int]] = []
    updates: list[int] = []
    for k in order:
        below = [i for i in columns[k] if place[i] > place[k]]
        right = [j for j in rows[k] if place[j] > place[k]]
        ends = len(lower) + len(below), len(upper) + len(right)
        pivots.append((k, slots[k, k], len(lower), ends[0], len(upper), ends[1], len(updates)))
        lower += [(slots[i, k], i) for i in below]
        upper += [(slots[k, j], j) for j in right]
        updates += [slots[i, j] for i in below for j in right]
    return Elimination(
        slots=slots,
        pivots=np.array(pivots, dtype=PIVOT),
        lower=np.array(lower, dtype=ENTRY),
        upper=np.array(upper, dtype=ENTRY),
        updates=np.array(updates, dtype=np.int64),
    )


@inlined
def factorise(net: Network, values: FloatArray) -> int:
    """Replace the values of a matrix by those of its factors; the row of a pivot that vanishes, or -1."""
    for k in range(net.pivots.size):
        pivot = net.pivots[k]
        diagonal = values[pivot.diagonal]
        if not abs(diagonal) > TINY:
            return int(pivot.row)
        inverse = 1.0 / diagonal
        at = pivot.update
        for low in range(pivot.lower, pivot.lower_end):
            slot = net.lower[low].slot
            factor = values[slot] * inverse
            values[slot] = factor
            for up in range(pivot.upper, pivot.upper_end):
                values[net.updates[at]] -= factor * values[net.upper[up].slot]
                at += 1
        values[pivot.diagonal] = inverse
    return -1


@inlined
def solve(net: Network, values: FloatArray, b: FloatArray) -> None:
    """Replace the right-hand side (n,) by the solution."""
    n = net.pivots.size
    for k in range(n):
        pivot = net.pivots[k]
        x = b[pivot.row]
        for low in range(pivot.lower, pivot.lower_end):
            b[net.lower[low].index] -= values[net.lower[low].slot] * x
    for k in range(n - 1, -1, -1):
        pivot = net.pivots[k]
        x = b[pivot.row]
        for up in range(pivot.upper, pivot.upper_end):
            x -= values[net.upper[up].slot] * b[net.upper[up].index]
        b[pivot.row] = x * values[pivot.diagonal]


@compiled
def solve_many(net: Network, values: FloatArray, b: FloatArray) -> None:
    """Replace the right-hand sides (n, m) by the solutions."""
    n, m = net.pivots.size, b.shape[1]
    for k in range(n):
        pivot = net.pivots[k]
        for low in range(pivot.lower, pivot.lower_end):
            factor, target = values[net.lower[low].slot], net.lower[low].index
            for c in range(m):
                b[target, c] -= factor * b[pivot.row, c]
    for k in range(n - 1, -1, -1):
        pivot = net.pivots[k]
        for up in range(pivot.upper, pivot.upper_end):
            factor, source = values[net.upper[up].slot], net.upper[up].index
            for c in range(m):
                b[pivot.row, c] -= factor * b[source, c]
        inverse = values[pivot.diagonal]
        for c in range(m):
            b[pivot.row, c] *= inverse
