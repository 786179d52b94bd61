"""Who the patient is never reaches what is written, shown or logged, whichever format the scan came in."""

import bz2
import gzip
import logging
import zlib
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK

from geometry.imaging.dicom_series import list_series
from geometry.imaging.image import describe, read, write
from geometry.imaging.label_map import read_labels, resample_labels, write_labels
from hemoplan.errors import ImageError
from tests.geometry.imaging.dicom_writer import IDENTITY, edit, write_series

# pynrrd writes the time with a function that Python will drop.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

SECRETS = sorted({part for value in IDENTITY.values() for part in (value, *value.split("^"))})
TEXT = " ".join(SECRETS[:3])
LABELS = np.zeros((6, 7, 8), dtype=np.uint8)
LABELS[2:4, 2:5, 2:6] = 1


def from_nifti(folder: Path) -> Path:
    file = nibabel.Nifti1Image(LABELS, np.diag([0.5, 0.5, 0.5, 1.0]))
    file.header["descrip"] = TEXT[:79]
    file.header["db_name"] = "Zephyrine"
    file.header["intent_name"] = "MRN-774411"
    file.header["aux_file"] = "Quill"
    extension = nibabel.nifti1.Nifti1Extension("comment", " ".join(SECRETS).encode())
    file.header.extensions.append(extension)
    nibabel.save(file, folder / "in.nii.gz")
    return folder / "in.nii.gz"


def from_nrrd(folder: Path) -> Path:
    keys = {f"DICOM_{name}": value for name, value in IDENTITY.items()}
    header = {"space": "LPS", "space directions": 0.5 * np.eye(3), "content": TEXT, **keys}
    nrrd.write(str(folder / "in.nrrd"), LABELS, header)
    return folder / "in.nrrd"


def from_segmentation(folder: Path) -> Path:
    keys = {f"DICOM_{name}": value for name, value in IDENTITY.items()}
    keys |= {
        "Segment0_ID": "one",
        "Segment0_Name": "aorta",
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
    }
    keys |= {"Segment0_Tags": TEXT, "Segmentation_ConversionParameters": TEXT}
    header = {"space": "LPS", "space directions": 0.5 * np.eye(3), **keys}
    nrrd.write(str(folder / "in.seg.nrrd"), LABELS, header)
    return folder / "in.seg.nrrd"


def from_meta_image(folder: Path) -> Path:
    source = SimpleITK.GetImageFromArray(LABELS.T)
    source.SetSpacing([0.5] * 3)
    for name, value in IDENTITY.items():
        source.SetMetaData(name, value)
    SimpleITK.WriteImage(source, str(folder / "in.mha"))
    assert b"Wunibald" in (folder / "in.mha").read_bytes()
    return folder / "in.mha"


def from_dicom(folder: Path) -> Path:
    write_series(folder / "series", LABELS.T.astype(np.int16), spacing=(0.5, 0.5), distance=0.5)
    return folder / "series"


SOURCES = [from_nifti, from_nrrd, from_segmentation, from_meta_image, from_dicom]


def plain(path: Path) -> bytes:
    """Content of a file, and all that is compressed in it."""
    content = path.read_bytes()
    parts = [content]
    for start in range(len(content)):
        if content[start : start + 2] == b"\x1f\x8b":
            parts.append(zlib.decompressobj(31).decompress(content[start:]))
        elif content[start : start + 2] in (b"\x78\x9c", b"\x78\x01", b"\x78\xda", b"\x78\x5e"):
            try:
                parts.append(zlib.decompressobj().decompress(content[start:]))
            except zlib.error:
                continue
    return b"".join(parts)


def betrays(content: bytes) -> list[str]:
    return [
        secret for secret in SECRETS if secret.encode() in content or secret.encode("utf-16-le") in content
    ]


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    for name, pack in (("a.gz", gzip.compress), ("b.zz", zlib.compress), ("c", bytes)):
        (tmp_path / name).write_bytes(b"head" + pack(b"for Zephyrine only"))
        assert "Zephyrine" in betrays(plain(tmp_path / name))
    assert not betrays(bz2.compress(b"nothing"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_nothing_of_the_patient_is_written_or_logged(
    source: object, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    path = source(tmp_path)  # type: ignore[operator]
    every = [path] if path.is_file() else list(path.iterdir())
    assert all(betrays(plain(each)) for each in every)  # it was there
    written = tmp_path / "written"
    written.mkdir()
    image = read(path)
    for name in ("scan.nii.gz", "scan.nii", "scan.nrrd", "scan.mha"):
        write(written / name, image)
    if path.is_file():
        labels = read_labels(path)
        for name in ("labels.nii.gz", "labels.nrrd", "labels.seg.nrrd"):
            write_labels(written / name, resample_labels(labels, image))
    else:
        assert not betrays("; ".join(map(str, list_series(path))).encode())
        assert not betrays(repr(list_series(path)).encode())
    assert len(list(written.iterdir())) >= 4
    for each in written.iterdir():
        assert not betrays(plain(each)), each.name
    shown = capfd.readouterr()
    for text in (describe(image), caplog.text, shown.out, shown.err):
        assert not betrays(text.encode())


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def forget_place(path: Path) -> None:
    edit(path, ImagePositionPatient=None)


def repeat(path: Path) -> None:
    edit(path, ImagePositionPatient=[0.0, 0.0, 0.0], InstanceNumber=1)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [damage, forget_place, repeat, remove], ids=lambda harm: harm.__name__)
def test_errors_do_not_name_the_patient(
    harm: object, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    series = from_dicom(tmp_path)
    names = np.random.default_rng(1).permutation(8)
    harm(series / f"slice{names[3]:04d}")  # type: ignore[operator]
    with pytest.raises(ImageError) as caught:
        read(series)
    shown = capfd.readouterr()
    assert not betrays((str(caught.value) + shown.out + shown.err).encode())
    assert caught.value.__cause__ is None
