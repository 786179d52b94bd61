"""Voxels as a file places them, on axes that need not be orthogonal, and the way to an orthogonal grid.

A computed tomograph with a tilted gantry moves the table along one direction and cuts across another, so that each
slice is shifted against the one before; files with affine matrices can state the same. Everything after this works on
orthogonal grids, so such a lattice is sheared upright, one axis after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

type Voxels = NDArray[np.generic]
type FloatVoxels = NDArray[np.float32]

NEGLIGIBLE = 0.05
"""Shift over the whole image [voxels] up to which axes count as orthogonal: what the rounding of headers gives."""
EXACT = 1.0e-12
"""Steps that differ by this share of a voxel are the same."""
FLAT = 1.0e-6
"""Share of the product of the spacings that the volume of a voxel must reach; below, two axes are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Voxels at the world coordinates (RAS) origin + steps @ i.

    Attributes:
        voxels: (nx, ny, nz) values.
        origin: (3,) centre of the first voxel [m].
        steps: (3, 3) columns lead from a voxel to the next along each index [m].
    """

    voxels: Voxels
    origin: FloatArray
    steps: FloatArray

    @property
    def spacing(self) -> FloatArray:
        """(3,) distance of neighbouring voxels along each index [m]."""
        return np.asarray(np.linalg.norm(self.steps, axis=0))


def straighten(lattice: Lattice, *, labels: bool = False, where: str = "") -> Lattice:
    """The same image with orthogonal axes; unchanged where they are.

    With steps = Q U, Q orthonormal and U upper triangular, the first axis and the planes of the first two are kept.
    Rows are shifted within the planes by fractions of a voxel, with the cubic convolution of Keys, IEEE Transactions
    on Acoustics, Speech, and Signal Processing 29 (1981) 1153, doi:10.1109/TASSP.1981.1163711. The grid grows by the
    shift; what lies outside of the scan has its lowest value.

    Args:
        lattice: The image as its file places it.
        labels: Voxels are labels, so the nearest is taken and 0 lies outside.
        where: The file, for the error.

    Raises:
        ImageError: The axes do not span a volume.
    """
    spacing = lattice.spacing
    if abs(float(np.linalg.det(lattice.steps))) <= FLAT * float(np.prod(spacing)):
        raise ImageError(
            "the axes of the image do not span a volume",
            where=where,
            value="; ".join(" ".join(f"{1e3 * step:g}" for step in axis) for axis in lattice.steps.T) + " mm",
            expected="three independent directions",
            remedy="export the scan again with its geometry",
        )
    rotation, upper = np.linalg.qr(lattice.steps)
    signs = np.sign(np.diag(upper))
    rotation, upper = rotation * signs, signs[:, None] * upper
    _, rows, planes = lattice.voxels.shape
    slopes = upper / np.diag(upper)[:, None]
    drift = max(
        abs(slopes[0, 1]) * (rows - 1) + abs(slopes[0, 2]) * (planes - 1), abs(slopes[1, 2]) * (planes - 1)
    )
    if drift <= NEGLIGIBLE:
        return _square(lattice, rotation * spacing)
    voxels = lattice.voxels.astype(np.float32)
    fill = 0.0 if labels else float(voxels.min())
    # Rows within their planes first: the shift of a column then follows from its new row.
    along_second = np.broadcast_to(slopes[1, 2] * np.arange(planes), (1, planes))
    voxels, second = _shift(np.swapaxes(voxels, 0, 1), along_second, fill=fill, labels=labels)
    voxels = np.swapaxes(voxels, 0, 1)
    row = np.arange(voxels.shape[1])[:, None] + second - slopes[1, 2] * np.arange(planes)
    voxels, first = _shift(
        voxels, slopes[0, 1] * row + slopes[0, 2] * np.arange(planes), fill=fill, labels=labels
    )
    steps = rotation * np.diag(upper)
    return Lattice(voxels=voxels, origin=lattice.origin + steps @ [first, second, 0.0], steps=steps)


def _square(lattice: Lattice, steps: FloatArray) -> Lattice:
    """The lattice with steps that differ from its own by rounding, its middle kept."""
    if np.allclose(steps, lattice.steps, rtol=0.0, atol=EXACT * float(lattice.spacing.max())):
        return lattice
    middle = 0.5 * (np.array(lattice.voxels.shape) - 1.0)
    origin = lattice.origin + (lattice.steps - steps) @ middle
    return Lattice(voxels=lattice.voxels, origin=origin, steps=steps)


def _shift(voxels: FloatVoxels, shifts: FloatArray, *, fill: float, labels: bool) -> tuple[FloatVoxels, int]:
    """Lines along the first index moved by shifts (second or 1, third) [voxels]; also the index of the new first."""
    first = int(np.floor(shifts.min()))
    size = voxels.shape[0] + int(np.ceil(shifts.max())) - first
    lines = np.broadcast_to(shifts - first, voxels.shape[1:])
    moved = np.empty((voxels.shape[2], voxels.shape[1], size), dtype=np.float32)
    _shift_lines(np.ascontiguousarray(voxels.transpose()), np.ascontiguousarray(lines.T), fill, labels, moved)
    return moved.transpose(), first


@njit(cache=True)
def _shift_lines(
    lines: FloatVoxels, shifts: FloatArray, fill: float, labels: bool, moved: FloatVoxels
) -> None:
    """Move lines (a, b, n) by shifts (a, b) >= 0 into moved (a, b, m)."""
    last = lines.shape[2] - 1
    for a in range(lines.shape[0]):
        for b in range(lines.shape[1]):
            for new in range(moved.shape[2]):
                place = new - shifts[a, b]
                if place < -0.5 or place > last + 0.5:
                    moved[a, b, new] = fill
                    continue
                if labels:
                    nearest = min(max(int(np.floor(place + 0.5)), 0), last)
                    moved[a, b, new] = lines[a, b, nearest]
                    continue
                base = int(np.floor(place))
                t = place - base
                p0 = lines[a, b, min(max(base - 1, 0), last)]
                p1 = lines[a, b, min(max(base, 0), last)]
                p2 = lines[a, b, min(max(base + 1, 0), last)]
                p3 = lines[a, b, min(max(base + 2, 0), last)]
                moved[a, b, new] = p1 + 0.5 * t * (
                    p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0))
                )
