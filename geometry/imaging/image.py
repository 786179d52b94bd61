"""Three-dimensional scans: reading, writing, and the way between voxel indices and world coordinates."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError, ResourceError

type VoxelArray = NDArray[np.float32]

MILLIMETRE = 1.0e-3
"""Image files hold millimetres; everything else here is in metres."""
TO_RAS = np.array([-1.0, -1.0, 1.0])
"""DICOM and ITK count x to the left and y to the back (LPS), everything here to the right and to the front (RAS)."""
SPACING_RANGE = (1.0e-5, 2.0e-2)
"""Plausible distance of voxels [m]; outside of it the file's unit is wrong."""

HEADER_BYTES = 4096
NIFTI_SIZE = 348
"""First number in a NIfTI-1 header, which tells the order of its bytes."""
SPACING_KEYS = (b"ElementSpacing", b"ElementSize", b"spacings:", b"space directions:")
"""How the text headers of MetaImage and NRRD name the spacing."""


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


def read(path: Path) -> Image:
    """Read a NIfTI, NRRD or MetaImage file, or a folder with one DICOM series.

    Raises:
        ImageError: The image is missing, unreadable, not three-dimensional, empty, or has no spacing.
    """
    if not path.exists():
        raise ImageError("there is no such image", where=str(path), remedy="check 'image.path'")
    source = _read_series(path) if path.is_dir() else _read_file(path)
    if source.GetDimension() == 4 and source.GetSize()[3] == 1:
        source = source[:, :, :, 0]
    if source.GetDimension() != 3 or min(source.GetSize()) < 2:
        raise ImageError(
            "the image is not a volume",
            where=str(path),
            value=" × ".join(str(size) for size in source.GetSize()),
            expected="three dimensions with at least two voxels each",
            remedy="give the whole series (its folder), not one slice",
        )
    if source.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            "the image has several values a voxel",
            where=str(path),
            value=source.GetNumberOfComponentsPerPixel(),
            expected="one intensity a voxel",
        )
    image = _convert(source)
    _check_spacing(image, source, path)
    _check_voxels(image.voxels, path)
    return image


def write(path: Path, image: Image) -> None:
    """Write a NIfTI (.nii.gz), NRRD or MetaImage file, by the ending of the path.

    Raises:
        ImageError: The ending names no known format.
        ResourceError: The file cannot be written.
    """
    write_voxels(path, image.voxels, spacing=image.spacing, origin=image.origin, direction=image.direction)


def write_voxels(
    path: Path, voxels: NDArray[np.generic], *, spacing: FloatArray, origin: FloatArray, direction: FloatArray
) -> None:
    """Write voxels of any type with their grid; see `write`."""
    target = SimpleITK.GetImageFromArray(np.ascontiguousarray(np.transpose(voxels)))
    target.SetSpacing([float(value) / MILLIMETRE for value in spacing])
    target.SetOrigin([float(value) / MILLIMETRE for value in TO_RAS * origin])
    target.SetDirection([float(value) for value in np.ravel(TO_RAS[:, None] * direction)])
    if not path.name.endswith((".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")):
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
            value=_last_line(error),
            remedy="check the disk and permissions",
        ) from None


def _read_file(path: Path) -> SimpleITK.Image:
    if path.stat().st_size == 0:
        raise ImageError("the image file is empty", where=str(path), value="0 bytes")
    try:
        return SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise ImageError(
            "cannot read the image",
            where=str(path),
            value=_last_line(error),
            expected="NIfTI, NRRD, MetaImage, or a folder with one DICOM series",
        ) from None


def _read_series(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    series = reader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise ImageError("the folder holds no DICOM series", where=str(folder))
    if len(series) > 1:
        raise ImageError(
            "the folder holds several DICOM series",
            where=str(folder),
            value=", ".join(series),
            expected="one series",
            remedy="copy the wanted series to a folder of its own",
        )
    names = reader.GetGDCMSeriesFileNames(str(folder), series[0])
    if len(names) < 2:
        raise ImageError(
            "the image is not a volume",
            where=str(folder),
            value=f"{len(names)} slice",
            expected="a series of slices",
        )
    reader.SetFileNames(names)
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise ImageError("cannot read the DICOM series", where=str(folder), value=_last_line(error)) from None


def _convert(source: SimpleITK.Image) -> Image:
    voxels = np.transpose(SimpleITK.GetArrayFromImage(source)).astype(np.float32)
    return Image(
        voxels=voxels,
        spacing=MILLIMETRE * np.array(source.GetSpacing()),
        origin=MILLIMETRE * TO_RAS * np.array(source.GetOrigin()),
        direction=TO_RAS[:, None] * np.array(source.GetDirection()).reshape(3, 3),
    )


def _check_spacing(image: Image, source: SimpleITK.Image, path: Path) -> None:
    """Reject grids that no scanner makes: the header has no spacing, or has it in another unit."""
    if bool(np.all(image.spacing == MILLIMETRE)) and not _states_spacing(source, path):
        raise ImageError(
            "the image has no spacing",
            where=str(path),
            value="1 × 1 × 1 without a unit",
            expected="the distance of voxels in millimetres in the header",
            remedy="export the scan again with its geometry, or set the spacing with your image software",
        )
    low, high = SPACING_RANGE
    if np.any(image.spacing < low) or np.any(image.spacing > high):
        x, y, z = image.spacing / MILLIMETRE
        raise ImageError(
            "the spacing of the image is implausible",
            where=str(path),
            value=f"{x:g} × {y:g} × {z:g} mm",
            expected=f"{low / MILLIMETRE:g} to {high / MILLIMETRE:g} mm",
            remedy="check the unit in the header",
        )


def _states_spacing(source: SimpleITK.Image, path: Path) -> bool:
    """Whether the header states a spacing; readers answer 1 × 1 × 1 where it does not.

    The low three bits of NIfTI's `xyzt_units` tell the unit of length, 0 being unknown, and `pixdim` holds the spacing
    from byte 80 (NIfTI-1 standard, nifti1.h). MetaImage and NRRD headers are text.
    """
    if path.is_dir():
        return True
    opened = gzip.open(path) if path.name.endswith(".gz") else path.open("rb")
    with opened as file:
        header = file.read(HEADER_BYTES)
    if source.HasMetaDataKey("xyzt_units"):
        order = "<" if header[:4] == NIFTI_SIZE.to_bytes(4, "little") else ">"
        sizes = struct.unpack_from(f"{order}3f", header, 80)
        return int(source.GetMetaData("xyzt_units")) & 7 != 0 and min(sizes) > 0.0
    return any(key in header for key in SPACING_KEYS)


def _check_voxels(voxels: VoxelArray, path: Path) -> None:
    wrong = int(np.count_nonzero(~np.isfinite(voxels)))
    if wrong:
        raise ImageError(
            "the image holds values that are not numbers",
            where=str(path),
            value=f"{wrong} of {voxels.size} voxels are NaN or infinite",
            remedy="export the scan again",
        )
    low, high = float(voxels.min()), float(voxels.max())
    if low == high:
        raise ImageError("the image is empty", where=str(path), value=f"every voxel is {low:g}")


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
