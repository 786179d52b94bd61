"""Label maps: names from every source, layers, choosing one label, and the grid of the scan."""

from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geometry.imaging.image import Image, write, write_voxels
from geometry.imaging.label_map import LabelMap, choose_label, read_labels, resample_labels, write_labels
from hemoplan.errors import ImageError

# pynrrd writes the time with a function that Python will drop.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

OBLIQUE = np.array([[0.0, -1.0, 0.0], [0.8, 0.0, -0.6], [0.6, 0.0, 0.8]])


def label_map(labels: NDArray[np.generic], names: dict[int, str] | None = None, **grid: object) -> LabelMap:
    place = {"spacing": np.full(3, 0.4e-3), "origin": np.array([-0.01, 0.02, 0.03]), "direction": OBLIQUE}
    values = {**place, **grid}
    return LabelMap(labels=labels.astype(np.uint8), names=names or {1: "lumen"}, **values)  # type: ignore[arg-type]


@pytest.fixture
def two() -> LabelMap:
    labels = np.random.default_rng(0).integers(0, 3, size=(4, 5, 6))
    return label_map(labels, {1: "lumen", 2: "pulmonary artery"})


def segmentation(path: Path, samples: NDArray[np.uint8], segments: list[dict[str, str]]) -> Path:
    """A file as 3D Slicer writes it; layers come first."""
    layered = samples.ndim == 4
    directions = 0.4 * np.eye(3)
    header = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.full(3, np.nan), directions]) if layered else directions,
        "space origin": [10.0, -20.0, 30.0],
        "kinds": ["list"] * layered + ["domain"] * 3,
        "Segmentation_MasterRepresentation": "Binary labelmap",
    }
    for number, entries in enumerate(segments):
        header |= {f"Segment{number}_{key}": value for key, value in entries.items()}
    nrrd.write(str(path), samples, header)
    return path


def block(*corners: tuple[int, int], shape: tuple[int, int, int] = (8, 9, 10)) -> NDArray[np.uint8]:
    labels = np.zeros(shape, dtype=np.uint8)
    labels[tuple(slice(*corner) for corner in corners)] = 1
    return labels


@pytest.mark.parametrize("name", ["lumen.nii.gz", "lumen.nrrd", "lumen.seg.nrrd"])
def test_what_is_written_is_read_again(two: LabelMap, name: str, tmp_path: Path) -> None:
    written = label_map(two.labels, dict(two.names), level=171.53) if name else two
    write_labels(tmp_path / name, written)
    again = read_labels(tmp_path / name)
    assert np.array_equal(again.labels, two.labels)
    assert again.names == {1: "lumen", 2: "pulmonary artery"}
    assert again.level == 171.53
    assert again.to_world(np.array([3.0, 1.0, 2.0])) == pytest.approx(
        two.to_world(np.array([3.0, 1.0, 2.0])), abs=1e-8
    )
    assert (tmp_path / "lumen.json").is_file() == (not name.endswith(".seg.nrrd"))


