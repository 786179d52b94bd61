"""Flooding of voxel grids, compiled: from seeds downhill, and in shells around a region.

Every function visits only the voxels it reaches, so a vessel costs its own volume and not that of the scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import IntArray

type Mask = NDArray[np.bool_]
type Values = NDArray[np.float32]

LEVELS = 2048
"""Intensities are told apart in so many steps between the floor and the highest value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invasion:
    """The order in which water from above would enter the voxels: always next to the highest that it touches.

    Attributes:
        voxels: (n,) flat indices in the order of entry.
        source: (n,) position in the order of the neighbour that each was entered from; -1 for a seed.
        level: (n,) value of each.
    """

    voxels: IntArray
    source: IntArray
    level: Values


def flood(allowed: Mask, seeds: IntArray) -> Mask:
    """Voxels that are connected with the seeds through faces of allowed voxels.

    Args:
        allowed: (nx, ny, nz) where water may go.
        seeds: (k, 3) indices; those on voxels that are not allowed are dry.
    """
    reached = np.zeros(allowed.shape, dtype=np.bool_)
    flat = np.ravel_multi_index(tuple(seeds.T), allowed.shape).astype(np.int64)
    _flood(np.ascontiguousarray(allowed).ravel(), reached.ravel(), np.array(allowed.shape), flat)
    return reached


def invade(values: Values, allowed: Mask, seeds: IntArray, *, floor: float) -> Invasion:
    """Enter voxels from seeds, always next to the highest voxel that touches what was entered.

    A body behind a narrow pass is entered only when everything higher on this side is full, and then filled down to
    the height of the pass: the pass is a new lowest voxel in the order, and the body follows it.

    Args:
        values: (nx, ny, nz) heights.
        allowed: (nx, ny, nz) where water may go.
        seeds: (k, 3) indices.
        floor: Voxels below this are not entered.
    """
    entered = np.ascontiguousarray(allowed & (values >= floor))
    flat = np.ravel_multi_index(tuple(seeds.T), values.shape).astype(np.int64)
    flat = flat[entered.ravel()[flat]]
    heights = np.ascontiguousarray(values, dtype=np.float32).ravel()
    count = int(np.count_nonzero(entered))
    if count == 0 or flat.size == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Invasion(voxels=nothing, source=nothing, level=np.empty(0, dtype=np.float32))
    top = float(values[entered].max())
    scale = (LEVELS - 1) / max(top - floor, 1e-30)
    order, source = _invade(heights, entered.ravel(), np.array(values.shape), flat, floor, scale, count)
    return Invasion(voxels=order, source=source, level=heights[order])


def depth_in(region: Mask) -> NDArray[np.uint8]:
    """City-block depth of every voxel in a region, 1 next to its surface, 0 outside, at most 255.

    The border of the array is no surface: a vessel that leaves the image goes on.
    """
    depth = np.zeros(region.shape, dtype=np.uint8)
    _shells(np.ascontiguousarray(region).ravel(), depth.ravel(), np.array(region.shape), 255, True)
    return depth


def distance_from(region: Mask, reach: int) -> NDArray[np.uint8]:
    """City-block distance of every voxel from a region, 0 in it and beyond the reach."""
    distance = np.zeros(region.shape, dtype=np.uint8)
    _shells(np.ascontiguousarray(region).ravel(), distance.ravel(), np.array(region.shape), reach, False)
    return distance


def erode(region: Mask, count: int = 1) -> Mask:
    """The region without its outer layers."""
    return np.asarray(depth_in(region) > count)


def dilate(region: Mask, count: int = 1) -> Mask:
    """The region with layers around it."""
    return np.asarray(region | (distance_from(region, count) > 0))


