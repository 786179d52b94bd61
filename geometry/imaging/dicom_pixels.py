"""Pixels of DICOM files, as they are stored."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from geometry.imaging.dicom_frames import silent
from geometry.imaging.itk_file import quiet

PIXEL_TAGS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""The plainest class of images, which has no rescaling."""


class PixelError(Exception):
    """The pixels of a file are missing, cut off, or compressed in a way that cannot be read."""


def read_pixels(path: Path) -> NDArray[np.generic]:
    """(frames, rows, columns) stored values, before rescaling.

    Files that are not compressed are read by pydicom. GDCM decompresses the others, from a copy that holds the pixels
    alone: so it cannot rescale on its own, which it does for some kinds of image and not for others.

    Raises:
        PixelError: See there; its text holds nothing of the header.
    """
    try:
        with silent(), quiet():
            dataset = pydicom.dcmread(path, force=True, specific_tags=list(PIXEL_TAGS))
            syntax = _find_syntax(dataset)
            if syntax.is_encapsulated:
                values = _decompress(dataset, str(syntax))
            else:
                dataset.file_meta.TransferSyntaxUID = syntax
                values = dataset.pixel_array
    except PixelError:
        raise
    except Exception:
        # Whatever a damaged file does to a parser; the parser's own words could repeat the header.
        raise PixelError("cut off or damaged") from None
    values = values.reshape(-1, *values.shape[-2:])
    if "PixelData" in dataset:
        values = _drop_unused_bits(values, int(dataset.get("BitsStored") or 0))
    return values


def _find_syntax(dataset: Dataset) -> pydicom.uid.UID:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax:
        return pydicom.uid.UID(syntax)
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _decompress(dataset: Dataset, syntax: str) -> NDArray[np.generic]:
    copy = Dataset()
    for name in PIXEL_TAGS:
        if name in dataset:
            copy[name] = dataset[name]
    copy.SOPClassUID = SECONDARY_CAPTURE
    copy.SOPInstanceUID = generate_uid()
    copy.PhotometricInterpretation = "MONOCHROME2"
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    copy.file_meta.MediaStorageSOPClassUID = copy.SOPClassUID
    copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "pixels.dcm"
        copy.save_as(bare, enforce_file_format=True)
        try:
            source = SimpleITK.ReadImage(str(bare), imageIO="GDCMImageIO")
        except RuntimeError:
            name = pydicom.uid.UID(syntax).name
            raise PixelError(f"damaged, or compressed in a way that cannot be read ({name})") from None
        return np.asarray(SimpleITK.GetArrayFromImage(source))


def _drop_unused_bits(values: NDArray[np.generic], stored: int) -> NDArray[np.generic]:
    """Old files keep overlays in the bits above those that are stored."""
    if values.dtype.kind not in "iu" or not 0 < stored < 8 * values.dtype.itemsize:
        return values
    spare = 8 * values.dtype.itemsize - stored
    return np.right_shift(np.left_shift(values, spare), spare)  # type: ignore[no-any-return]
