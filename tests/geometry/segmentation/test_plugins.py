"""Plugins: a program that reads and writes files, a registered class, and what is said when they fail."""

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

from geometry.imaging.image import Image
from geometry.imaging.label_map import LabelMap
from geometry.segmentation import plugins
from geometry.segmentation.plugins import CommandSegmenter, find_segmenter, run_segmenter
from hemoplan.errors import ResourceError, SegmentationError

MM = 1.0e-3
THRESHOLD = """
import sys, SimpleITK
image = SimpleITK.ReadImage(sys.argv[1])
print("reading", image.GetSize())
SimpleITK.WriteImage(SimpleITK.Cast(image > 150, SimpleITK.sitkUInt8), sys.argv[2])
"""


@pytest.fixture
def image() -> Image:
    voxels = np.full((12, 13, 14), 40.0, dtype=np.float32)
    voxels[3:6, 4:9, 2:10] = 300.0
    direction = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return Image(
        voxels=voxels, spacing=MM * np.array([0.4, 0.5, 0.6]), origin=MM * np.ones(3), direction=direction
    )


def program(folder: Path, text: str, *arguments: str) -> CommandSegmenter:
    script = folder / "program.py"
    script.write_text(text)
    return CommandSegmenter(name="fake", command=(sys.executable, str(script), *arguments))


def test_a_program_sees_the_scan_and_its_labels_come_back(image: Image, tmp_path: Path) -> None:
    made = program(tmp_path, THRESHOLD, "{image}", "{labels}").segment(image)
    assert np.array_equal(made.labels, image.voxels > 150.0)
    assert np.allclose(made.origin, image.origin, atol=1e-9)
    assert np.allclose(made.direction, image.direction, atol=1e-6)
    folders = THRESHOLD.replace("sys.argv[1]", "sys.argv[1] + '/case_0000.nii.gz'")
    folders = folders.replace("sys.argv[2]", "sys.argv[2] + '/case.nii.gz'")
    again = program(tmp_path, folders, "{input_folder}", "{output_folder}").segment(image)
    assert np.array_equal(again.labels, made.labels)


def test_the_command_stands_in_the_environment(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "with space.py"
    script.write_text(THRESHOLD)
    monkeypatch.setenv("HEMOPLAN_SEGMENTER_HEART", f'{sys.executable} "{script}" {{image}} {{labels}}')
    assert np.array_equal(run_segmenter("heart", image).labels, image.voxels > 150.0)


def test_a_failure_shows_the_last_lines(image: Image, tmp_path: Path) -> None:
    failing = "import sys\nprint('\\n'.join(f'line {n}' for n in range(30)), file=sys.stderr)\nsys.exit('no weights')"
    with pytest.raises(
        SegmentationError, match=r"exit code 1; .*line 29 \| no weights.*Run it by hand"
    ) as error:
        program(tmp_path, failing, "{image}").segment(image)
    assert "line 20" not in str(error.value)


def test_a_program_that_writes_nothing_is_an_error(image: Image, tmp_path: Path) -> None:
    with pytest.raises(SegmentationError, match="left no label map.*nothing.*case.nii.gz"):
        program(tmp_path, "print('done')", "{image}").segment(image)


def test_a_missing_program_is_named(image: Image) -> None:
    with pytest.raises(ResourceError, match="not installed.*no-such-program.*PATH"):
        CommandSegmenter(name="fake", command=("no-such-program", "{image}")).segment(image)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ResourceError,
        match="no such segmenter.*Did you mean 'totalsegmentator'.*HEMOPLAN_SEGMENTER_TOTALSEGMENT",
    ):
        find_segmenter("totalsegment")


@pytest.mark.parametrize("command", ["", "program {imagge}", "program 'open"])
def test_a_command_that_cannot_be_read(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOPLAN_SEGMENTER_HEART", command)
    with pytest.raises(ResourceError, match=r"HEMOPLAN_SEGMENTER_HEART.*cannot be read.*\{labels\}"):
        find_segmenter("heart")


class Everything:
    """A plugin that calls every voxel lumen."""

    name = "everything"

    def segment(self, image: Image) -> LabelMap:
        return LabelMap(
            labels=np.ones(image.voxels.shape, dtype=np.uint8),
            spacing=image.spacing,
            origin=image.origin,
            direction=image.direction,
            names={1: "lumen"},
        )


class Broken(Everything):
    """A plugin with a defect."""

    def segment(self, image: Image) -> LabelMap:
        raise KeyError("weights")


class Nothing:
    """Not a plugin at all."""


def register(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    entry = EntryPoint(name="mine", value=target, group=plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda *, group: EntryPoints([entry]))
    monkeypatch.setitem(sys.modules, "plugin_of_a_test", sys.modules[__name__])


def test_a_registered_plugin_is_found(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "plugin_of_a_test:Everything")
    assert run_segmenter("mine", image).labels.all()


def test_defects_of_a_plugin_are_the_plugins(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "plugin_of_a_test:Broken")
    with pytest.raises(SegmentationError, match="plugin 'mine'.*failed.*KeyError: 'weights'"):
        run_segmenter("mine", image)
    register(monkeypatch, "plugin_of_a_test:Nothing")
    with pytest.raises(ResourceError, match=r"no segmenter.*Nothing.*segment\(image\)"):
        find_segmenter("mine")
    register(monkeypatch, "plugin_of_a_test:Absent")
    with pytest.raises(ResourceError, match="cannot be loaded.*AttributeError"):
        find_segmenter("mine")