@njit(cache=True)
def _neighbours(voxel, shape, found):  # type: ignore[no-untyped-def]
    """Write the flat indices of the face neighbours, return their number."""
    nx, ny, nz = shape
    k = voxel % nz
    j = (voxel // nz) % ny
    i = voxel // (ny * nz)
    count = 0
    if k > 0:
        found[count] = voxel - 1
        count += 1
    if k < nz - 1:
        found[count] = voxel + 1
        count += 1
    if j > 0:
        found[count] = voxel - nz
        count += 1
    if j < ny - 1:
        found[count] = voxel + nz
        count += 1
    if i > 0:
        found[count] = voxel - ny * nz
        count += 1
    if i < nx - 1:
        found[count] = voxel + ny * nz
        count += 1
    return count


@njit(cache=True)
def _flood(allowed, reached, shape, seeds):  # type: ignore[no-untyped-def]
    stack = np.empty(1024, dtype=np.int64)
    around = np.empty(6, dtype=np.int64)
    height = 0
    for seed in seeds:
        if allowed[seed] and not reached[seed]:
            reached[seed] = True
            stack[height] = seed
            height += 1
        while height > 0:
            height -= 1
            count = _neighbours(stack[height], shape, around)
            if height + 6 >= len(stack):
                longer = np.empty(2 * len(stack), dtype=np.int64)
                longer[:height] = stack[:height]
                stack = longer
            for position in range(count):
                other = around[position]
                if allowed[other] and not reached[other]:
                    reached[other] = True
                    stack[height] = other
                    height += 1


@njit(cache=True)
def _invade(heights, allowed, shape, seeds, floor, scale, count):  # type: ignore[no-untyped-def]
    """A priority queue of buckets, one a level; in a bucket the last voxel comes first."""
    order = np.empty(count, dtype=np.int64)
    source = np.empty(count, dtype=np.int64)
    waiting = np.empty(count, dtype=np.int64)
    came_from = np.empty(count, dtype=np.int64)
    below = np.empty(count, dtype=np.int64)
    heads = np.full(LEVELS, -1, dtype=np.int64)
    around = np.empty(6, dtype=np.int64)
    pushed, popped, top = 0, 0, -1
    for seed in seeds:
        if allowed[seed]:
            allowed[seed] = False
            level = int((heights[seed] - floor) * scale)
            waiting[pushed], came_from[pushed], below[pushed] = seed, -1, heads[level]
            heads[level] = pushed
            pushed += 1
            top = max(top, level)
    while top >= 0:
        if heads[top] < 0:
            top -= 1
            continue
        slot = heads[top]
        heads[top] = below[slot]
        voxel = waiting[slot]
        order[popped], source[popped] = voxel, came_from[slot]
        for position in range(_neighbours(voxel, shape, around)):
            other = around[position]
            if allowed[other]:
                allowed[other] = False
                level = int((heights[other] - floor) * scale)
                waiting[pushed], came_from[pushed], below[pushed] = other, popped, heads[level]
                heads[level] = pushed
                pushed += 1
                top = max(top, level)
        popped += 1
    return order[:popped], source[:popped]


@njit(cache=True)
def _shells(region, distance, shape, reach, inwards):  # type: ignore[no-untyped-def]
    """Number the layers of voxels inwards from a region's surface, or outwards."""
    around = np.empty(6, dtype=np.int64)
    current = np.empty(4096, dtype=np.int64)
    size = 0
    for voxel in range(len(region)):
        if not region[voxel]:
            continue
        for position in range(_neighbours(voxel, shape, around)):
            other = around[position]
            if region[other]:
                continue
            start = voxel if inwards else other
            if distance[start] == 0:
                distance[start] = 1
                if size == len(current):
                    longer = np.empty(2 * size, dtype=np.int64)
                    longer[:size] = current
                    current = longer
                current[size] = start
                size += 1
    layer = 1
    while size > 0 and layer < reach:
        layer += 1
        following = np.empty(6 * size, dtype=np.int64)
        count = 0
        for index in range(size):
            for position in range(_neighbours(current[index], shape, around)):
                other = around[position]
                if region[other] == inwards and distance[other] == 0:
                    distance[other] = layer
                    following[count] = other
                    count += 1
        current, size = following, count
    if inwards and reach == 255:
        # A region that fills the array has no surface: all of it is deep.
        for voxel in range(len(region)):
            if region[voxel] and distance[voxel] == 0:
                distance[voxel] = 255
