"""The pipeline: what a case asks for, label maps made elsewhere, what is recorded, and bad input."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN, LabelMap, write_labels
from geometry.segmentation.outcome import Concern
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import Imported, Method, Plugin, Settings, Vesselness, settings_of
from hemoplan.arrays import Vec3
from hemoplan.case import Case, Segmentation
from hemoplan.errors import HemoplanError, ImageError, ResourceError, SegmentationError
from tests.geometry.segmentation.tubes import MM, SEED, anatomy_of, crossing, scan_of, tube, vertical


@pytest.fixture(scope="module")
def two_vessels() -> Image:
    """An aorta and, 5 mm beside it, a vein as bright."""
    return scan_of(anatomy_of(vertical("aorta", 0.0, 2.0), beside=[(crossing("vein", 9.0, 2.0), 300.0)]))


def test_phantom_of_the_case(scan: Image, case: Case, lumen: LabelMap) -> None:
    told: list[str] = []
    found = segment(scan, settings_of(case.segmentation), progress=told.append)
    assert np.array_equal(found.labels.labels, lumen.labels)
    assert [step.name for step in found.steps] == told == ["region growing", "leak detection", "clean-up"]
    # The coarctation is a pass; its throat of 2.2 mm is bright enough not to be one of concern.
    assert all(finding.concern is Concern.NARROW for finding in found.findings)
    assert found.distance is None


def test_settings_are_plain_data(case: Case) -> None:
    settings = settings_of(case.segmentation)
    plain = json.loads(json.dumps(asdict(replace(settings, seeds=dict(settings.seeds))), default=str))
    assert plain["seeds"]["seed"] == list(settings.seeds["seed"])
    assert plain["growing"]["lower"] is None
    assert plain["level_set"]["iterations"] > 0


def test_a_case_turns_into_settings(tmp_path: Path) -> None:
    point = ["1 mm", "2 mm", "3 mm"]
    several = settings_of(
        Segmentation.model_validate(
            {
                "seeds": {"aorta": point, "duct": point},
                "lower": 150.0,
                "method": "level-set",
                "vesselness": True,
            }
        )
    )
    assert list(several.seeds) == ["aorta", "duct"]
    assert several.seeds["duct"] == pytest.approx((1e-3, 2e-3, 3e-3))
    assert several.method is Method.LEVEL_SET
    assert several.growing.lower == 150.0
    assert isinstance(several.vesselness, Vesselness)
    path = tmp_path / "labels.nrrd"
    assert settings_of(Segmentation(labels=path, label="aorta")).imported == Imported(
        path=path, label="aorta"
    )
    assert settings_of(Segmentation(plugin="totalsegmentator", label=52)).plugin == Plugin(
        name="totalsegmentator", label=52
    )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "exactly one of.*not none"),
        ({"seed": ["0 mm"] * 3, "plugin": "x"}, "exactly one of.*'seed' and 'plugin'"),
        ({"seeds": {}}, "seeds"),
        ({"labels": "a.nrrd", "lower": 3.0}, "'lower' belongs to seeds"),
        ({"seed": ["0 mm"] * 3, "label": 3}, "'label' belongs to"),
        ({"seed": ["0 mm"] * 3, "lower": 300.0, "upper": 200.0}, "lower < upper"),
        ({"seed": ["0 mm"] * 3, "method": "magic"}, "level-set"),
    ],
)
def test_contradictions_in_a_case(wanted: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Segmentation.model_validate(wanted)


def write_map(path: Path, image: Image, labels: np.ndarray, names: dict[int, str]) -> Path:
    made = LabelMap(
        labels=labels.astype(np.uint8),
        spacing=image.spacing,
        origin=image.origin,
        direction=image.direction,
        names=names,
    )
    write_labels(path, made)
    return path


def test_a_label_map_is_taken_as_it_is(two_vessels: Image, tmp_path: Path) -> None:
    labels = np.zeros(two_vessels.voxels.shape)
    labels[10:20, 10:20, 10:40], labels[30:35, 10:20, 10:40] = 4, 7
    path = write_map(tmp_path / "labels.nii.gz", two_vessels, labels, {4: "Aorta", 7: "vein"})
    for label in ("aorta", 4):
        found = segment(two_vessels, Settings(imported=Imported(path=path, label=label)))
        assert np.array_equal(found.labels.labels == LUMEN, labels == 4)
        assert found.labels.names == {LUMEN: "Aorta"}
    with pytest.raises(ImageError, match="several labels.*4: 'Aorta', 7: 'vein'"):
        segment(two_vessels, Settings(imported=Imported(path=path)))
    with pytest.raises(ImageError, match="no such label.*artery"):
        segment(two_vessels, Settings(imported=Imported(path=path, label="artery")))


def test_a_label_map_on_another_grid_is_resampled(two_vessels: Image, tmp_path: Path) -> None:
    """A map of half the voxels, with the axes turned."""
    half = Image(
        voxels=two_vessels.voxels[::-2, 4:, ::2].swapaxes(0, 1),
        spacing=two_vessels.spacing[[1, 0, 2]] * np.array([1.0, 2.0, 2.0]),
        origin=two_vessels.to_world(np.array([two_vessels.voxels.shape[0] - 1.0, 4.0, 0.0])),
        direction=np.column_stack([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    )
    path = write_map(tmp_path / "labels.nrrd", half, half.voxels > 170.0, {1: "lumen"})
    found = segment(two_vessels, Settings(imported=Imported(path=path)))
    exact = two_vessels.voxels > 170.0
    both = np.count_nonzero(exact & (found.labels.labels == LUMEN))
    assert 2 * both / (np.count_nonzero(exact) + np.count_nonzero(found.labels.labels)) > 0.85


def test_plugin_that_is_not_installed(two_vessels: Image) -> None:
    with pytest.raises(ResourceError, match="no such segmenter.*HEMOPLAN_SEGMENTER_HEART"):
        segment(two_vessels, Settings(plugin=Plugin(name="heart")))


def test_two_seeds_in_one_lumen_find_what_one_finds(scan: Image, case: Case, lumen: LabelMap) -> None:
    seeds: dict[str, Vec3] = {
        "ascending": case.segmentation.points["seed"],
        "carotid": (-0.6 * MM, 1.6 * MM, 23 * MM),
    }
    found = segment(scan, Settings(seeds=seeds))
    assert np.count_nonzero(found.labels.labels != lumen.labels) < 0.003 * np.count_nonzero(lumen.labels)


def test_seeds_in_two_vessels_are_an_error(two_vessels: Image) -> None:
    message = r"not connected.*'aorta' and 'vein'"
    with pytest.raises(SegmentationError, match=message):
        segment(two_vessels, Settings(seeds={"aorta": SEED, "vein": (9 * MM, 6 * MM, 0.0)}))


def test_seeds_beyond_a_gap_tell_where_the_way_is_darkest() -> None:
    """A vessel that is closed over 1.6 mm: the message says where, and how dark the way is."""
    upper, lower = (tube(side, [[0, 0, 1.0 * sign], [0, 0, 25 * sign]], [0.4, 2.5], [0, 3]) for side, sign in
                    (("upper", 1), ("lower", -1)))  # fmt: skip
    image = scan_of(anatomy_of(upper, lower), noise=5.0, blur=0.6)
    with pytest.raises(SegmentationError, match=r"falls to (\d+) at \((.*), (.*), (.*)\) mm") as error:
        segment(image, Settings(seeds={"below": SEED, "above": (0.0, 0.0, 10 * MM)}))
    place = str(error.value).split(" at (")[1].split(")")[0].split(", ")
    assert np.linalg.norm([float(value) for value in place]) < 1.5
    assert "set 'segmentation.lower' below" in str(error.value)


def test_a_vessel_thinner_than_two_voxels_is_a_warning() -> None:
    thin = tube("aorta", [[0, 0, -25], [0, 0, 25]], [3, 3, 0.6, 0.6, 3, 3], [0, 21, 23, 27, 29, 50])
    image = scan_of(anatomy_of(thin), spacing=0.6, noise=5.0, blur=0.2)
    found = segment(image, Settings(seeds={"seed": SEED}))
    unresolved = [finding for finding in found.findings if finding.concern is Concern.UNRESOLVED]
    assert len(unresolved) == 1
    assert np.linalg.norm(unresolved[0].place) < 1.0 * MM
    assert unresolved[0].size == pytest.approx(1.2 * MM, abs=0.6 * MM)
    assert "its width is a guess" in unresolved[0].message


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_a_constant_image_is_an_error(value: float) -> None:
    image = Image(
        voxels=np.full((20, 20, 20), value, dtype=np.float32),
        spacing=np.full(3, 0.5 * MM),
        origin=np.zeros(3),
        direction=np.eye(3),
    )
    with pytest.raises(SegmentationError, match="no contrast"):
        segment(image, Settings(seeds={"seed": (5 * MM, 5 * MM, 5 * MM)}))


def test_noise_alone_is_an_error() -> None:
    voxels = np.random.default_rng(0).normal(50.0, 20.0, (40, 40, 40)).astype(np.float32)
    image = Image(voxels=voxels, spacing=np.full(3, 0.5 * MM), origin=np.zeros(3), direction=np.eye(3))
    for seed in ((10 * MM, 10 * MM, 10 * MM), (3 * MM, 12 * MM, 7 * MM)):
        with pytest.raises(HemoplanError, match="not inside a bright vessel|leaks|too small"):
            segment(image, Settings(seeds={"seed": seed}))


def test_without_a_seed_nothing_is_guessed(two_vessels: Image) -> None:
    with pytest.raises(SegmentationError, match="no seed.*Set 'segmentation.seed'"):
        segment(two_vessels, Settings())