def test_a_written_segmentation_has_the_keys_of_slicer(two: LabelMap, tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.seg.nrrd", two)
    data, header = nrrd.read(str(tmp_path / "labels.seg.nrrd"))
    assert np.array_equal(data, two.labels)
    assert header["Segment0_Name"] == "lumen" and header["Segment0_LabelValue"] == "1"
    assert header["Segment1_Name"] == "pulmonary artery" and header["Segment1_LabelValue"] == "2"
    assert header["Segment1_Layer"] == "0"
    assert header["Segment1_Extent"] == "0 3 0 4 0 5"


def test_names_of_a_segmentation(tmp_path: Path) -> None:
    labels = 4 * block((1, 3), (1, 3), (1, 3)) + 7 * block((5, 7), (1, 3), (1, 3))
    segments = [
        {"ID": "a", "Name": "Aorta", "LabelValue": "4", "Layer": "0"},
        {"ID": "b", "Name": "Duct", "LabelValue": "7", "Layer": "0"},
    ]
    read = read_labels(segmentation(tmp_path / "hand.seg.nrrd", labels, segments))
    assert np.array_equal(read.labels, labels)
    assert read.names == {4: "Aorta", 7: "Duct"}
    assert read.to_world(np.zeros(3)) == pytest.approx([-10e-3, 20e-3, 30e-3])


def test_layers_without_overlap_are_merged(tmp_path: Path) -> None:
    one, other = block((1, 4), (1, 4), (1, 4)), block((4, 7), (1, 4), (1, 4))
    segments = [{"ID": "a", "Name": "Aorta", "LabelValue": "1", "Layer": "0"}]
    segments += [{"ID": "b", "Name": "Duct", "LabelValue": "1", "Layer": "1"}]
    path = segmentation(tmp_path / "layers.seg.nrrd", np.stack([one, other]), segments)
    read = read_labels(path)
    assert np.array_equal(read.labels, one + 2 * other)
    assert read.names == {1: "Aorta", 2: "Duct"}
    old = [{"ID": "a", "Name": "Aorta"}, {"ID": "b", "Name": "Duct"}]
    read = read_labels(segmentation(tmp_path / "old.seg.nrrd", np.stack([one, other]), old))
    assert np.array_equal(read.labels, one + 2 * other)


def test_overlapping_layers_are_refused(tmp_path: Path) -> None:
    one, other = block((1, 4), (1, 4), (1, 4)), block((3, 7), (1, 4), (1, 4))
    segments = [{"ID": "a", "Name": "Aorta", "LabelValue": "1", "Layer": "0"}]
    segments += [{"ID": "b", "Name": "Duct", "LabelValue": "1", "Layer": "1"}]
    path = segmentation(tmp_path / "layers.seg.nrrd", np.stack([one, other]), segments)
    # Nine voxels of 0.4 mm around index (3, 2, 2), LPS to RAS.
    with pytest.raises(
        ImageError,
        match=r"'Aorta' and 'Duct' share 0\.000576 mL around \(-11\.2, 19\.2, 30\.8\) mm.*Overwrite all",
    ):
        read_labels(path)


def test_a_segment_without_its_layer(tmp_path: Path) -> None:
    segments = [{"ID": "a", "Name": "Aorta", "LabelValue": "1", "Layer": "2"}]
    path = segmentation(tmp_path / "a.seg.nrrd", block((1, 3), (1, 3), (1, 3)), segments)
    with pytest.raises(ImageError, match="'Aorta' in layer 2"):
        read_labels(path)
    segments = [{"ID": "a", "Name": "Aorta", "LabelValue": "one"}]
    path = segmentation(tmp_path / "b.seg.nrrd", block((1, 3), (1, 3), (1, 3)), segments)
    with pytest.raises(ImageError, match="Segment0_LabelValue"):
        read_labels(path)


def test_a_plain_map_is_named_by_numbers(tmp_path: Path) -> None:
    labels = block((1, 3), (1, 3), (1, 3)) + 3 * block((5, 7), (1, 3), (1, 3))
    nibabel.save(
        nibabel.Nifti1Image(labels.astype(np.float32), np.diag([0.5, 0.5, 0.5, 1.0])),
        tmp_path / "plain.nii.gz",
    )
    assert read_labels(tmp_path / "plain.nii.gz").names == {1: "lumen", 3: "label_3"}
    nibabel.save(
        nibabel.Nifti1Image(labels * np.uint8(3), np.diag([0.5, 0.5, 0.5, 1.0])), tmp_path / "other.nii.gz"
    )
    assert read_labels(tmp_path / "other.nii.gz").names == {3: "label_3", 9: "label_9"}


def test_broken_names(two: LabelMap, tmp_path: Path) -> None:
    write_labels(tmp_path / "lumen.nii.gz", two)
    (tmp_path / "lumen.json").write_text('{"names": 3}')
    with pytest.raises(ImageError, match=r"lumen\.json.*names of the labels"):
        read_labels(tmp_path / "lumen.nii.gz")


@pytest.mark.parametrize(
    "values", [[0.0, 0.5], [0.0, 300.0], [-1.0, 0.0], [0.0, np.nan]], ids=["half", "large", "negative", "NaN"]
)
def test_an_image_is_no_label_map(values: list[float], tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).choice(values, size=(4, 5, 6)).astype(np.float32)
    image = Image(voxels=voxels, spacing=np.full(3, 1e-3), origin=np.zeros(3), direction=np.eye(3))
    write(tmp_path / "scan.nrrd", image)
    with pytest.raises(ImageError, match="not a label map"):
        read_labels(tmp_path / "scan.nrrd")


def test_an_empty_map(tmp_path: Path) -> None:
    grid = {"spacing": np.full(3, 1e-3), "origin": np.zeros(3), "direction": np.eye(3)}
    write_voxels(tmp_path / "empty.nii.gz", np.zeros((4, 5, 6), dtype=np.uint8), **grid)
    with pytest.raises(ImageError, match="label map is empty"):
        read_labels(tmp_path / "empty.nii.gz")


def test_sheared_labels_stay_labels(tmp_path: Path) -> None:
    labels = 5 * block((4, 16), (4, 16), (2, 18), shape=(20, 20, 20))
    steps = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.5]])
    nrrd.write(str(tmp_path / "tilted.nrrd"), labels, {"space": "RAS", "space directions": steps.T})
    read = read_labels(tmp_path / "tilted.nrrd")
    assert set(np.unique(read.labels)) == {0, 5}
    assert np.count_nonzero(read.labels) == np.count_nonzero(labels)
    centre = read.to_world(np.argwhere(read.labels).mean(axis=0))
    assert 1e3 * centre == pytest.approx(steps @ np.array([9.5, 9.5, 9.5]), abs=0.05)


# Choosing a label


def test_a_label_is_chosen_by_name_or_number(two: LabelMap) -> None:
    assert choose_label(two, "Pulmonary Artery") == 2
    assert choose_label(two, 2) == choose_label(two, "2") == 2
    assert choose_label(two) == 1  # it is called lumen
    assert choose_label(label_map(2 * (two.labels == 2), {2: "duct"})) == 2


