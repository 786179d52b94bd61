"""Bad input through the command line: a message that says what to do, the exit code of its kind, no traceback."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from planning.stages import variants
from tests.planning.command import TUBE, Answer, call


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the small case as far as the labelled surface."""
    folder = tmp_path_factory.mktemp("segmented") / "run"
    answer = call("segment", TUBE, "--out", folder)
    assert answer.code == 0, answer.stderr
    return folder


@pytest.fixture
def run(segmented: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(segmented, tmp_path / "run"))


def write_case(folder: Path, image: str) -> Path:
    """The small case with a scan in the place of the anatomy description."""
    text = (TUBE / "case.toml").read_text().replace('anatomy = "anatomy.toml"', f'path = "{image}"')
    (folder / "case.toml").write_text(text)
    return folder


def segment(folder: Path, image: str) -> Answer:
    return call("segment", write_case(folder, image), "--out", folder / "run")


def test_missing_image(tmp_path: Path) -> None:
    answer = segment(tmp_path, "scan.nii.gz")
    assert answer.code == 3
    assert "there is no such image. Check 'image.path'" in answer.stderr
    assert str(tmp_path / "scan.nii.gz") in answer.stderr


def test_empty_image_file(tmp_path: Path) -> None:
    (tmp_path / "scan.nrrd").touch()
    answer = segment(tmp_path, "scan.nrrd")
    assert answer.code == 3
    assert "the image file is empty" in answer.stderr


def test_image_without_content(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.zeros((20, 20, 20), dtype=np.int16))
    image.SetSpacing((0.4, 0.4, 0.4))
    SimpleITK.WriteImage(image, str(tmp_path / "scan.mha"))
    answer = segment(tmp_path, "scan.mha")
    assert answer.code == 3
    assert "the image is empty" in answer.stderr


def test_image_without_spacing(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    path = tmp_path / "scan.mha"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise), str(path))
    path.write_bytes(path.read_bytes().replace(b"ElementSpacing = 1 1 1\n", b""))
    answer = segment(tmp_path, "scan.mha")
    assert answer.code == 3
    assert "the image has no spacing" in answer.stderr
    assert "Export the scan again" in answer.stderr


def test_seed_in_the_background(run: Path) -> None:
    before = (run / "surface.vtp").read_bytes()
    answer = call("segment", TUBE, "--out", run, "--set", 'segmentation.seed=["6 mm", "5.5 mm", "-10 mm"]')
    assert answer.code == 3
    assert "seed" in answer.stderr
    assert (run / "surface.vtp").read_bytes() == before


def test_opening_with_no_vessel_end_near(run: Path) -> None:
    answer = call("segment", TUBE, "--out", run, "--set", 'openings.far.near=["0 mm", "0 mm", "60 mm"]')
    assert answer.code == 4
    assert "there is no vessel end near the opening" in answer.stderr


def test_variant_that_closes_the_vessel(run: Path) -> None:
    answer = call("mesh", TUBE, "--out", run, "--set", 'variants.stent.diameter="0.4 mm"')
    assert answer.code == 4
    assert "variant" in answer.stderr
    assert "stent" in answer.stderr


def test_disk_full(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, content: object) -> None:
        path.mkdir(parents=True, exist_ok=True)
        (path / "mesh.xdmf").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path / "mesh.h5"))

    with monkeypatch.context() as patch:
        patch.setattr(variants, "write_mesh", fail)
        answer = call("mesh", TUBE, "--out", run)
    assert answer.code == 8
    assert "the disk is full" in answer.stderr
    assert "MB free" in answer.stderr
    assert "finished stages are kept" in answer.stderr
    assert not (run / "variants" / "baseline" / "mesh").exists()
    assert not (run / ".drafts").exists()
    again = call("mesh", TUBE, "--out", run)
    assert again.code == 0, again.stderr
    kept = [line.split()[1] for line in again.stdout.splitlines() if line.startswith("=")]
    assert kept[:4] == ["scan", "segmentation", "surface", "centreline"]


def test_no_room_is_noticed_before_the_start(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planning.run_guard.VARIANT_BYTES", 10**18)
    answer = call("segment", TUBE, "--out", run)
    assert answer.code == 8
    assert "not enough room on the disk" in answer.stderr


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = call("segment", TUBE, "--out", tmp_path / "file" / "run")
    assert answer.code == 8
    assert "cannot write the run folder" in answer.stderr


def test_a_defect_leaves_its_traceback_in_the_log(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(variants, "tetrahedralise", fail)
    answer = call("mesh", TUBE, "--out", run)
    assert answer.code == 70
    assert f"The traceback is in {run / 'run.log'}" in answer.stderr
    assert "Traceback" in (run / "run.log").read_text()
