"""DICOM: series, phases, gaps, tilted gantries, multi-frame files and compression."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from geometry.imaging.dicom_series import list_series
from geometry.imaging.image import Image, read
from hemoplan.errors import ImageError
from tests.geometry.imaging.dicom_writer import AXIAL, IDENTITY, edit, write_enhanced, write_series

LPS = np.array([-1.0, -1.0, 1.0])


def ramp(slices: int = 4, rows: int = 5, columns: int = 6) -> NDArray[np.int16]:
    return np.random.default_rng(3).integers(-1000, 2000, size=(slices, rows, columns)).astype(np.int16)


def refused(path: Path, pattern: str, **choice: object) -> None:
    """Reading is refused with these words, and without those that name the patient."""
    with pytest.raises(ImageError, match=pattern) as caught:
        read(path, **choice)
    text = str(caught.value)
    assert not [each for each in IDENTITY.values() if each in text or each.split("^")[0] in text]


def test_slices_are_sorted_scaled_and_placed(tmp_path: Path) -> None:
    orientation = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)  # sagittal: columns to the back, rows to the feet
    voxels = ramp()
    write_series(
        tmp_path, voxels, orientation=orientation, distance=1.2, RescaleSlope=2.0, RescaleIntercept=-1024.0
    )
    image = read(tmp_path)
    # Columns run along +y, rows along -z, slices along their cross product -x, all LPS; 0.7 mm between columns.
    for column, row, number in ((0, 0, 0), (5, 2, 3), (3, 4, 1)):
        expected = 1e-3 * LPS * [-1.2 * number, 0.7 * column, -0.8 * row]
        assert image.to_world(np.array([column, row, number], dtype=float)) == pytest.approx(
            expected, abs=1e-9
        )
        assert image.voxels[column, row, number] == 2.0 * voxels[number, row, column] - 1024.0


def test_a_folder_agrees_with_the_reader_library(tmp_path: Path) -> None:
    turned = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    voxels = ramp()
    write_series(tmp_path, voxels, orientation=[float(f"{value:.12g}") for value in turned[:, :2].T.ravel()])
    image = read(tmp_path)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    library = reader.Execute()
    assert np.array_equal(image.voxels, SimpleITK.GetArrayFromImage(library).T)
    expected = 1e-3 * LPS * library.TransformIndexToPhysicalPoint((5, 1, 3))
    assert image.to_world(np.array([5.0, 1.0, 3.0])) == pytest.approx(expected, abs=1e-8)


def test_each_slice_has_its_own_scaling(tmp_path: Path) -> None:
    voxels = ramp()
    each = [{"RescaleSlope": 1.0 + number, "RescaleIntercept": -10.0 * number} for number in range(4)]
    write_series(tmp_path, voxels, each=each)
    image = read(tmp_path)
    for number in range(4):
        assert np.array_equal(image.voxels[:, :, number], ((1.0 + number) * voxels[number] - 10.0 * number).T)


def test_subfolders_are_searched_and_other_files_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "one", ramp())
    (tmp_path / "readme.txt").write_text("how to open this disc " * 20)
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00" * 40)
    (tmp_path / "thumb.jpg").write_bytes(bytes(range(256)))
    (tmp_path / "empty").write_bytes(b"")
    assert read(tmp_path).voxels.shape == (6, 5, 4)


def test_copies_of_a_file_count_once(tmp_path: Path) -> None:
    write_series(tmp_path, ramp())
    for path in sorted(tmp_path.iterdir()):
        (tmp_path / f"copy of {path.name}").write_bytes(path.read_bytes())
    assert read(tmp_path).voxels.shape == (6, 5, 4)


# Several series


@pytest.fixture
def several(tmp_path: Path) -> Path:
    write_series(
        tmp_path,
        ramp(3),
        number=1,
        description="topogram",
        prefix="a",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )
    write_series(tmp_path, ramp(5), number=4, description="CTA 0.6", prefix="b", distance=0.6)
    write_series(tmp_path, ramp(4), number=5, description="CTA 3.0", prefix="c", distance=3.0)
    write_series(
        tmp_path, ramp(2), number=9, description="MIP", prefix="d", ImageType=["DERIVED", "SECONDARY", "MIP"]
    )
    return tmp_path


def test_series_are_listed(several: Path) -> None:
    found = list_series(several)
    assert [str(each) for each in found] == [
        "1: 'topogram', CT, 3 slices, localiser",
        "4: 'CTA 0.6', CT, 5 slices, 0.7 × 0.8 × 0.6 mm",
        "5: 'CTA 3.0', CT, 4 slices, 0.7 × 0.8 × 3 mm",
        "9: 'MIP', CT, 2 slices, 0.7 × 0.8 × 1.5 mm, derived",
    ]
    assert found[1].size == (6, 5, 5)
    assert found[1].spacing == pytest.approx((0.7e-3, 0.8e-3, 0.6e-3))


def test_several_series_are_never_chosen_from_silently(several: Path) -> None:
    refused(several, r"several DICOM series.*4: 'CTA 0\.6', CT, 5 slices.*5: 'CTA 3\.0'.*'image\.series'")


@pytest.mark.parametrize(("wanted", "slices"), [("4", 5), ("5", 4), ("CTA 3.0", 4), ("cta 0.6", 5), ("9", 2)])
def test_a_series_is_chosen_by_number_or_description(several: Path, wanted: str, slices: int) -> None:
    assert read(several, series=wanted).voxels.shape[2] == slices


def test_a_series_is_chosen_by_its_identifier(several: Path) -> None:
    assert read(several, series=list_series(several)[2].uid).voxels.shape[2] == 4


def test_an_unknown_series_gets_a_hint(several: Path) -> None:
    refused(several, r"no such DICOM series.*Did you mean", series="CTA 3")


def test_a_localiser_cannot_be_read(several: Path) -> None:
    refused(several, "is a localiser", series="1")


def test_the_only_volume_beside_localiser_and_projection_is_read(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(3), number=1, prefix="a", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(tmp_path, ramp(5), number=2, prefix="b")
    write_series(tmp_path, ramp(2), number=3, prefix="c", ImageType=["DERIVED", "PRIMARY", "MPR"])
    assert read(tmp_path).voxels.shape[2] == 5


def test_a_lone_derived_series_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_series(tmp_path, ramp(), ImageType=["DERIVED", "SECONDARY", "MPR"], description="reformat")
    assert read(tmp_path).voxels.shape[2] == 4
    assert "the only volume" in caplog.text and "reformat" in caplog.text


def test_equal_series_are_told_apart_by_identifier(tmp_path: Path) -> None:
    one, other = generate_uid(), generate_uid()
    write_series(tmp_path, ramp(4), uid=one, prefix="a")
    write_series(tmp_path, ramp(5), uid=other, prefix="b")
    refused(tmp_path, f"several DICOM series.*UID {one}", series="3")
    assert read(tmp_path, series=other).voxels.shape[2] == 5


def test_magnitudes_and_velocities_of_one_series_are_apart(tmp_path: Path) -> None:
    uid = generate_uid()
    for kind in ("M_FFE", "VELOCITY"):
        write_series(tmp_path, ramp(), uid=uid, prefix=kind, ImageType=["ORIGINAL", "PRIMARY", kind])
    assert len(list_series(tmp_path)) == 2


# Broken series


def test_missing_slices_are_located(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(9), positions=[(0, 0, 1.5 * number) for number in range(9)])
    image = read(tmp_path)
    middle = 1e3 * image.to_world(np.array([2.5, 2.0, 0.0]))
    names = np.random.default_rng(1).permutation(9)
    (tmp_path / f"slice{names[4]:04d}").unlink()
    x, y = f"{middle[0]:.1f}", f"{middle[1]:.1f}"
    refused(
        tmp_path,
        rf"1 slice is missing.*between \({x}, {y}, 4\.5\) mm and \({x}, {y}, 7\.5\) mm.*every 1\.5 mm",
    )
    (tmp_path / f"slice{names[5]:04d}").unlink()
    refused(tmp_path, r"2 slices are missing.*4\.5\) mm and .*9\.0\) mm")


def test_gaps_of_several_slices_are_all_listed(tmp_path: Path) -> None:
    places = [0, 1, 2, 4, 5, 6, 7, 10, 11, 12]
    write_series(tmp_path, ramp(10), positions=[(0, 0, number) for number in places])
    refused(
        tmp_path, r"3 slices are missing.*2\.0\) mm and .*4\.0\) mm, between .*7\.0\) mm and .*10\.0\) mm"
    )


def test_slices_at_the_same_place(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(6), positions=[(0, 0, z) for z in (0, 1, 2, 2, 3, 4)])
    refused(tmp_path, r"same place.*1 of 5 places, at \(.*2\.0\) mm")


def test_varying_distances(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(6), positions=[(0, 0, z) for z in (0, 1, 2, 3.4, 4.8, 6.2)])
    refused(tmp_path, r"distance of the slices varies.*1 to 1\.4 mm")


def test_rounded_positions_are_accepted(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(20), positions=[(0, 0, round(0.625 * number, 1)) for number in range(20)])
    image = read(tmp_path)
    assert image.spacing[2] == pytest.approx(0.625e-3, rel=2e-3)
    assert image.to_world(np.array([0.0, 0.0, 10.0]))[2] == pytest.approx(6.25e-3, abs=0.05e-3)


def test_shifted_slices(tmp_path: Path) -> None:
    positions = [(2.0 if number == 3 else 0.0, 0.0, 1.5 * number) for number in range(7)]
    write_series(tmp_path, ramp(7), positions=positions)
    refused(tmp_path, r"shifted against each other.*4\.5\) mm")


def test_varying_directions(tmp_path: Path) -> None:
    each = [{}] * 5 + [{"ImageOrientationPatient": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]}]
    write_series(tmp_path, ramp(6), each=each)
    refused(tmp_path, r"different directions.*5 of 6 slices agree")


def test_varying_pixel_spacing(tmp_path: Path) -> None:
    each = [{}] * 3 + [{"PixelSpacing": [0.9, 0.9]}]
    write_series(tmp_path, ramp(4), each=each)
    refused(tmp_path, r"differ in pixel spacing.*0\.7 × 0\.8 mm, but 0\.9 × 0\.9 mm")


def test_varying_size(tmp_path: Path) -> None:
    uid = generate_uid()
    write_series(tmp_path, ramp(3), uid=uid, prefix="a")
    write_series(tmp_path, ramp(2, 7, 7), uid=uid, prefix="b", positions=[(0.0, 0.0, 4.5), (0.0, 0.0, 6.0)])
    refused(tmp_path, r"differ in size.*3 of 6 × 5 pixels, 2 of 7 × 7 pixels")


def test_a_slice_that_is_cut_off(tmp_path: Path) -> None:
    write_series(tmp_path, ramp())
    path = sorted(tmp_path.iterdir())[1]
    path.write_bytes(path.read_bytes()[:-31])
    refused(tmp_path, r"cannot read a slice.*cut off or damaged, the slice at \(")


def test_a_damaged_file_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_series(tmp_path, ramp(6))
    names = np.random.default_rng(1).permutation(6)
    last = tmp_path / f"slice{names[5]:04d}"
    content = last.read_bytes()
    for harmed in (content[:900], content.replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00U?")):
        caplog.clear()
        last.write_bytes(harmed)
        assert read(tmp_path).voxels.shape[2] == 5
        assert "1 damaged DICOM file" in caplog.text


def test_a_last_slice_without_position_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    each = [{}] * 5 + [{"ImagePositionPatient": None}]
    write_series(tmp_path, ramp(6), each=each)
    assert read(tmp_path).voxels.shape[2] == 5
    assert "not part of the volume: 1 (without position)" in caplog.text


def test_images_without_position(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(), ImagePositionPatient=None)
    refused(tmp_path, "does not say where its images lie")


def test_a_film_over_time_without_position(shared_data: Path) -> None:
    refused(shared_data / "vmtk_aorta" / "mr-dicom.dcm", "does not say where its images lie")


def test_thick_slices(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(), distance=8.0, spacing=(0.5, 0.5))
    refused(
        tmp_path,
        r"too long in one direction.*0\.5 × 0\.5 × 8 mm, 16\.0 : 1.*at most 5 : 1.*thin reconstruction",
    )


def test_colour_images(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(), SamplesPerPixel=3)
    refused(tmp_path, "several values a voxel")


# Phases


def beating(folder: Path, *, phases: int = 3, slices: int = 4, **elements: object) -> NDArray[np.int16]:
    """Slices that repeat at the same places, in each phase brighter by 100."""
    voxels = np.concatenate([ramp(slices) + np.int16(100 * phase) for phase in range(phases)])
    positions = [(0.0, 0.0, 1.5 * (number % slices)) for number in range(phases * slices)]
    each = [{key: values[number] for key, values in elements.items()} for number in range(phases * slices)]  # type: ignore[index]
    write_series(folder, voxels, positions=positions, each=each)
    return voxels


@pytest.mark.parametrize("name", ["TriggerTime", "TemporalPositionIdentifier", "AcquisitionNumber"])
def test_phases_are_told_apart(tmp_path: Path, name: str) -> None:
    voxels = beating(tmp_path, **{name: [10 * (number // 4) for number in range(12)]})
    refused(tmp_path, r"the scan has 3 phases.*0: .*1: .*2: .*'image\.phase', a number from 0 to 2")
    for phase in range(3):
        assert np.array_equal(read(tmp_path, phase=phase).voxels, voxels[4 * phase : 4 * phase + 4].T)


def test_trigger_times_that_vary_from_slice_to_slice(tmp_path: Path) -> None:
    times = [40.0 * (number // 4) + 1.7 * (number % 4) for number in range(12)]
    voxels = beating(tmp_path, TriggerTime=times)
    refused(tmp_path, r"0: 2\.55 ms after the trigger, 1: 42\.55 ms")
    assert np.array_equal(read(tmp_path, phase=2).voxels, voxels[8:].T)


def test_phases_that_only_the_numbers_of_instances_tell(tmp_path: Path) -> None:
    voxels = beating(tmp_path)
    assert np.array_equal(read(tmp_path, phase=1).voxels, voxels[4:8].T)


def test_acquisition_times_are_not_shown(tmp_path: Path) -> None:
    beating(
        tmp_path, AcquisitionTime=[f"0912{number // 4:02d}" for number in range(12)], InstanceNumber=[1] * 12
    )
    with pytest.raises(ImageError, match="3 phases") as caught:
        read(tmp_path)
    assert "912" not in str(caught.value)


def test_no_such_phase(tmp_path: Path) -> None:
    beating(tmp_path, TriggerTime=[10 * (number // 4) for number in range(12)])
    refused(tmp_path, r"no such phase.*value: 3", phase=3)
    assert list_series(tmp_path)[0].size == (6, 5, 4)
    assert str(list_series(tmp_path)[0]).endswith("3 phases")


def test_a_phase_that_lacks_a_slice(tmp_path: Path) -> None:
    beating(tmp_path, slices=6, TriggerTime=[10 * (number // 6) for number in range(18)])
    names = np.random.default_rng(1).permutation(18)
    (tmp_path / f"slice{names[6 + 3]:04d}").unlink()
    assert read(tmp_path, phase=0).voxels.shape[2] == 6
    refused(tmp_path, r"1 slice is missing.*3\.0\) mm and .*6\.0\) mm", phase=1)


# Tilted gantry


def blob(points: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth ellipsoid [mm]: 1000 in the middle, 20 outside."""
    offsets = (points - centre) / [4.0, 3.0, 5.0]
    return 20.0 + 980.0 * np.exp(-0.5 * np.sum(offsets**2, axis=-1))


