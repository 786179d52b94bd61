"""Headers of DICOM files: where each image lies, what it is, and when it was taken; never whose it is.

Only the elements that are listed here are read, none of which names the patient, the hospital or a date. Enhanced
(multi-frame) files say per frame what others say per file. Source: DICOM PS3.3, C.7.6.2 (image plane), C.7.6.16
(functional groups).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from hemoplan.arrays import FloatArray

TIMINGS = (
    ("TemporalPositionIndex", "temporal position {:g}"),
    ("TemporalPositionIdentifier", "temporal position {:g}"),
    ("NominalPercentageOfCardiacPhase", "{:g} % of the cardiac cycle"),
    ("NominalCardiacTriggerDelayTime", "{:g} ms after the trigger"),
    ("TriggerTime", "{:g} ms after the trigger"),
    ("EffectiveEchoTime", "echo time {:g} ms"),
    ("EchoTime", "echo time {:g} ms"),
    ("AcquisitionNumber", "acquisition {:g}"),
    ("AcquisitionTime", "acquisition in order of time"),
    ("ContentTime", "in order of time"),
    ("InstanceNumber", "in order of instance numbers"),
)
"""What can tell the images of one place from each other, the most telling first, and how it is shown."""
GROUPS = {
    "FrameContentSequence": ("TemporalPositionIndex",),
    "CardiacSynchronizationSequence": ("NominalPercentageOfCardiacPhase", "NominalCardiacTriggerDelayTime"),
    "MREchoSequence": ("EffectiveEchoTime",),
}
"""In which functional group of an enhanced file they stand."""
FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")
"""Functional groups that hold the image type of a frame."""
TAGS = [
    "ImageType",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "Modality",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    *(name for name, _ in TIMINGS),
]
SCANS = ("CT", "MR", "PT")
"""Kinds of files that hold images."""
SNIFFED = (b"\x08\x00", b"\x02\x00", b"\x00\x08")
"""How files begin that have no preamble: group 8 or 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of all of its frames."""

    path: Path
    instance: str
    series_uid: str
    series_number: int | None
    description: str
    modality: str
    rows: int
    columns: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image of a file, with coordinates as in the file: LPS and millimetres.

    Attributes:
        header: What the file says.
        index: Number of the image in its file, from 0.
        kind: Image type, such as ("ORIGINAL", "PRIMARY", "AXIAL").
        position: (3,) centre of the first pixel, or nothing.
        orientation: (2, 3) directions in which columns and rows count up, or nothing.
        spacing: (2,) distance of columns and of rows, or nothing.
        slope: Intensity of one stored unit.
        intercept: Intensity of a stored zero.
        timings: One value or nothing for each of `TIMINGS`.
    """

    header: Header
    index: int
    kind: tuple[str, ...]
    position: FloatArray | None
    orientation: FloatArray | None
    spacing: FloatArray | None
    slope: float
    intercept: float
    timings: tuple[float | None, ...]


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, with or without preamble."""
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or (start[:2] in SNIFFED and len(start) == 132)


class DamagedFileError(Exception):
    """A DICOM file whose header cannot be read; its text holds nothing of the header."""


def read_frames(path: Path) -> tuple[Frame, ...]:
    """The images of a file; none where it is no DICOM file or holds no image.

    Raises:
        DamagedFileError: It is a DICOM file and cannot be read, or ends before it says how large its image is.
    """
    if not is_dicom(path):
        return ()
    try:
        with silent():
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(TAGS))
            if dataset.get("Rows") and dataset.get("Columns"):
                return tuple(_frames(path, dataset))
            whole = dataset.get("Modality") not in SCANS
    except Exception:
        # Whatever a damaged file does to a parser; the parser's own words could repeat the header.
        raise DamagedFileError from None
    if not whole:
        raise DamagedFileError
    return ()


@contextmanager
def silent() -> Iterator[None]:
    """Keep pydicom's warnings and log, which repeat what stands in a header or name a file, from the terminal."""
    settings, log = pydicom.config.settings, logging.getLogger("pydicom")
    before, spoke = settings.reading_validation_mode, log.disabled
    settings.reading_validation_mode, log.disabled = pydicom.config.IGNORE, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode, log.disabled = before, spoke


def _frames(path: Path, dataset: Dataset) -> Iterator[Frame]:
    header = Header(
        path=path,
        instance=str(dataset.get("SOPInstanceUID", "")),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        series_number=_whole(dataset.get("SeriesNumber")),
        description=str(dataset.get("SeriesDescription") or "").strip(),
        modality=str(dataset.get("Modality") or ""),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.get("SamplesPerPixel") or 1),
    )
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    each = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    count = int(dataset.get("NumberOfFrames") or 1)
    for index in range(count):
        groups = (each[index] if index < len(each) else Dataset(), shared)
        # What a plain file says holds for its one image; positions of several images are never the same.
        yield _frame(header, index, groups, dataset, alone=count == 1)


def _frame(
    header: Header, index: int, groups: tuple[Dataset, Dataset], dataset: Dataset, *, alone: bool
) -> Frame:
    position = _find(groups, "PlanePositionSequence", "ImagePositionPatient")
    if position is None and alone:
        position = dataset.get("ImagePositionPatient")
    timings = []
    for name, _ in TIMINGS:
        sequence = next((group for group, names in GROUPS.items() if name in names), None)
        value = None if sequence is None else _find(groups, sequence, name)
        if value is None and name == TIMINGS[-1][0] and not alone:
            value = index
        timings.append(_number(dataset.get(name) if value is None and alone else value))
    orientation = _plane(groups, dataset, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _plane(groups, dataset, "PixelMeasuresSequence", "PixelSpacing", 2)
    slope = _plane(groups, dataset, "PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = _plane(groups, dataset, "PixelValueTransformationSequence", "RescaleIntercept", 1)
    kind = next(filter(None, (_find(groups, group, "FrameType") for group in FRAME_TYPES)), None)
    kind = dataset.get("ImageType") if kind is None else kind
    return Frame(
        header=header,
        index=index,
        kind=() if kind is None else tuple(str(part) for part in np.atleast_1d(np.array(kind, dtype=str))),
        position=_array(position, 3),
        orientation=None if orientation is None else orientation.reshape(2, 3),
        # The file says how far rows, then how far columns are apart.
        spacing=None if spacing is None else spacing[::-1],
        slope=1.0 if slope is None else float(slope[0]),
        intercept=0.0 if intercept is None else float(intercept[0]),
        timings=tuple(timings),
    )


def _plane(
    groups: tuple[Dataset, Dataset], dataset: Dataset, sequence: str, name: str, size: int
) -> FloatArray | None:
    value = _find(groups, sequence, name)
    return _array(dataset.get(name) if value is None else value, size)


def _find(groups: tuple[Dataset, Dataset], sequence: str, name: str) -> object:
    """Value of an element in a functional group of the frame, or of all frames."""
    for group in groups:
        for item in group.get(sequence) or ():
            if item.get(name) is not None:
                return item.get(name)
    return None


def _array(value: object, size: int) -> FloatArray | None:
    try:
        numbers = np.atleast_1d(np.array(value, dtype=np.float64))
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (size,) and bool(np.all(np.isfinite(numbers))) else None


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
