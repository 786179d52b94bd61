"""Plugins: learned segmenters that are installed beside hemoplan, as packages or as programs.

A package registers a factory without arguments in the entry-point group `hemoplan.segmenters`; what it returns is a
`Segmenter`. A program needs no package: `HEMOPLAN_SEGMENTER_<NAME>` holds its command, such as

    HEMOPLAN_SEGMENTER_HEART="nnUNetv2_predict -i {input_folder} -o {output_folder} -d 501 -c 3d_fullres"

for `plugin = "heart"`. `{image}` stands for the scan (NIfTI), `{labels}` for the label map that is expected, and the
folders for those of nnU-Net, which hold `case_0000.nii.gz` and `case.nii.gz`. TotalSegmentator is known by its name.
The command stands in the environment and not in the case file, so that a case from elsewhere starts no program.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

from geometry.imaging.image import Image, write
from geometry.imaging.label_map import LabelMap, read_labels
from hemoplan.errors import HemoplanError, ResourceError, SegmentationError
from hemoplan.spelling import hint

GROUP = "hemoplan.segmenters"
"""Group of entry points that plugins register in."""
PREFIX = "HEMOPLAN_SEGMENTER_"
"""Environment variables that hold commands."""
COMMANDS = {"totalsegmentator": "TotalSegmentator -i {image} -o {labels} --ml"}
"""Programs that are known by name."""
LAST_LINES = 6
"""How many lines of a failed program are shown."""

_log = logging.getLogger(__name__)


@runtime_checkable
class Segmenter(Protocol):
    """What finds the lumen in a scan by itself."""

    @property
    def name(self) -> str:
        """Name for reports and errors."""

    def segment(self, image: Image) -> LabelMap:
        """Labels on any grid that covers the vessel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSegmenter:
    """A program that reads a NIfTI file and writes a label map.

    Attributes:
        name: Name for reports and errors.
        command: Its words, with `{image}`, `{labels}`, `{input_folder}` or `{output_folder}` in them.
    """

    name: str
    command: tuple[str, ...]

    def segment(self, image: Image) -> LabelMap:
        """Run the program in a folder of its own.

        Raises:
            ResourceError: The program is not installed.
            SegmentationError: It fails, or leaves no label map.
        """
        where = f"plugin '{self.name}'"
        program = self.command[0]
        if shutil.which(program) is None:
            raise ResourceError(
                "the program of the plugin is not installed",
                where=where,
                value=program,
                remedy="install it, and check that it is found on the PATH",
            )
        with tempfile.TemporaryDirectory(prefix="hemoplan-") as folder:
            inputs, outputs = Path(folder) / "in", Path(folder) / "out"
            inputs.mkdir()
            outputs.mkdir()
            scan, labels = inputs / "case_0000.nii.gz", outputs / "case.nii.gz"
            write(scan, image)
            places = {"image": scan, "labels": labels, "input_folder": inputs, "output_folder": outputs}
            words = [
                word.format_map({key: str(path) for key, path in places.items()}) for word in self.command
            ]
            _log.info("%s runs %s", where, shlex.join(words))
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                raise SegmentationError(
                    "the plugin failed",
                    where=where,
                    value=f"exit code {done.returncode}; {_last_lines(done.stderr or done.stdout)}",
                    remedy=f"run it by hand: {shlex.join(self.command)}",
                )
            if not labels.is_file():
                left = ", ".join(sorted(path.name for path in outputs.iterdir())) or "nothing"
                raise SegmentationError(
                    "the plugin left no label map",
                    where=where,
                    value=left,
                    expected=f"{labels.name} in its output folder, or the file that {{labels}} names",
                )
            return read_labels(labels)


def find_segmenter(name: str) -> Segmenter:
    """The segmenter of a name: a registered plugin, a command in the environment, or a known program.

    Raises:
        ResourceError: There is none, or it cannot be loaded.
    """
    registered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name in registered:
        return _load(registered[name])
    commands = COMMANDS | {
        key.removeprefix(PREFIX).lower(): value for key, value in os.environ.items() if key.startswith(PREFIX)
    }
    command = commands.get(name.lower())
    if command is None:
        raise ResourceError(
            "there is no such segmenter",
            where="segmentation.plugin",
            value=name,
            expected="an installed one",
            remedy=f"{hint(name, [*registered, *commands])} Or set {PREFIX}{name.upper()} to its command",
        )
    return CommandSegmenter(name=name, command=_split(name, command))


def _load(entry: EntryPoint) -> Segmenter:
    where = f"plugin '{entry.name}'"
    try:
        segmenter = entry.load()()
    except Exception as error:  # noqa: BLE001 -- a plugin may fail in any way; the user is told which one
        raise ResourceError(
            "the plugin cannot be loaded",
            where=where,
            value=f"{type(error).__name__}: {error}",
            remedy="install it again, or ask its author",
        ) from error
    if not isinstance(segmenter, Segmenter):
        raise ResourceError(
            "the plugin is no segmenter",
            where=where,
            value=type(segmenter).__name__,
            expected="an object with 'name' and 'segment(image)'",
        )
    return segmenter


def run_segmenter(name: str, image: Image) -> LabelMap:
    """What a segmenter makes of a scan.

    Raises:
        ResourceError: There is no such segmenter.
        SegmentationError: It fails.
    """
    segmenter = find_segmenter(name)
    try:
        return segmenter.segment(image)
    except HemoplanError:
        raise
    except Exception as error:  # noqa: BLE001 -- a plugin may fail in any way; the user is told which one
        raise SegmentationError(
            "the plugin failed", where=f"plugin '{name}'", value=f"{type(error).__name__}: {error}"
        ) from error


def _split(name: str, command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
        for word in words:
            word.format_map(dict.fromkeys(("image", "labels", "input_folder", "output_folder"), ""))
    except (ValueError, KeyError, IndexError) as error:
        words, problem = (), f": {error}"
    else:
        problem = ""
    if not words:
        raise ResourceError(
            f"the command of the segmenter cannot be read{problem}",
            where=f"{PREFIX}{name.upper()}",
            value=command,
            expected="a program and its arguments, with {image}, {labels}, {input_folder} or {output_folder}",
        )
    return words


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LAST_LINES:]) or "it said nothing"