def tilted(folder: Path, degrees: float) -> NDArray[np.float64]:
    """Slices cut at an angle while the table moves along z; returns the centre of the blob in them [mm], LPS."""
    angle = np.radians(degrees)
    rows, columns, slices = 60, 56, 50
    down = np.array([0.0, np.cos(angle), -np.sin(angle)])
    corner = -0.35 * (columns - 1) * np.array([1.0, 0.0, 0.0]) - 0.35 * (rows - 1) * down
    starts = corner + (np.arange(slices) - 0.5 * (slices - 1))[:, None] * [0.0, 0.0, 0.9]
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    points = starts[:, None, None] + 0.7 * i[..., None] * [1.0, 0.0, 0.0] + 0.7 * j[..., None] * down
    centre = np.array([1.3, 0.7, -0.4])
    values = np.round(10.0 * blob(points, centre)).astype(np.int16)
    write_series(
        folder,
        values,
        positions=starts.tolist(),
        orientation=[1.0, 0.0, 0.0, *down],
        spacing=(0.7, 0.7),
        RescaleSlope=0.1,
    )
    return centre


@pytest.mark.parametrize("degrees", [-25.0, 8.0, 20.0])
def test_a_tilted_gantry_is_made_upright(tmp_path: Path, degrees: float) -> None:
    centre = tilted(tmp_path, degrees)
    image = read(tmp_path)
    assert image.direction.T @ image.direction == pytest.approx(np.eye(3), abs=1e-12)
    assert image.spacing[2] == pytest.approx(0.9e-3 * np.cos(np.radians(degrees)), rel=1e-6)
    exact = blob(1e3 * LPS * image.to_world(np.moveaxis(np.indices(image.voxels.shape), 0, -1)), centre)
    inside = image.voxels > 60.0
    assert inside.sum() > 3000
    assert np.abs(image.voxels - exact)[inside].max() < 1.0  # of 1000
    weights = image.voxels[inside] - 20.0
    found = weights @ image.to_world(np.argwhere(inside).astype(float)) / weights.sum()
    assert 1e3 * found == pytest.approx(LPS * centre, abs=0.01)