def test_an_unknown_label_gets_a_hint(two: LabelMap) -> None:
    with pytest.raises(
        ImageError,
        match=r"\[x\.nrrd\] there is no such label.*1: 'lumen', 2: 'pul.*Did you mean 'pulmonary artery'",
    ):
        choose_label(two, "pulmonary arteri", where="x.nrrd")
    with pytest.raises(ImageError, match="there is no such label"):
        choose_label(two, 7)


def test_a_label_without_voxels(two: LabelMap) -> None:
    with pytest.raises(ImageError, match=r"the label has no voxel.*value: duct"):
        choose_label(label_map(two.labels, {1: "lumen", 2: "aorta", 3: "duct"}), "duct")


def test_several_labels_are_never_chosen_from_silently(two: LabelMap) -> None:
    with pytest.raises(ImageError, match=r"several labels.*1: 'aorta', 2: 'duct'"):
        choose_label(label_map(two.labels, {1: "aorta", 2: "duct"}))


# The grid of the scan


def scan(shape: tuple[int, int, int], **grid: object) -> Image:
    place = {"spacing": np.full(3, 0.4e-3), "origin": np.array([-0.01, 0.02, 0.03]), "direction": OBLIQUE}
    values = {**place, **grid}
    return Image(voxels=np.zeros(shape, dtype=np.float32), **values)  # type: ignore[arg-type]


def test_labels_on_the_grid_of_the_scan_stay(two: LabelMap) -> None:
    assert resample_labels(two, scan((4, 5, 6))) is two


def test_a_cropped_map_is_put_back_in_place() -> None:
    labels = np.random.default_rng(1).integers(0, 4, size=(5, 6, 7))
    image = scan((20, 21, 22))
    cropped = label_map(labels, origin=image.to_world(np.array([3.0, 4.0, 5.0])))
    whole = resample_labels(cropped, image)
    assert np.array_equal(whole.labels[3:8, 4:10, 5:12], labels)
    assert np.count_nonzero(whole.labels) == np.count_nonzero(labels)


def test_a_map_with_turned_axes_is_turned() -> None:
    """A map whose indices run the other way round: first to the feet, then right, then front."""
    labels = np.random.default_rng(1).integers(0, 4, size=(6, 7, 8))
    image = scan((6, 7, 8), direction=np.eye(3))
    turned = np.flip(np.transpose(labels, (2, 0, 1)), axis=0)
    direction = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
    given = label_map(turned, origin=image.to_world(np.array([0.0, 0.0, 7.0])), direction=direction)
    assert np.array_equal(resample_labels(given, image).labels, labels)


def test_the_nearest_label_is_taken() -> None:
    """A ball on a coarse, turned grid keeps its volume and place on a fine one."""
    angle = 0.4
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]]
    )
    coarse = label_map(np.zeros((40, 40, 40)), spacing=np.full(3, 0.7e-3), origin=np.zeros(3), direction=turn)
    centre = coarse.to_world(np.array([19.0, 21.0, 18.0]))
    places = coarse.to_world(np.moveaxis(np.indices((40, 40, 40)), 0, -1).astype(float))
    ball = label_map(
        np.linalg.norm(places - centre, axis=-1) < 6e-3,
        spacing=coarse.spacing,
        origin=coarse.origin,
        direction=turn,
    )
    image = scan((90, 90, 70), spacing=np.full(3, 0.4e-3), origin=centre - 0.015, direction=np.eye(3))
    whole = resample_labels(ball, image)
    tree = cKDTree(places.reshape(-1, 3))
    indices = np.random.default_rng(6).integers(0, image.voxels.shape, size=(5000, 3))
    _, nearest = tree.query(image.to_world(indices.astype(float)))
    expected = ball.labels.ravel()[nearest]
    assert np.array_equal(whole.labels[tuple(indices.T)], expected) and 100 < expected.sum() < 4900
    found = np.argwhere(whole.labels)
    exact = 4.0 / 3.0 * np.pi * 6e-3**3
    assert len(found) * image.voxel_volume == pytest.approx(exact, rel=0.03)
    assert 1e3 * image.to_world(found.mean(axis=0)) == pytest.approx(1e3 * centre, abs=0.05)


def test_a_map_of_somewhere_else_is_refused(two: LabelMap) -> None:
    image = scan((4, 5, 6), origin=np.array([0.1, 0.02, 0.03]))
    with pytest.raises(
        ImageError, match=r"outside of the scan.*from \(.*\) mm to \(.*inside of the scan.*same patient"
    ):
        resample_labels(two, image)


def test_labels_that_are_cut_off_are_said(caplog: pytest.LogCaptureFixture) -> None:
    labels = block((0, 2), (0, 9), (0, 10)) + 2 * block((5, 8), (0, 9), (0, 10))
    kept = resample_labels(label_map(labels, {1: "aorta", 2: "duct"}), scan((4, 9, 10)))
    assert choose_label(kept) == 1
    assert "lost: 'duct'" in caplog.text and "on the grid of the scan" in caplog.text
