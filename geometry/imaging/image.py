"""Three-dimensional scans: reading, writing, and the way between voxel indices and world coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from geometry.imaging.dicom_frames import is_dicom
from geometry.imaging.dicom_series import read_dicom
from geometry.imaging.itk_file import TO_RAS, last_line, read_itk
from geometry.imaging.lattice import Lattice, Voxels, straighten
from geometry.imaging.meta_file import read_meta
from geometry.imaging.nifti_file import read_nifti
from geometry.imaging.nrrd_file import read_nrrd
from geometry.imaging.plausibility import (
    MILLIMETRE,
    check_grid,
    check_voxels,
    format_lengths,
    format_point,
)
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError, ResourceError

type VoxelArray = NDArray[np.float32]

NIFTI, NRRD, META = (".nii", ".nii.gz"), (".nrrd", ".nhdr"), (".mha", ".mhd")
"""Endings of the formats."""
WRITABLE = (*NIFTI, ".nrrd", *META)
ENOUGH = 1_000_000
"""Voxels that suffice to say which intensities an image has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A scan on a regular grid.

    World coordinates (RAS) of the voxel with indices i are origin + direction @ (spacing * i).

    Attributes:
        voxels: (nx, ny, nz) intensities, in HU for CT.
        spacing: (3,) distance of voxel centres [m].
        origin: (3,) centre of the first voxel [m].
        direction: (3, 3) orthonormal; columns are the directions of the three indices.
    """

    voxels: VoxelArray
    spacing: FloatArray
    origin: FloatArray
    direction: FloatArray

    def to_world(self, indices: FloatArray) -> FloatArray:
        """(..., 3) world coordinates [m] of (..., 3) voxel indices, whole or fractional."""
        return np.asarray((indices * self.spacing) @ self.direction.T + self.origin)

    def to_index(self, points: FloatArray) -> FloatArray:
        """(..., 3) fractional voxel indices of (..., 3) world coordinates [m]."""
        return np.asarray(((points - self.origin) @ self.direction) / self.spacing)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel [m³]."""
        return float(np.prod(self.spacing))


def read(path: Path, *, series: str | None = None, phase: int | None = None) -> Image:
    """Read a scan: NIfTI, NRRD, MetaImage, a folder of DICOM files with its subfolders, or a multi-frame DICOM file.

    Sheared scans (tilted gantry, affine matrices) are resampled to orthogonal axes, see `lattice.straighten`. Nothing
    of the header but the grid is kept, so nothing that names the patient can be written later.

    Args:
        path: The file or folder.
        series: Number, description or UID of the DICOM series; needed where the folder holds several volumes.
        phase: Which moment of a scan over time, from 0; needed where there are several.

    Raises:
        ImageError: The image is missing, unreadable, not three-dimensional, empty, implausible, or ambiguous.
    """
    lattice = straighten(place(path, series=series, phase=phase), where=str(path))
    check_grid(lattice, where=str(path))
    check_voxels(lattice, where=str(path))
    return Image(
        voxels=lattice.voxels.astype(np.float32),
        spacing=lattice.spacing,
        origin=lattice.origin,
        direction=lattice.steps / lattice.spacing,
    )


def place(path: Path, *, series: str | None = None, phase: int | None = None) -> Lattice:
    """Read voxels as the file places them, on axes that need not be orthogonal; see `read`."""
    if not path.exists():
        raise ImageError("there is no such image", where=str(path), remedy="check 'image.path'")
    if path.is_dir() or (not path.name.endswith(WRITABLE) and is_dicom(path)):
        return read_dicom(path, series=series, phase=phase)
    if series is not None:
        raise ImageError(
            "the image is no DICOM folder and has no series",
            where=str(path),
            value=series,
            remedy="leave 'image.series' out",
        )
    if path.stat().st_size == 0:
        raise ImageError("the image file is empty", where=str(path), value="0 bytes")
    try:
        if path.name.endswith(NIFTI):
            return read_nifti(path, phase=phase)
        if path.name.endswith(NRRD):
            return read_nrrd(path, phase=phase)
        if path.name.endswith(META):
            return read_meta(path, phase=phase)
        return read_itk(path, phase=phase)
    except OSError as error:
        raise ImageError("cannot read the image", where=str(path), value=error.strerror) from None


def describe(image: Image) -> str:
    """One line for logs and lists: size, spacing, middle and range of intensities; nothing that names the patient."""
    some = image.voxels.ravel(order="K")[:: max(1, image.voxels.size // ENOUGH)]
    low, high = (float(value) for value in np.percentile(some, [1.0, 99.0]))
    middle = image.to_world(0.5 * (np.array(image.voxels.shape) - 1.0))
    return (
        f"{' × '.join(str(size) for size in image.voxels.shape)} voxels of {format_lengths(image.spacing)}, "
        f"{format_lengths(np.round(image.spacing * image.voxels.shape, 4))} around {format_point(middle)}, "
        f"intensities {low:.4g} to {high:.4g}"
    )


def write(path: Path, image: Image) -> None:
    """Write a NIfTI (.nii.gz), NRRD or MetaImage file, by the ending of the path.

    Raises:
        ImageError: The ending names no known format.
        ResourceError: The file cannot be written.
    """
    voxels = _narrow(image.voxels)
    write_voxels(path, voxels, spacing=image.spacing, origin=image.origin, direction=image.direction)


def write_voxels(
    path: Path,
    voxels: NDArray[np.generic],
    *,
    spacing: FloatArray,
    origin: FloatArray,
    direction: FloatArray,
    keys: dict[str, str] | None = None,
) -> None:
    """Write voxels of any type with their grid, and keys with values into an NRRD file; see `write`."""
    target = SimpleITK.GetImageFromArray(np.ascontiguousarray(np.transpose(voxels)))
    target.SetSpacing([float(value) / MILLIMETRE for value in spacing])
    target.SetOrigin([float(value) / MILLIMETRE for value in TO_RAS * origin])
    target.SetDirection([float(value) for value in np.ravel(TO_RAS[:, None] * direction)])
    for key, value in (keys or {}).items():
        target.SetMetaData(key, value)
    if not path.name.endswith(WRITABLE):
        raise ImageError(
            "cannot tell the format of the image",
            where=str(path),
            expected=".nii.gz, .nii, .nrrd, .mha or .mhd",
        )
    try:
        SimpleITK.WriteImage(target, str(path), useCompression=True)
    except RuntimeError as error:
        raise ResourceError(
            "cannot write the image",
            where=str(path),
            value=last_line(error),
            remedy="check the disk and permissions",
        ) from None


def _narrow(voxels: VoxelArray) -> Voxels:
    """The same values as 16-bit integers where they are such, as those of a CT are; files are half as large then."""
    if not float(np.abs(voxels).max()) < 2.0**15:
        return voxels
    whole = voxels.astype(np.int16)
    return whole if np.array_equal(whole, voxels) else voxels