def test_a_tilt_within_rounding_is_no_tilt(tmp_path: Path) -> None:
    voxels = ramp(8)
    write_series(tmp_path, voxels, positions=[(0.0, 0.003 * number, 1.5 * number) for number in range(8)])
    assert np.array_equal(read(tmp_path).voxels, voxels.T)


# Multi-frame files


def test_an_enhanced_file(tmp_path: Path) -> None:
    voxels = ramp(5)
    order = np.array([3, 0, 4, 1, 2])
    positions = np.array([(1.0, 2.0, 1.5 * number) for number in order])
    rescale = [(1.0 + number, 5.0 * number) for number in order]
    write_enhanced(tmp_path / "flow.dcm", voxels, positions=positions, rescale=rescale)
    for path in (tmp_path, tmp_path / "flow.dcm"):
        image = read(path)
        assert image.spacing == pytest.approx([0.7e-3, 0.8e-3, 1.5e-3])
        assert image.origin == pytest.approx([-1e-3, -2e-3, 0.0])
        for frame, number in enumerate(order):
            assert np.array_equal(
                image.voxels[:, :, number], ((1.0 + number) * voxels[frame] + 5.0 * number).T
            )


def test_phases_of_an_enhanced_file(tmp_path: Path) -> None:
    voxels = ramp(8)
    write_enhanced(
        tmp_path / "cine.dcm",
        voxels,
        positions=np.array([(0.0, 0.0, 2.0 * (frame // 2)) for frame in range(8)]),
        rescale=[(1.0, 0.0)] * 8,
        triggers=[(0.0, 350.0)[frame % 2] for frame in range(8)],
    )
    refused(tmp_path, r"2 phases.*1: 350 ms after the trigger")
    assert np.array_equal(read(tmp_path, phase=1).voxels, voxels[1::2].T)


# Pixels


@pytest.mark.parametrize("compressor", ["JPEG2000", "JPEGLS", "RLE"])
def test_compressed_slices(tmp_path: Path, compressor: str) -> None:
    smooth = np.cumsum(ramp(4, 32, 24) // 100, axis=2).astype(np.int16)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    for number, values in enumerate(smooth):
        part = SimpleITK.GetImageFromArray(values[None])
        part.SetSpacing([0.7, 0.8, 1.5])
        for tag, value in {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|0032": f"0\\0\\{1.5 * number}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "-1024",
            "0028|1053": "1",
        }.items():
            part.SetMetaData(tag, value)
        writer.SetFileName(str(tmp_path / f"{number}.dcm"))
        writer.Execute(part)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert np.array_equal(read(tmp_path).voxels, smooth.T)
    assert size < smooth.nbytes + 4 * 1500


def test_overlays_in_unused_bits_are_dropped(tmp_path: Path) -> None:
    voxels = ramp() % np.int16(2048)
    marked = voxels | np.int16(1 << 14)
    write_series(tmp_path, marked, BitsStored=12, HighBit=11, PixelRepresentation=0)
    assert np.array_equal(read(tmp_path).voxels, voxels.T)


def test_warnings_of_the_parser_stay_inside(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    write_series(tmp_path, ramp())
    for path in tmp_path.iterdir():
        edit(path, SeriesDescription="angio")
    read(tmp_path)
    assert not recwarn.list


def test_image_is_an_image(tmp_path: Path) -> None:
    write_series(tmp_path, ramp(), orientation=AXIAL)
    assert isinstance(read(tmp_path), Image)
