"""Why a file is no scan: what the readers of all formats say in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from hemoplan.errors import ImageError


def check_shape(shape: Sequence[int], *, where: str) -> None:
    """Raise an ImageError unless the image is a volume of one value a voxel."""
    if len(shape) == 3 and min(shape) >= 2:
        return
    raise ImageError(
        "the image is not a volume",
        where=where,
        value=" × ".join(str(size) for size in shape),
        expected="three dimensions with at least two voxels each",
        remedy="give the whole series (its folder), not one slice",
    )


def refuse_vectors(count: int, *, where: str) -> NoReturn:
    """Raise an ImageError: the image has several values a voxel."""
    raise ImageError(
        "the image has several values a voxel",
        where=where,
        value=count,
        expected="one intensity a voxel, not colours or vectors",
        remedy="export the scan itself, not a rendering or a coloured overlay",
    )


def refuse_missing_spacing(where: str, value: str = "1 × 1 × 1 without a unit") -> NoReturn:
    """Raise an ImageError: the header does not say how far apart the voxels are."""
    raise ImageError(
        "the image has no spacing",
        where=where,
        value=value,
        expected="the distance of voxels in millimetres in the header, above zero",
        remedy="export the scan again with its geometry, or set the spacing with your image software",
    )


def unreadable(where: str, value: str, expected: str) -> ImageError:
    """The error for a header that cannot be understood."""
    return ImageError(
        "cannot read the image", where=where, value=value, expected=expected, remedy="export the scan again"
    )


def cut_off(where: str) -> ImageError:
    """The error for a file with fewer voxels than its header says."""
    return ImageError(
        "cannot read the image",
        where=where,
        value="the file ends before its voxels do, or is damaged",
        remedy="copy or export the file again",
    )


def voxels_elsewhere(where: str, name: str, ending: str) -> ImageError:
    """The error for a header whose file of voxels is missing, or is more than one."""
    return ImageError(
        "the voxels of the image are not where its header says",
        where=where,
        value=name,
        expected="one file beside the header",
        remedy=f"copy both files, or export the scan as one {ending} file",
    )
