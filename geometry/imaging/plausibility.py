"""What no scanner makes: grids without extent, in the wrong unit or too coarse in one direction, and empty voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.imaging.lattice import Lattice
from geometry.imaging.refusals import refuse_missing_spacing
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

MILLIMETRE = 1.0e-3
"""Image files hold millimetres; everything else here is in metres."""
SPACING_RANGE = (1.0e-5, 2.0e-2)
"""Plausible distance of voxels [m]; outside of it the file's unit is wrong."""
LARGEST_EXTENT = 2.5
"""Longest plausible side of a scan [m]: a whole adult."""
MAX_ANISOTROPY = 5.0
"""Largest accepted ratio of the spacings: beyond, a vessel across is seen in one or two slices."""
TOLERANCE = 1.01
"""On that ratio, for rounded headers."""
UNITS = {"metres": 1.0e3, "centimetres": 10.0, "micrometres": 1.0e-3}
"""Units that a header can hold by mistake, in millimetres."""


def format_lengths(values: FloatArray | Sequence[float]) -> str:
    """Lengths [m] such as `0.35 × 0.35 × 0.6 mm`."""
    return " × ".join(f"{value / MILLIMETRE:.4g}" for value in values) + " mm"


def format_point(point: FloatArray) -> str:
    """World coordinates [m] such as `(12.0, -3.5, 40.2) mm`."""
    # Adding zero takes the sign from a negative zero.
    return "(" + ", ".join(f"{round(float(value) / MILLIMETRE, 1) + 0.0:.1f}" for value in point) + ") mm"


def check_grid(lattice: Lattice, *, where: str) -> None:
    """Raise an ImageError if the grid is one that no scanner makes."""
    spacing, (low, high) = lattice.spacing, SPACING_RANGE
    if float(spacing.min()) <= 0.0 or not np.all(np.isfinite(lattice.steps)):
        refuse_missing_spacing(where, format_lengths(spacing))
    if not np.all(np.isfinite(lattice.origin)):
        raise ImageError("the position of the image is not a number", where=where)
    extent = spacing * lattice.voxels.shape
    implausible = np.any(spacing < low) or np.any(spacing > high)
    if implausible or np.any(extent > LARGEST_EXTENT):
        raise ImageError(
            f"the {'spacing' if implausible else 'size'} of the image is implausible",
            where=where,
            value=format_lengths(spacing if implausible else extent),
            expected=f"{low / MILLIMETRE:g} to {high / MILLIMETRE:g} mm between voxels"
            if implausible
            else f"at most {LARGEST_EXTENT / MILLIMETRE:g} mm",
            remedy=_guess_unit(spacing),
        )
    if spacing.max() > TOLERANCE * MAX_ANISOTROPY * spacing.min():
        raise ImageError(
            "the voxels are too long in one direction",
            where=where,
            value=f"{format_lengths(spacing)}, {spacing.max() / spacing.min():.1f} : 1",
            expected=f"at most {MAX_ANISOTROPY:g} : 1: a vessel across the long side lies in one or two "
            f"slices, and its diameter is not in the data",
            remedy=f"use the thin reconstruction of the scan; to go on without what the slices lose, resample it "
            f"to at least {MAX_ANISOTROPY:g} : 1 with your image software",
        )


def check_voxels(lattice: Lattice, *, where: str) -> None:
    """Raise an ImageError if voxels are no numbers, or all the same."""
    voxels = lattice.voxels
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite(low) or not np.isfinite(high):
        wrong = np.argwhere(~np.isfinite(voxels))
        raise ImageError(
            "the image holds values that are not numbers",
            where=where,
            value=f"{len(wrong)} of {voxels.size} voxels are NaN or infinite, "
            f"the first at {format_point(lattice.origin + lattice.steps @ wrong[0])}",
            remedy="export the scan again, or fill them with the intensity of air",
        )
    if low == high:
        raise ImageError(
            "the image is empty",
            where=where,
            value=f"every voxel is {low:g}",
            expected="an image with contrast",
            remedy="check that the right file or series was exported",
        )


def _guess_unit(spacing: FloatArray) -> str:
    """Which unit would make the spacing that of a scan."""
    low, high = 0.1 * MILLIMETRE, 10.0 * MILLIMETRE
    for name, factor in UNITS.items():
        if np.all(spacing * factor >= low) and np.all(spacing * factor <= high):
            return f"it looks like {name} read as millimetres; correct the unit in the header"
    return "check the unit in the header"
