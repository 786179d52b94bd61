"""The order in which a circuit's Jacobian is eliminated, worked out once for many factorisations.

Pressures and flows of a circuit have no diagonal to pivot on, so rows and columns are paired by SuperLU's pivoting
(Demmel et al. 1999, DOI 10.1137/S0895479895291765) on the Jacobian of the moment, with scaled rows; the pattern of the
factors follows from the pattern of the Jacobian, and the kernel then factorises without any search. Where later values
do not bear that order, it is worked out anew.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.sparse.linalg import splu

from hemoplan.arrays import FloatArray, IntArray
from lumped.svzerod.kernel import Elimination

PIVOT_THRESHOLD = 0.1


def plan_elimination(n: int, rows: IntArray, columns: IntArray, values: FloatArray) -> Elimination | None:
    """Order the pivots of a sparse matrix and list what each does.

    Args:
        n: Size of the matrix.
        rows: (s,) rows of the entries that may differ from zero.
        columns: (s,) their columns.
        values: (s,) their values of the moment.

    Returns:
        The program, or None if the matrix is singular.
    """
    largest = np.zeros(n)
    np.maximum.at(largest, rows, np.abs(values))
    if not (np.isfinite(largest).all() and largest.all()):
        return None
    scale: FloatArray = np.asarray(1.0 / largest, dtype=np.float64)
    matrix = csc_matrix((values * scale[rows], (rows, columns)), shape=(n, n))
    try:
        factors = splu(matrix, diag_pivot_thresh=PIVOT_THRESHOLD)
    except RuntimeError:
        return None
    row_order = np.argsort(factors.perm_r).astype(np.int64)
    column_order = np.argsort(factors.perm_c).astype(np.int64)
    return _plan(n, rows, columns, scale, row_order, column_order)


def find_undetermined(n: int, rows: IntArray, columns: IntArray) -> tuple[list[int], list[int]]:
    """Equations and unknowns that cannot be paired, so that the matrix is singular whatever its values."""
    pattern = csc_matrix((np.ones(rows.size), (rows, columns)), shape=(n, n)).tocsr()
    partner = maximum_bipartite_matching(pattern, perm_type="column")
    lone_rows = [int(i) for i in np.flatnonzero(partner < 0)]
    lone_columns = sorted(set(range(n)) - {int(j) for j in partner})
    return lone_rows, lone_columns


def _plan(
    n: int,
    rows: IntArray,
    columns: IntArray,
    scale: FloatArray,
    row_order: IntArray,
    column_order: IntArray,
) -> Elimination:
    row_position = np.argsort(row_order)
    column_position = np.argsort(column_order)
    entries: dict[tuple[int, int], int] = {}
    right: list[set[int]] = [set() for _ in range(n)]
    below: list[set[int]] = [set() for _ in range(n)]

    def enter(i: int, j: int) -> int:
        if (i, j) not in entries:
            entries[i, j] = len(entries)
            right[i].add(j)
            below[j].add(i)
        return entries[i, j]

    place = [enter(int(row_position[i]), int(column_position[j])) for i, j in zip(rows, columns, strict=True)]
    for k in range(n):
        enter(k, k)
    lower: list[tuple[int, int]] = []
    upper: list[tuple[int, int]] = []
    lower_start, upper_start = [0], [0]
    target: list[int] = []
    for k in range(n):
        behind = sorted(j for j in right[k] if j > k)
        under = sorted(i for i in below[k] if i > k)
        upper.extend((entries[k, j], j) for j in behind)
        lower.extend((entries[i, k], i) for i in under)
        upper_start.append(len(upper))
        lower_start.append(len(lower))
        target.extend(enter(i, j) for i in under for j in behind)
    return Elimination(
        row_scale=scale,
        row_order=row_order,
        column_order=column_order,
        place=np.array(place, dtype=np.int64),
        size=len(entries),
        pivot=np.array([entries[k, k] for k in range(n)], dtype=np.int64),
        lower_start=np.array(lower_start, dtype=np.int64),
        lower_entry=np.array([entry for entry, _ in lower], dtype=np.int64),
        lower_position=np.array([i for _, i in lower], dtype=np.int64),
        upper_start=np.array(upper_start, dtype=np.int64),
        upper_entry=np.array([entry for entry, _ in upper], dtype=np.int64),
        upper_position=np.array([j for _, j in upper], dtype=np.int64),
        target=np.array(target, dtype=np.int64),
    )
