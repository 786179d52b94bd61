"""A tree of bounding boxes over triangles, for closest points and crossings.

The triangles are sorted along a Z-order curve through their centroids; the tree is complete and binary over runs of
`LEAF` neighbours on that curve, so that it needs no pointers: the children of node i are 2 i + 1 and 2 i + 2.

Source: Lauterbach et al., Computer Graphics Forum 28(2), 2009, doi:10.1111/j.1467-8659.2009.01377.x (linear trees).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, IntArray

LEAF = 4
"""Triangles in a leaf."""
_BITS = 20
"""Bits of each coordinate on the Z-order curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxTree:
    """Boxes over triangles.

    Attributes:
        low: (nodes, 3) lower corners of the nodes' boxes; the last (nodes + 1) / 2 are leaves.
        high: (nodes, 3) upper corners; an empty leaf has them below the lower ones.
        order: (m,) triangles in the order of the leaves.
    """

    low: FloatArray
    high: FloatArray
    order: IntArray


def build_tree(points: FloatArray, triangles: IntArray) -> BoxTree:
    """The tree over (m, 3) triangles, m > 0."""
    corners = points[triangles]
    low, high = corners.min(axis=1), corners.max(axis=1)
    order = np.argsort(_along_curve(0.5 * (low + high)), kind="stable")
    leaves = 1 << max(0, (-(-len(order) // LEAF) - 1)).bit_length()
    lows = np.full((leaves * LEAF, 3), np.inf)
    highs = np.full((leaves * LEAF, 3), -np.inf)
    lows[: len(order)], highs[: len(order)] = low[order], high[order]
    level_low, level_high = lows.reshape(-1, LEAF, 3).min(axis=1), highs.reshape(-1, LEAF, 3).max(axis=1)
    levels = [(level_low, level_high)]
    while len(level_low) > 1:
        level_low, level_high = (
            level_low.reshape(-1, 2, 3).min(axis=1),
            level_high.reshape(-1, 2, 3).max(axis=1),
        )
        levels.append((level_low, level_high))
    return BoxTree(
        low=np.vstack([level[0] for level in reversed(levels)]),
        high=np.vstack([level[1] for level in reversed(levels)]),
        order=order.astype(np.int64),
    )


def _along_curve(centres: FloatArray) -> NDArray[np.uint64]:
    """Position of points on the Z-order curve: the bits of their coordinates, interleaved."""
    lower = centres.min(axis=0)
    extent = max(float(np.ptp(centres, axis=0).max()), np.finfo(np.float64).tiny)
    cells = ((centres - lower) / extent * (2**_BITS - 1)).astype(np.uint64)
    code = np.zeros(len(centres), dtype=np.uint64)
    for axis in range(3):
        code |= _spread(cells[:, axis]) << np.uint64(axis)
    return code


def _spread(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Two zeros between the bits of a number of 21 bits."""
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits
