"""Loops of a lumen: vessels that part and meet again, as at a central shunt."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.centerlines.branches import tube_gap
from geometry.centerlines.lines import Centerline
from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import FloatArray, IntArray


def count_loops(surface: Surface) -> int:
    """How many loops the lumen inside of a closed surface has: its genus, 0 in a tree.

    Euler's characteristic of c closed pieces is V - E + F = 2 c - 2 g, and E = 3 F / 2.
    """
    triangles = surface.triangles
    vertices = len(np.unique(triangles))
    characteristic = vertices - 3 * len(triangles) // 2 + len(triangles)
    return int((2 * len(np.unique(number_bodies(surface))) - characteristic) // 2)


def number_bodies(surface: Surface) -> IntArray:
    """(m,) number of the body, a piece that hangs together, that each triangle belongs to."""
    triangles = surface.triangles
    links = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    count = len(surface.points)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[triangles[:, 0]], dtype=np.int64)


def find_untraced(surface: Surface, centerline: Centerline) -> FloatArray:
    """(3,) the place of the wall that lies farthest outside of the tubes about the lines [m]."""
    wall = np.unique(surface.triangles[surface.patch_id == WALL_TAG])
    gap, _ = tube_gap(surface.points[wall], centerline.points, centerline.radius)
    return np.asarray(surface.points[wall[int(gap.argmax())]])
