"""Self-intersections of a triangle surface."""

from __future__ import annotations

import numpy as np

from geometry.surfaces.box_tree import LEAF, build_tree
from geometry.surfaces.crossing_kernels import search
from hemoplan.arrays import FloatArray, IntArray


def self_intersections(points: FloatArray, triangles: IntArray) -> IntArray:
    """(k, 2) pairs of triangles, the lower number first, that meet outside of the vertices and edges they share.

    A touch counts, and so do two triangles that lie on each other; a mesher fails on those too. Pairs with a common
    vertex are tested as well: where a wall is pushed through itself in a sharp crease, only such pairs may cross.

    Args:
        points: (n, 3) finite vertices [m]; the answer does not depend on the unit.
        triangles: (m, 3) indices; no triangle of zero area.
    """
    if not len(triangles):
        return np.empty((0, 2), dtype=np.int64)
    points, triangles = np.ascontiguousarray(points, dtype=np.float64), np.ascontiguousarray(triangles)
    tree = build_tree(points, triangles)
    found = np.empty((1024, 2), dtype=np.int64)
    while True:
        count = search(points, triangles, tree.low, tree.high, tree.order, LEAF, found)
        if count <= len(found):
            break
        found = np.empty((count, 2), dtype=np.int64)
    pairs = found[:count]
    return np.asarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])
