"""Every format against the others and against independent readers: the same voxel lies at the same place."""

import gzip
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from geometry.imaging.image import Image, read, write
from hemoplan.errors import ImageError
from tests.geometry.imaging.dicom_writer import write_series

# pynrrd writes the time with a function that Python will drop.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

TURNED = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
DIRECTIONS = {
    "plain": np.eye(3),
    "x to the left": np.diag([-1.0, 1.0, 1.0]),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "oblique": TURNED * np.sign(np.linalg.det(TURNED)),
    "oblique mirrored": -TURNED * np.sign(np.linalg.det(TURNED)),
}
SPACING = np.array([0.4e-3, 0.55e-3, 1.3e-3])
ORIGIN = np.array([-0.031, 0.0214, 0.1037])
INDICES = np.array([[0, 0, 0], [5, 0, 2], [3, 6, 1], [5, 6, 7]])
WRITTEN = ["scan.nii.gz", "scan.nii", "scan.nrrd", "scan.mha", "scan.mhd"]


def affine(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) index to world, RAS and millimetres."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = 1e3 * direction * SPACING, 1e3 * ORIGIN
    return matrix


@pytest.fixture
def voxels() -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(scale=300.0, size=(6, 7, 8)).astype(np.float32)


def agree(image: Image, voxels: NDArray[np.generic], matrix: NDArray[np.float64]) -> None:
    """The image has these voxels at the places of an affine matrix in millimetres."""
    expected = 1e-3 * (INDICES @ matrix[:3, :3].T + matrix[:3, 3])
    extent = float(np.linalg.norm(image.spacing * image.voxels.shape))
    # NIfTI keeps positions as 32-bit numbers.
    assert np.abs(image.to_world(INDICES.astype(float)) - expected).max() < 1e-6 * (extent + 0.1)
    assert image.to_index(expected) == pytest.approx(INDICES, abs=1e-3)
    assert np.array_equal(image.voxels, voxels)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_what_others_write_is_read(
    direction: NDArray[np.float64], voxels: NDArray[np.float32], tmp_path: Path
) -> None:
    matrix = affine(direction)
    nibabel.save(nibabel.Nifti1Image(voxels, matrix), tmp_path / "one.nii.gz")
    nibabel.save(nibabel.Nifti2Image(voxels, matrix), tmp_path / "two.nii")
    big = nibabel.Nifti1Image(voxels, matrix, nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "big.nii")
    assert (tmp_path / "big.nii").read_bytes()[:4] == (348).to_bytes(4, "big")
    by_quaternion = nibabel.Nifti1Image(voxels, matrix)
    by_quaternion.set_sform(None, code=0)
    by_quaternion.set_qform(matrix, code=1)
    nibabel.save(by_quaternion, tmp_path / "quaternion.nii")
    for space, turn in (
        ("right-anterior-superior", (1, 1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
        ("LAS", (-1, 1, 1)),
    ):
        for encoding in ("gzip", "raw", "bzip2", "ascii"):
            header = {
                "space": space,
                "space directions": (np.array(turn)[:, None] * matrix[:3, :3]).T,
                "space origin": turn * matrix[:3, 3],
                "encoding": encoding,
            }
            nrrd.write(str(tmp_path / f"{space[:2]}_{encoding}.nrrd"), voxels, header)
    nrrd.write(str(tmp_path / "detached.nhdr"), voxels, header, detached_header=True)
    source = SimpleITK.GetImageFromArray(voxels.T)
    lps = np.array([-1.0, -1.0, 1.0])
    source.SetSpacing((1e3 * SPACING).tolist())
    source.SetOrigin((1e3 * lps * ORIGIN).tolist())
    source.SetDirection((lps[:, None] * direction).ravel().tolist())
    SimpleITK.WriteImage(source, str(tmp_path / "itk.mha"))
    SimpleITK.WriteImage(source, str(tmp_path / "itk.nii.gz"))
    SimpleITK.WriteImage(source, str(tmp_path / "itk.nrrd"))
    files = sorted(
        path for path in tmp_path.iterdir() if path.suffix in (".nii", ".gz", ".nrrd", ".nhdr", ".mha")
    )
    assert len(files) == 20
    for path in files:
        agree(read(path), voxels, matrix)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_what_we_write_is_read_by_others(
    direction: NDArray[np.float64], voxels: NDArray[np.float32], tmp_path: Path
) -> None:
    image = Image(voxels=voxels, spacing=SPACING, origin=ORIGIN, direction=direction)
    for name in WRITTEN:
        write(tmp_path / name, image)
        agree(read(tmp_path / name), voxels, affine(direction))
    theirs = nibabel.load(tmp_path / "scan.nii.gz")
    assert np.array_equal(theirs.get_fdata(), voxels)
    assert theirs.affine == pytest.approx(affine(direction), abs=1e-4)
    data, header = nrrd.read(str(tmp_path / "scan.nrrd"))
    assert np.array_equal(data, voxels)
    assert header["space"] == "left-posterior-superior"
    lps = np.array([-1.0, -1.0, 1.0])
    assert header["space directions"].T == pytest.approx(lps[:, None] * affine(direction)[:3, :3], abs=1e-9)
    assert header["space origin"] == pytest.approx(lps * 1e3 * ORIGIN, abs=1e-9)


def test_dicom_agrees_with_the_other_formats(tmp_path: Path) -> None:
    voxels = np.random.default_rng(4).integers(-1000, 1000, size=(8, 7, 6)).astype(np.int16)
    direction = DIRECTIONS["oblique"]
    lps = np.array([-1.0, -1.0, 1.0])
    across, down, along = (lps[:, None] * direction).T
    write_series(
        tmp_path / "series",
        voxels,
        positions=[list(1e3 * (lps * ORIGIN + number * SPACING[2] * along)) for number in range(8)],
        orientation=[float(f"{value:.13f}") for value in (*across, *down)],
        spacing=(1e3 * SPACING[1], 1e3 * SPACING[0]),
    )
    image = read(tmp_path / "series")
    agree(image, voxels.T, affine(direction))
    for name in WRITTEN:
        write(tmp_path / name, image)
        agree(read(tmp_path / name), voxels.T, affine(direction))


def test_whole_intensities_are_written_in_sixteen_bits(tmp_path: Path) -> None:
    voxels = np.random.default_rng(4).integers(-1024, 3000, size=(8, 7, 6)).astype(np.float32)
    image = Image(voxels=voxels, spacing=SPACING, origin=ORIGIN, direction=np.eye(3))
    write(tmp_path / "scan.nii.gz", image)
    assert nibabel.load(tmp_path / "scan.nii.gz").get_data_dtype() == np.int16
    voxels[0, 0, 0] = 40000.0
    write(tmp_path / "scan.nii.gz", image)
    assert np.array_equal(read(tmp_path / "scan.nii.gz").voxels, voxels)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_types_of_voxels(kind: str, tmp_path: Path) -> None:
    voxels = np.arange(60).reshape(3, 4, 5).astype(kind)
    matrix = affine(np.eye(3))
    nibabel.save(nibabel.Nifti1Image(voxels, matrix, dtype=voxels.dtype), tmp_path / "scan.nii")
    nrrd.write(str(tmp_path / "scan.nrrd"), voxels, {"space": "RAS", "space directions": matrix[:3, :3].T})
    for name in ("scan.nii", "scan.nrrd"):
        assert np.array_equal(read(tmp_path / name).voxels, voxels)
    source = SimpleITK.GetImageFromArray(voxels.T)
    source.SetSpacing([0.5] * 3)
    for name in ("scan.mha", "packed.mha"):
        SimpleITK.WriteImage(source, str(tmp_path / name), useCompression=name == "packed.mha")
        assert np.array_equal(read(tmp_path / name).voxels, voxels)


def test_nifti_intensities_are_scaled(tmp_path: Path) -> None:
    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    file = nibabel.Nifti1Image(stored, affine(np.eye(3)))
    file.header.set_slope_inter(0.25, -1024.0)
    file.to_filename(tmp_path / "scan.nii.gz")
    expected = nibabel.load(tmp_path / "scan.nii.gz").get_fdata()
    assert np.allclose(read(tmp_path / "scan.nii.gz").voxels, expected, rtol=0.0, atol=1e-4)
    assert expected.max() != stored.max()


def test_metres_and_micrometres_are_turned(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    for unit, factor in (("meter", 1e-3), ("micron", 1e3)):
        matrix = affine(DIRECTIONS["oblique"]) * factor
        matrix[3, 3] = 1.0
        file = nibabel.Nifti1Image(voxels, matrix)
        file.header.set_xyzt_units(unit)
        nibabel.save(file, tmp_path / f"{unit}.nii")
        agree(read(tmp_path / f"{unit}.nii"), voxels, affine(DIRECTIONS["oblique"]))
    for unit, factor in (("m", 1e-3), ("cm", 0.1), ("um", 1e3)):
        header = {
            "space": "RAS",
            "space directions": factor * affine(DIRECTIONS["oblique"])[:3, :3].T,
            "space origin": factor * 1e3 * ORIGIN,
            "space units": [unit] * 3,
        }
        nrrd.write(str(tmp_path / f"{unit}.nrrd"), voxels, header)
        agree(read(tmp_path / f"{unit}.nrrd"), voxels, affine(DIRECTIONS["oblique"]))


# Scans over time


def test_phases_of_files(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    phases = np.stack([voxels + 100.0 * number for number in range(3)], axis=3)
    matrix = affine(DIRECTIONS["sagittal"])
    file = nibabel.Nifti1Image(phases, matrix)
    file.header.set_xyzt_units("mm", "sec")
    file.header["pixdim"][4] = 0.04
    nibabel.save(file, tmp_path / "cine.nii.gz")
    spatial = matrix[:3, :3].T
    nothing = np.full(3, np.nan)
    header = {"space": "RAS", "space origin": matrix[:3, 3]}
    last = header | {"space directions": np.vstack([spatial, nothing])}
    first = header | {"space directions": np.vstack([nothing, spatial])}
    nrrd.write(str(tmp_path / "last.nrrd"), phases, last | {"kinds": ["domain"] * 3 + ["time"]})
    nrrd.write(
        str(tmp_path / "first.nrrd"),
        np.moveaxis(phases, 3, 0),
        first | {"kinds": ["list"] + ["domain"] * 3},
    )
    for name in ("cine.nii.gz", "last.nrrd", "first.nrrd"):
        with pytest.raises(ImageError, match=r"3 phases.*'image\.phase', a number from 0 to 2"):
            read(tmp_path / name)
        for phase in range(3):
            agree(read(tmp_path / name, phase=phase), phases[..., phase], matrix)
    with pytest.raises(ImageError, match="1: 40 ms, 2: 80 ms"):
        read(tmp_path / "cine.nii.gz")
    four = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(phases[..., number].T) for number in range(3)])
    four.SetSpacing([0.4, 0.55, 1.3, 40.0])
    SimpleITK.WriteImage(four, str(tmp_path / "cine.mha"))
    assert np.array_equal(read(tmp_path / "cine.mha", phase=2).voxels, phases[..., 2])
    with pytest.raises(ImageError, match="3 phases"):
        read(tmp_path / "cine.mha")


def test_a_scan_of_one_moment_has_phase_zero_alone(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, affine(np.eye(3))), tmp_path / "scan.nii")
    assert np.array_equal(read(tmp_path / "scan.nii", phase=0).voxels, voxels)
    with pytest.raises(ImageError, match=r"no such phase.*of one moment.*Leave 'image\.phase' out"):
        read(tmp_path / "scan.nii", phase=1)


def test_files_have_no_series(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, affine(np.eye(3))), tmp_path / "scan.nii")
    with pytest.raises(ImageError, match="has no series"):
        read(tmp_path / "scan.nii", series="3")


