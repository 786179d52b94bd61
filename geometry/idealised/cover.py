"""Partial volumes: which fraction of every voxel a lumen covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.idealised.anatomy import BLEND_WIDTH, Anatomy, Branch, union_distance, union_distance_around
from geometry.idealised.sweep_kernels import mark_near_spheres
from hemoplan.arrays import FloatArray, IntArray

SUPERSAMPLES = 3
"""Samples along a voxel's edge where a surface passes through the voxel."""
BLOCK = 4
"""Voxels along the edge of the blocks that are kept or left out together."""
CHUNK = 400_000
"""Voxels that are worked on at a time: bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cell centres along x, y and z.

    Attributes:
        lower: (3,) centre of the first cell [m].
        spacing: (3,) distance of centres [m].
        shape: (3,) number of cells.
    """

    lower: FloatArray
    spacing: FloatArray
    shape: tuple[int, int, int]

    def axis(self, axis: int) -> FloatArray:
        """(n,) coordinates of the centres along one axis [m]."""
        return np.asarray(self.lower[axis] + self.spacing[axis] * np.arange(self.shape[axis]))

    def points(self, flat: IntArray) -> FloatArray:
        """(n, 3) centres of cells of given flat (C order) indices [m]."""
        return np.asarray(self.lower + self.spacing * np.column_stack(np.unravel_index(flat, self.shape)))


def grid_of(anatomy: Anatomy, spacing: FloatArray, *, extra: IntArray | None = None) -> Grid:
    """Cells that fill an anatomy's field of view, and `extra` cells on either side."""
    lower, upper = anatomy.field_of_view
    around = np.zeros(3, dtype=np.int64) if extra is None else extra
    counts = np.floor((upper - lower) / spacing + 1.0e-9).astype(int) + 2 * around
    nx, ny, nz = (int(count) for count in counts)
    return Grid(lower=lower + spacing * (0.5 - around), spacing=spacing, shape=(nx, ny, nz))


def cells_near(tubes: Sequence[Branch], grid: Grid, reach: float) -> IntArray:
    """Flat indices of all cells that lie in tubes or within a reach of them [m], with some that lie farther."""
    blocks = [-(-count // BLOCK) for count in grid.shape]
    marks = np.zeros(blocks, dtype=np.bool_)
    step = BLOCK * grid.spacing
    half_diagonal = 0.5 * float(np.linalg.norm(step))
    for tube in tubes:
        centres, radii = tube.spheres()
        lower = grid.lower + 0.5 * (BLOCK - 1) * grid.spacing
        mark_near_spheres(marks, lower, step, centres, radii + reach + half_diagonal)
    kept = np.argwhere(marks) * BLOCK
    inside = np.stack(np.meshgrid(*3 * [np.arange(BLOCK)], indexing="ij"), axis=-1).reshape(-1, 3)
    cells = (kept[:, None, :] + inside).reshape(-1, 3)
    cells = cells[np.all(cells < np.array(grid.shape), axis=1)]
    return np.asarray(np.sort(np.ravel_multi_index(tuple(cells.T), grid.shape)), dtype=np.int64)


def paint(
    values: NDArray[np.float32],
    grid: Grid,
    tubes: Sequence[Branch],
    intensity: float,
    blend: float = BLEND_WIDTH,
) -> None:
    """Mix an intensity into voxel values, by the fraction of each voxel that a union of tubes covers."""
    flat = values.reshape(-1)
    for cells, cover in covers(grid, tubes, blend):
        flat[cells] += (cover * (intensity - flat[cells])).astype(np.float32)


def covers(
    grid: Grid, tubes: Sequence[Branch], blend: float = BLEND_WIDTH
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Flat indices of cells near a union of tubes and the fraction of each that it covers, chunk by chunk.

    Where the surface passes through a cell, `SUPERSAMPLES`³ samples are counted; their distances are those of the
    swept tubes, with the foot point of each sample found from that of the cell's centre.
    """
    half_diagonal = 0.5 * float(np.linalg.norm(grid.spacing))
    steps = (np.arange(SUPERSAMPLES) + 0.5) / SUPERSAMPLES - 0.5
    offsets = grid.spacing * np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    near = cells_near(tubes, grid, half_diagonal)
    for begin in range(0, len(near), CHUNK):
        cells = near[begin : begin + CHUNK]
        points = grid.points(cells)
        signed = union_distance(tubes, points, blend)
        cover = (signed < 0.0).astype(np.float64)
        # The distance is exact to first order only, so the band that is sampled finely is wider than the half diagonal.
        band = np.flatnonzero(np.abs(signed) < 1.2 * half_diagonal)
        cover[band] = (union_distance_around(tubes, points[band], offsets, blend) < 0.0).mean(axis=1)
        yield cells, cover
