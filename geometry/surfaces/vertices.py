"""Vertices of a surface that is all wall: who is whose neighbour."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import FloatArray, IntArray


def all_wall(points: FloatArray, triangles: IntArray) -> Surface:
    """A surface without openings."""
    return Surface(
        points=points, triangles=triangles, patch_id=np.full(len(triangles), WALL_TAG, dtype=np.int64)
    )


def adjacency(count: int, triangles: IntArray) -> csr_array:
    """Symmetric (count, count) matrix with 1 where two vertices share an edge."""
    start = triangles.ravel()
    end = np.roll(triangles, -1, axis=1).ravel()
    rows, columns = np.concatenate([start, end]), np.concatenate([end, start])
    matrix = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
    matrix.data[:] = 1.0
    return matrix