# Sheared axes


def field(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth pattern [mm]."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 100.0 + 30.0 * np.sin(0.25 * x) + 20.0 * np.cos(0.2 * y + 0.15 * z) + 0.5 * z


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mha"])
def test_sheared_axes_are_made_orthogonal(name: str, tmp_path: Path) -> None:
    shear = np.array([[1.0, 0.15, -0.2], [0.0, 1.0, 0.3], [0.0, 0.0, 1.0]])
    steps = DIRECTIONS["oblique"] @ (shear * [0.6, 0.7, 0.9])
    origin = np.array([-10.0, 5.0, 20.0])
    shape = (40, 36, 30)
    points = np.moveaxis(np.indices(shape), 0, -1) @ steps.T + origin
    voxels = field(points).astype(np.float32)
    if name.endswith("gz"):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = steps, origin
        file = nibabel.Nifti1Image(voxels, matrix)
        nibabel.save(file, tmp_path / name)
    elif name.endswith("nrrd"):
        header = {"space": "RAS", "space directions": steps.T, "space origin": origin}
        nrrd.write(str(tmp_path / name), voxels, header)
    else:
        lps = np.array([-1.0, -1.0, 1.0])
        matrix = " ".join(f"{value:.15g}" for value in (lps[:, None] * steps).T.ravel())
        (tmp_path / name).write_bytes(
            f"ObjectType = Image\nNDims = 3\nTransformMatrix = {matrix}\nOffset = 10 -5 20\n"
            f"ElementSpacing = 1 1 1\nDimSize = 40 36 30\nElementType = MET_FLOAT\n"
            f"ElementDataFile = LOCAL\n".encode()
            + voxels.T.astype("<f4").tobytes()
        )
    image = read(tmp_path / name)
    assert image.direction.T @ image.direction == pytest.approx(np.eye(3), abs=1e-9)
    world = 1e3 * image.to_world(np.moveaxis(np.indices(image.voxels.shape), 0, -1).astype(float))
    within = (world - origin) @ np.linalg.inv(steps).T
    inside = np.all((within > 1.0) & (within < np.array(shape) - 2.0), axis=-1)
    assert inside.sum() > 0.7 * voxels.size
    assert np.abs(image.voxels - field(world))[inside].max() < 0.15  # of ± 50
    outside = np.any((within < -1.6) | (within > np.array(shape) + 0.6), axis=-1)
    assert outside.any() and np.all(image.voxels[outside] == voxels.min())
    assert np.prod(image.spacing) == pytest.approx(1e-9 * abs(np.linalg.det(steps)), rel=1e-5)


def test_axes_in_one_plane(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    header = {"space": "RAS", "space directions": [[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, 0]]}
    nrrd.write(str(tmp_path / "scan.nrrd"), voxels, header)
    with pytest.raises(ImageError, match="do not span a volume"):
        read(tmp_path / "scan.nrrd")


# Orientation that is not stated


def test_unknown_orientation_is_said(
    voxels: NDArray[np.float32], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = nibabel.Nifti1Image(voxels, None)
    file.header.set_zooms((0.4, 0.5, 0.6))
    file.header.set_xyzt_units("mm")
    nibabel.save(file, tmp_path / "scan.nii")
    assert read(tmp_path / "scan.nii").spacing == pytest.approx([0.4e-3, 0.5e-3, 0.6e-3])
    nrrd.write(str(tmp_path / "scan.nrrd"), voxels, {"spacings": [0.4, 0.5, 0.6]})
    assert read(tmp_path / "scan.nrrd").spacing == pytest.approx([0.4e-3, 0.5e-3, 0.6e-3])
    assert caplog.text.count("does not say where left and right are") == 2


def test_a_space_that_is_not_the_patients(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    header = {"space": "scanner-xyz", "space directions": np.eye(3)}
    nrrd.write(str(tmp_path / "scan.nrrd"), voxels, header)
    with pytest.raises(ImageError, match=r"not the patient's.*scanner-xyz.*left-posterior-superior"):
        read(tmp_path / "scan.nrrd")


# Broken files


def broken(path: Path, pattern: str) -> None:
    with pytest.raises(ImageError, match=pattern):
        read(path)


@pytest.mark.parametrize("name", WRITTEN[:4])
def test_files_that_are_cut_off(name: str, voxels: NDArray[np.float32], tmp_path: Path) -> None:
    write(tmp_path / name, Image(voxels=voxels, spacing=SPACING, origin=ORIGIN, direction=np.eye(3)))
    content = (tmp_path / name).read_bytes()
    for share in (0.02, 0.6, 0.99):
        (tmp_path / name).write_bytes(content[: int(share * len(content))])
        broken(tmp_path / name, "cannot read the image")


def test_a_damaged_gzip_stream(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    write(tmp_path / "scan.nii.gz", Image(voxels=voxels, spacing=SPACING, origin=ORIGIN, direction=np.eye(3)))
    content = bytearray((tmp_path / "scan.nii.gz").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    (tmp_path / "scan.nii.gz").write_bytes(content)
    broken(tmp_path / "scan.nii.gz", "damaged")


def test_a_nifti_file_with_the_wrong_ending(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, affine(np.eye(3))), tmp_path / "scan.nii.gz")
    (tmp_path / "scan.nii").write_bytes((tmp_path / "scan.nii.gz").read_bytes())
    (tmp_path / "plain.nii.gz").write_bytes(gzip.decompress((tmp_path / "scan.nii.gz").read_bytes()))
    for name in ("scan.nii", "plain.nii.gz"):
        agree(read(tmp_path / name), voxels, affine(np.eye(3)))


def test_a_header_without_its_voxels(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    header = {"space": "RAS", "space directions": np.eye(3)}
    nrrd.write(str(tmp_path / "scan.nhdr"), voxels, header, detached_header=True)
    write(tmp_path / "scan.mhd", Image(voxels=voxels, spacing=SPACING, origin=ORIGIN, direction=np.eye(3)))
    for path in tmp_path.iterdir():
        if path.suffix not in (".nhdr", ".mhd"):
            path.unlink()
    for name in ("scan.nhdr", "scan.mhd"):
        broken(tmp_path / name, r"not where its header says.*Copy both files")


def test_other_formats_are_left_to_the_library(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    source = SimpleITK.GetImageFromArray(voxels.T)
    source.SetSpacing((1e3 * SPACING).tolist())
    source.SetOrigin([1.0, 2.0, 3.0])
    SimpleITK.WriteImage(source, str(tmp_path / "scan.gipl"))
    image = read(tmp_path / "scan.gipl")
    assert np.array_equal(image.voxels, voxels)
    assert image.spacing == pytest.approx(SPACING, rel=1e-6)
    assert image.origin == pytest.approx([-1e-3, -2e-3, 3e-3])
    (tmp_path / "scan.gipl").write_bytes(b"no image")
    broken(tmp_path / "scan.gipl", "cannot read the image")


def test_colours_and_vectors(tmp_path: Path) -> None:
    colours = np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colours, affine(np.eye(3))), tmp_path / "rgb.nii")
    vectors = np.random.default_rng(0).normal(size=(3, 4, 5, 1, 3)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(vectors, affine(np.eye(3))), tmp_path / "vector.nii")
    header = {
        "space": "RAS",
        "space directions": np.vstack([np.full(3, np.nan), np.eye(3)]),
        "kinds": ["RGB-color"] + ["domain"] * 3,
    }
    nrrd.write(str(tmp_path / "rgb.nrrd"), np.zeros((3, 4, 5, 6), dtype=np.uint8), header)
    source = SimpleITK.GetImageFromArray(vectors[:, :, :, 0], isVector=True)
    SimpleITK.WriteImage(source, str(tmp_path / "rgb.mha"))
    for name in ("rgb.nii", "vector.nii", "rgb.nrrd", "rgb.mha"):
        broken(tmp_path / name, r"several values a voxel.*value: 3")


@pytest.mark.parametrize("size", ["0.5 0 0.5", "0.5 -0.5 0.5"])
def test_zero_and_negative_spacing(size: str, voxels: NDArray[np.float32], tmp_path: Path) -> None:
    header = f"ObjectType = Image\nNDims = 3\nElementSpacing = {size}\nDimSize = 6 7 8\n"
    content = (header + "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n").encode()
    (tmp_path / "scan.mha").write_bytes(content + voxels.tobytes())
    broken(tmp_path / "scan.mha", r"no spacing.*above zero")
    fields = f"NRRD0004\ntype: float\ndimension: 3\nsizes: 6 7 8\nspacings: {size}\nendian: little\nencoding: raw\n\n"
    (tmp_path / "scan.nrrd").write_bytes(fields.encode() + voxels.tobytes())
    broken(tmp_path / "scan.nrrd", r"no spacing.*above zero")


def test_a_header_that_contradicts_itself(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, affine(np.eye(3))), tmp_path / "scan.nii")
    content = bytearray((tmp_path / "scan.nii").read_bytes())
    content[80:84] = np.float32(0.8).tobytes()
    (tmp_path / "scan.nii").write_bytes(content)
    broken(tmp_path / "scan.nii", r"contradicts itself.*0\.8 × 0\.55 × 1\.3 by 'pixdim', 0\.4 × 0\.55 × 1\.3")


@pytest.mark.parametrize(
    ("factor", "pattern"),
    [
        (1e-3, r"spacing of the image is implausible.*0\.0004.*looks like metres"),
        (1e3, r"spacing of the image is implausible.*400 × 550 × 1300 mm.*looks like micrometres"),
    ],
)
def test_the_wrong_unit(factor: float, pattern: str, voxels: NDArray[np.float32], tmp_path: Path) -> None:
    write(
        tmp_path / "scan.mha",
        Image(voxels=voxels, spacing=factor * SPACING, origin=ORIGIN, direction=np.eye(3)),
    )
    broken(tmp_path / "scan.mha", pattern)


def test_an_image_larger_than_a_patient(tmp_path: Path) -> None:
    voxels = np.zeros((400, 3, 3), dtype=np.float32)
    voxels[3] = 1.0
    image = Image(voxels=voxels, spacing=np.full(3, 8e-3), origin=np.zeros(3), direction=np.eye(3))
    write(tmp_path / "scan.mha", image)
    broken(tmp_path / "scan.mha", r"size of the image is implausible.*3200 × 24 × 24 mm")


def test_voxels_up_to_five_to_one(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    for ratio in (5.0, 5.2):
        spacing = 0.6e-3 * np.array([1.0, 1.0, ratio])
        write(
            tmp_path / f"{ratio}.nii.gz",
            Image(voxels=voxels, spacing=spacing, origin=ORIGIN, direction=np.eye(3)),
        )
    assert read(tmp_path / "5.0.nii.gz").spacing[2] == pytest.approx(3e-3)
    broken(tmp_path / "5.2.nii.gz", r"too long in one direction.*5\.2 : 1")


def test_the_first_voxel_that_is_no_number_is_located(voxels: NDArray[np.float32], tmp_path: Path) -> None:
    voxels[2, 3, 4] = np.nan
    write(
        tmp_path / "scan.nrrd",
        Image(voxels=voxels, spacing=np.full(3, 1e-3), origin=np.zeros(3), direction=np.eye(3)),
    )
    broken(tmp_path / "scan.nrrd", r"1 of 336 voxels are NaN.*at \(2\.0, 3\.0, 4\.0\) mm")
