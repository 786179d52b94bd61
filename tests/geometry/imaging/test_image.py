"""Images: world coordinates, formats, and what a broken file says."""

import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from geometry.imaging.image import Image, describe, read, write
from hemoplan.errors import ImageError
from tests.geometry.imaging.dicom_writer import write_series

OBLIQUE = np.array([[0.0, -1.0, 0.0], [0.8, 0.0, -0.6], [0.6, 0.0, 0.8]])


@pytest.fixture
def image() -> Image:
    voxels = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    return Image(
        voxels=voxels,
        spacing=np.array([0.4e-3, 0.5e-3, 0.6e-3]),
        origin=np.array([-0.01, 0.02, 0.03]),
        direction=OBLIQUE,
    )


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mha"])
def test_what_is_written_is_read_again(image: Image, name: str, tmp_path: Path) -> None:
    write(tmp_path / name, image)
    again = read(tmp_path / name)
    assert np.array_equal(again.voxels, image.voxels)
    assert np.allclose(again.spacing, image.spacing, rtol=1e-6, atol=0.0)
    assert np.allclose(again.origin, image.origin, rtol=0.0, atol=1e-8)
    assert np.allclose(again.direction, image.direction, rtol=0.0, atol=1e-6)


def test_world_coordinates_agree_with_the_reader_library(image: Image, tmp_path: Path) -> None:
    write(tmp_path / "scan.mha", image)
    library = SimpleITK.ReadImage(str(tmp_path / "scan.mha"))
    expected = 1e-3 * np.array([-1, -1, 1]) * library.TransformIndexToPhysicalPoint((3, 1, 4))
    assert image.to_world(np.array([3.0, 1.0, 4.0])) == pytest.approx(expected, abs=1e-9)
    assert image.to_index(expected) == pytest.approx([3.0, 1.0, 4.0], abs=1e-6)


def test_real_scan_is_in_ras_and_metres(shared_data: Path) -> None:
    image = read(shared_data / "vmtk_aorta" / "aorta.mha")
    assert image.voxels.shape == (157, 393, 34)
    assert image.spacing == pytest.approx([0.878906e-3, 0.878906e-3, 1.50009e-3])
    assert image.to_world(np.array([10.0, 0.0, 0.0])) == pytest.approx([0.1652341, 0.0246094, 0.0], abs=1e-6)


def test_missing_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"there is no such image.*image\.path"):
        read(tmp_path / "none.nii.gz")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "scan.nrrd").write_bytes(b"")
    with pytest.raises(ImageError, match="file is empty"):
        read(tmp_path / "scan.nrrd")


def test_not_an_image(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_text("no image")
    with pytest.raises(ImageError, match="cannot read the image"):
        read(tmp_path / "scan.nii.gz")


def test_folder_without_series(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no DICOM series"):
        read(tmp_path)


def test_single_dicom_slice(tmp_path: Path) -> None:
    write_series(tmp_path, np.arange(20, dtype=np.int16).reshape(1, 5, 4))
    for path in (tmp_path, next(tmp_path.iterdir())):
        with pytest.raises(ImageError, match=r"not a volume.*4 × 5 × 1.*whole series"):
            read(path)


def constant(value: float = 1.0, shape: tuple[int, ...] = (6, 5, 4)) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(np.full(shape, value, dtype=np.float32))
    image.SetSpacing([0.5] * len(shape))
    return image


def test_constant_image(tmp_path: Path) -> None:
    SimpleITK.WriteImage(constant(7.0), str(tmp_path / "scan.mha"))
    with pytest.raises(ImageError, match=r"the image is empty.*every voxel is 7"):
        read(tmp_path / "scan.mha")


def test_two_dimensional_image(tmp_path: Path) -> None:
    SimpleITK.WriteImage(constant(shape=(6, 5)), str(tmp_path / "scan.mha"))
    with pytest.raises(ImageError, match=r"not a volume.*5 × 6"):
        read(tmp_path / "scan.mha")


def test_values_that_are_not_numbers(image: Image, tmp_path: Path) -> None:
    image.voxels[1, 2, 3] = np.nan
    write(tmp_path / "scan.mha", image)
    with pytest.raises(ImageError, match=r"not numbers.*1 of 120"):
        read(tmp_path / "scan.mha")


def with_header(path: Path, *, unit: int, sizes: tuple[float, float, float]) -> None:
    """A NIfTI file whose header states this unit and spacing."""
    source = SimpleITK.GetImageFromArray(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32))
    SimpleITK.WriteImage(source, str(path))
    content = bytearray(path.read_bytes())
    content[80:92] = struct.pack("<3f", *sizes)
    content[123] = unit
    content[280:328] = struct.pack("<12f", *np.hstack([np.diag(sizes), np.zeros((3, 1))]).ravel())
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("unit", "sizes"), [(0, (1.0, 1.0, 1.0)), (2, (0.0, 0.0, 0.0))], ids=["unknown unit", "no spacing"]
)
def test_no_spacing(unit: int, sizes: tuple[float, float, float], tmp_path: Path) -> None:
    with_header(tmp_path / "scan.nii", unit=unit, sizes=sizes)
    with pytest.raises(ImageError, match="the image has no spacing"):
        read(tmp_path / "scan.nii")


def test_a_place_states_the_spacing_too(tmp_path: Path) -> None:
    with_header(tmp_path / "scan.nii", unit=0, sizes=(1.0, 1.0, 1.0))
    content = bytearray((tmp_path / "scan.nii").read_bytes())
    content[280 + 12 : 280 + 16] = struct.pack("<f", -31.5)
    (tmp_path / "scan.nii").write_bytes(content)
    assert read(tmp_path / "scan.nii").origin == pytest.approx([-31.5e-3, 0.0, 0.0])


def test_a_stated_spacing_of_one_millimetre_is_accepted(tmp_path: Path) -> None:
    with_header(tmp_path / "scan.nii", unit=2, sizes=(1.0, 1.0, 1.0))
    assert read(tmp_path / "scan.nii").spacing == pytest.approx(1e-3)


def test_spacing_in_the_wrong_unit(tmp_path: Path) -> None:
    with_header(tmp_path / "scan.nii", unit=1, sizes=(0.4, 0.4, 0.4))
    with pytest.raises(ImageError, match=r"implausible.*400 × 400 × 400 mm"):
        read(tmp_path / "scan.nii")


def test_meta_image_without_spacing(image: Image, tmp_path: Path) -> None:
    header = "ObjectType = Image\nNDims = 3\nDimSize = 4 5 6\nElementType = MET_FLOAT\nElementDataFile = scan.raw\n"
    (tmp_path / "scan.mhd").write_text(header)
    (tmp_path / "scan.raw").write_bytes(image.voxels.tobytes())
    with pytest.raises(ImageError, match="the image has no spacing"):
        read(tmp_path / "scan.mhd")


def test_unknown_format(image: Image, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot tell the format"):
        write(tmp_path / "scan.png", image)


def test_the_description_says_what_was_read(image: Image) -> None:
    x, y, z = 1e3 * image.to_world(np.array([1.5, 2.0, 2.5]))
    assert describe(image) == (
        f"4 × 5 × 6 voxels of 0.4 × 0.5 × 0.6 mm, 1.6 × 2.5 × 3.6 mm around ({x:.1f}, {y:.1f}, {z:.1f}) mm, "
        f"intensities {np.percentile(image.voxels, 1):.4g} to {np.percentile(image.voxels, 99):.4g}"
    )
