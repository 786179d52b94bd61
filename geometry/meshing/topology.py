"""Which tetrahedra share a face: neighbours, boundary, pieces."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geometry.meshing.cell_shapes import FACES
from hemoplan.arrays import IntArray

BOUNDARY, OVERLAP = -1, -2
"""Instead of a neighbour: there is none, or there are several."""


@njit(cache=True)
def face_neighbours(tetrahedra: IntArray, vertices: int) -> IntArray:
    """(m, 4) the cell behind the face opposite to each corner; `BOUNDARY` or `OVERLAP` where it is not one.

    Faces are put into the bucket of their smallest vertex and compared there, so the work is linear in the cells.
    """
    cells = len(tetrahedra)
    start = np.zeros(vertices + 1, np.int64)
    smallest = np.empty((cells, 4), np.int64)
    middle = np.empty((cells, 4), np.int64)
    for cell in range(cells):
        for face in range(4):
            a, b, c = (
                tetrahedra[cell, FACES[face][0]],
                tetrahedra[cell, FACES[face][1]],
                tetrahedra[cell, FACES[face][2]],
            )
            low, high = min(a, b, c), max(a, b, c)
            smallest[cell, face] = low
            middle[cell, face] = (a + b + c - low - high) * vertices + high
            start[low + 1] += 1
    for vertex in range(vertices):
        start[vertex + 1] += start[vertex]
    filled = start[:-1].copy()
    bucket = np.empty(4 * cells, np.int64)
    for cell in range(cells):
        for face in range(4):
            low = smallest[cell, face]
            bucket[filled[low]] = 4 * cell + face
            filled[low] += 1
    neighbours = np.full((cells, 4), BOUNDARY, np.int64)
    for vertex in range(vertices):
        for first in range(start[vertex], start[vertex + 1]):
            one, face = divmod(bucket[first], 4)
            key = middle[one, face]
            for second in range(first + 1, start[vertex + 1]):
                other, side = divmod(bucket[second], 4)
                if middle[other, side] != key:
                    continue
                if neighbours[one, face] == BOUNDARY and neighbours[other, side] == BOUNDARY:
                    neighbours[one, face] = other
                    neighbours[other, side] = one
                else:
                    neighbours[one, face] = OVERLAP
                    neighbours[other, side] = OVERLAP
    return neighbours


@njit(cache=True)
def count_pieces(neighbours: IntArray) -> int:
    """Number of groups of cells that hang together face by face."""
    cells = len(neighbours)
    seen = np.zeros(cells, np.bool_)
    stack = np.empty(cells, np.int64)
    pieces = 0
    for seed in range(cells):
        if seen[seed]:
            continue
        pieces += 1
        seen[seed] = True
        stack[0] = seed
        height = 1
        while height > 0:
            height -= 1
            cell = stack[height]
            for face in range(4):
                other = neighbours[cell, face]
                if other >= 0 and not seen[other]:
                    seen[other] = True
                    stack[height] = other
                    height += 1
    return pieces


@njit(cache=True)
def cells_around(tetrahedra: IntArray, chosen: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Cells around each chosen vertex, as rows: `start` (n + 1,) and `cells`; vertices not chosen have empty rows.

    Args:
        tetrahedra: (m, 4) corners.
        chosen: (n,) whether a vertex is chosen.
    """
    start = np.zeros(len(chosen) + 1, np.int64)
    for cell in range(len(tetrahedra)):
        for corner in range(4):
            vertex = tetrahedra[cell, corner]
            if chosen[vertex]:
                start[vertex + 1] += 1
    for vertex in range(len(chosen)):
        start[vertex + 1] += start[vertex]
    filled = start[:-1].copy()
    cells = np.empty(start[-1], np.int64)
    for cell in range(len(tetrahedra)):
        for corner in range(4):
            vertex = tetrahedra[cell, corner]
            if chosen[vertex]:
                cells[filled[vertex]] = cell
                filled[vertex] += 1
    return start, cells
