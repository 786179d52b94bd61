"""Synthetic DICOM series: CT slices and enhanced MR files, of a patient whose name must not escape."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

IDENTITY = {
    "PatientName": "Zephyrine^Quill",
    "PatientID": "MRN-774411",
    "PatientBirthDate": "20260203",
    "StudyDate": "20261105",
    "AcquisitionDate": "20261105",
    "InstitutionName": "Sankt Wunibald Klinik",
    "ReferringPhysicianName": "Oberholzer^Ida",
    "AccessionNumber": "ACC-998877",
}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def write_series(
    folder: Path,
    voxels: NDArray[np.int16],
    *,
    positions: Sequence[Sequence[float]] | None = None,
    spacing: tuple[float, float] = (0.8, 0.7),
    distance: float = 1.5,
    orientation: Sequence[float] = AXIAL,
    number: int = 3,
    description: str = "angio",
    uid: str | None = None,
    each: Sequence[Mapping[str, Any]] = (),
    prefix: str = "slice",
    **common: Any,
) -> None:
    """Plain CT files of (slices, rows, columns) voxels in a shuffled order of names.

    Args:
        positions: (slices, 3) first pixel of each [mm], LPS; along the normal at `distance` where absent.
        spacing: Distance of rows, then of columns [mm].
        each: Further elements of each slice.
        common: Further elements of all slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    if positions is None:
        positions = [list(number * distance * normal) for number in range(len(voxels))]
    names = np.random.default_rng(1).permutation(len(voxels))
    for index, values in enumerate(voxels):
        dataset = start(CTImageStorage, uid, number, description)
        dataset.Modality = "CT"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.InstanceNumber = index + 1
        dataset.ImagePositionPatient = [float(value) for value in positions[index]]
        dataset.ImageOrientationPatient = list(orientation)
        dataset.PixelSpacing = list(spacing)
        set_pixels(dataset, values)
        for name, value in {**common, **(each[index] if each else {})}.items():
            if value is None:
                delattr(dataset, name)
            else:
                setattr(dataset, name, value)
        dataset.save_as(folder / f"{prefix}{names[index]:04d}", enforce_file_format=True)


def write_enhanced(
    path: Path,
    voxels: NDArray[np.int16],
    *,
    positions: NDArray[np.float64],
    orientation: Sequence[float] = AXIAL,
    spacing: tuple[float, float] = (0.8, 0.7),
    rescale: Sequence[tuple[float, float]],
    triggers: Sequence[float] | None = None,
) -> None:
    """One enhanced MR file of (frames, rows, columns) voxels; each frame has its place, rescaling and trigger delay."""
    dataset = start(EnhancedMRImageStorage, generate_uid(), 7, "flow")
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = len(voxels)
    set_pixels(dataset, voxels)
    measures, plane, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = list(spacing)
    plane.ImageOrientationPatient = list(orientation)
    shared.PixelMeasuresSequence = Items([measures])
    shared.PlaneOrientationSequence = Items([plane])
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for index, position in enumerate(positions):
        place, values, group = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [float(value) for value in position]
        values.RescaleSlope, values.RescaleIntercept = rescale[index]
        values.RescaleType = "US"
        group.PlanePositionSequence = Items([place])
        group.PixelValueTransformationSequence = Items([values])
        if triggers is not None:
            beat = Dataset()
            beat.NominalCardiacTriggerDelayTime = float(triggers[index])
            group.CardiacSynchronizationSequence = Items([beat])
        frames.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    dataset.save_as(path, enforce_file_format=True)


def start(kind: str, uid: str, number: int, description: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = kind
    dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = uid
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesNumber = number
    dataset.SeriesDescription = description
    for name, value in IDENTITY.items():
        setattr(dataset, name, value)
    return dataset


def set_pixels(dataset: Dataset, values: NDArray[np.int16]) -> None:
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = np.ascontiguousarray(values, dtype="<i2").tobytes()


def edit(path: Path, **elements: Any) -> None:
    """Change elements of a file."""
    dataset = pydicom.dcmread(path)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
