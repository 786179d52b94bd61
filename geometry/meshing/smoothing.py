"""Better cells by moving vertices inside: each to where the worst cell around it is best."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geometry.meshing.cell_shapes import EDGES, FACES, measure_cells
from geometry.meshing.topology import cells_around
from hemoplan.arrays import FloatArray, IntArray

POOR = 12.0
"""Smallest dihedral angle [degrees] below which, or 180° minus which above, a cell is worked on."""
POOR_RATIO = 0.2
"""Radius ratio below which a cell is worked on."""
_PASSES = 8
_DIRECTIONS = 14
_HALVINGS = 5
_REACH = 0.35
"""First step over the mean distance to the neighbours."""


def improve(points: FloatArray, tetrahedra: IntArray, movable: NDArray[np.bool_]) -> FloatArray:
    """Move vertices so that poor cells get better; no cell gets worse than the worst one around the vertex was.

    For each vertex of a poor cell, steps are tried into the 14 directions of a cube's faces and corners, halved while
    none helps; the goal is the smallest of all radius ratios and sines of dihedral angles of all cells around it,
    negative for inverted ones.

    Args:
        points: (n, 3) vertices [m].
        tetrahedra: (m, 4) positive cells.
        movable: (n,) whether a vertex may be moved.

    Returns:
        (n, 3) vertices.

    Source: the goal is that of Freitag & Ollivier-Gooch, Int J Numer Methods Eng 40, 1997,
        doi:10.1002/(SICI)1097-0207(19971115)40:21<3979::AID-NME251>3.0.CO;2-9.
    """
    result = np.ascontiguousarray(points).copy()
    for _ in range(_PASSES):
        shapes = measure_cells(result, tetrahedra)
        poor = (shapes.dihedral_min < POOR) | (shapes.dihedral_max > 180.0 - POOR)
        poor |= shapes.radius_ratio < POOR_RATIO
        chosen = np.zeros(len(points), dtype=bool)
        chosen[tetrahedra[poor]] = True
        chosen &= movable
        if not chosen.any():
            break
        start, cells = cells_around(tetrahedra, chosen)
        if not _move(result, tetrahedra, np.flatnonzero(chosen), start, cells):
            break
    return result


@njit(cache=True)
def _move(
    points: FloatArray, tetrahedra: IntArray, chosen: IntArray, start: IntArray, cells: IntArray
) -> int:
    """Move each chosen vertex by pattern search; returns how many moved."""
    directions = np.empty((_DIRECTIONS, 3))
    row = 0
    for x in range(-1, 2):
        for y in range(-1, 2):
            for z in range(-1, 2):
                squares = x * x + y * y + z * z
                if squares == 1 or squares == 3:
                    length = np.sqrt(float(squares))
                    directions[row, 0], directions[row, 1], directions[row, 2] = (
                        x / length,
                        y / length,
                        z / length,
                    )
                    row += 1
    moved = 0
    place = np.empty(3)
    for vertex in chosen:
        around = cells[start[vertex] : start[vertex + 1]]
        reach = 0.0
        for cell in around:
            for corner in range(4):
                square = 0.0
                for axis in range(3):
                    square += (points[tetrahedra[cell, corner], axis] - points[vertex, axis]) ** 2
                reach += np.sqrt(square)
        step = _REACH * reach / (3.0 * len(around))
        best = _worst(points, tetrahedra, around)
        before = best
        for _ in range(_HALVINGS):
            better = True
            while better:
                better = False
                for axis in range(3):
                    place[axis] = points[vertex, axis]
                chosen_direction = -1
                for direction in range(_DIRECTIONS):
                    for axis in range(3):
                        points[vertex, axis] = place[axis] + step * directions[direction, axis]
                    value = _worst(points, tetrahedra, around)
                    if value > best * (1.0 + 1e-9) + 1e-12:
                        best, chosen_direction = value, direction
                for axis in range(3):
                    points[vertex, axis] = place[axis]
                    if chosen_direction >= 0:
                        points[vertex, axis] += step * directions[chosen_direction, axis]
                better = chosen_direction >= 0
            step *= 0.5
        if best > before + 1e-6:
            moved += 1
    return moved


@njit(cache=True)
def _worst(points: FloatArray, tetrahedra: IntArray, cells: IntArray) -> float:
    """Smallest radius ratio and sine of the dihedral angles of some cells; minus 1 where one is inverted or flat.

    sin(angle) = 3 V L / (2 A B), with L the edge and A, B the areas of its two faces; the radius ratio as in
    `geometry.meshing.cell_shapes`.
    """
    worst = 1.0
    normal = np.empty((4, 3))
    area = np.empty(4)
    length = np.empty(6)
    for cell in cells:
        for face in range(4):
            a = tetrahedra[cell, FACES[face][0]]
            b = tetrahedra[cell, FACES[face][1]]
            c = tetrahedra[cell, FACES[face][2]]
            ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
            vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
            normal[face, 0] = uy * vz - uz * vy
            normal[face, 1] = uz * vx - ux * vz
            normal[face, 2] = ux * vy - uy * vx
            area[face] = np.sqrt(normal[face, 0] ** 2 + normal[face, 1] ** 2 + normal[face, 2] ** 2)
        six = 0.0
        for axis in range(3):
            six -= normal[3, axis] * (points[tetrahedra[cell, 3], axis] - points[tetrahedra[cell, 0], axis])
        if six <= 0.0 or min(area[0], area[1], area[2], area[3]) == 0.0:
            return -1.0
        for edge in range(6):
            one, other = EDGES[edge]
            # The edge between corners `one` and `other` lies in the faces opposite to the two remaining corners.
            left, right = EDGES[5 - edge]
            square = 0.0
            for axis in range(3):
                square += (points[tetrahedra[cell, one], axis] - points[tetrahedra[cell, other], axis]) ** 2
            length[edge] = np.sqrt(square)
            worst = min(worst, six * length[edge] / (area[left] * area[right]))
        p, q, r = length[0] * length[5], length[1] * length[4], length[2] * length[3]
        square = (p + q + r) * (p + q - r) * (p - q + r) * (-p + q + r)
        surface = 0.5 * (area[0] + area[1] + area[2] + area[3])
        if square > 0.0:
            worst = min(worst, 6.0 * six**2 / (surface * np.sqrt(square)))
    return worst
