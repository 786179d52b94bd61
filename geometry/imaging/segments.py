"""Segments of 3D Slicer's .seg.nrrd files: names, values and layers.

Source: 3D Slicer developer guide, "Segmentation file format (.seg.nrrd)". Segments that overlap lie in layers of their
own there; a label map has one label a voxel, so overlapping segments are refused and others are merged.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.imaging.nrrd_file import NrrdFile
from geometry.imaging.plausibility import format_point
from hemoplan.errors import ImageError

type LabelArray = NDArray[np.uint8]

MAX_LABEL = 255
"""Largest label of a map."""
LEVEL_KEY = "hemoplan_level"
"""Key of the intensity at the lumen's edge."""
HUE_STEP = 0.381966
"""Share of the colour circle between segments: the golden section, so that no two of a few are alike."""
_NUMBERED = re.compile(r"Segment(\d+)_(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A named part: where its layer has its value."""

    name: str
    value: int
    layer: int


def list_segments(keys: Mapping[str, str], *, where: str) -> tuple[Segment, ...]:
    """The segments that the keys of an NRRD file name; none where it is no segmentation.

    Files from before shared layers state neither value nor layer: there each segment has a layer, with value 1.

    Raises:
        ImageError: A value or a layer is no number.
    """
    found: dict[int, dict[str, str]] = {}
    for key, text in keys.items():
        if match := _NUMBERED.fullmatch(key):
            found.setdefault(int(match.group(1)), {})[match.group(2)] = text
    segments = []
    for index, entries in sorted(found.items()):
        if "ID" not in entries and "Name" not in entries:
            continue
        name = (entries.get("Name") or entries.get("ID") or "").strip() or f"segment_{index}"
        try:
            value = int(entries.get("LabelValue", 1))
            layer = int(entries.get("Layer", 0 if "LabelValue" in entries else index))
        except ValueError:
            raise ImageError(
                "cannot read the segments",
                where=where,
                value=f"Segment{index}_LabelValue or Segment{index}_Layer",
                expected="whole numbers",
                remedy="save the segmentation again",
            ) from None
        segments.append(Segment(name=name, value=value, layer=layer))
    return tuple(segments)


def merge_layers(
    content: NrrdFile, segments: tuple[Segment, ...], *, where: str
) -> tuple[LabelArray, dict[int, str]]:
    """(nx, ny, nz) one label a voxel, and the name of each.

    Labels are the values of the segments where those differ, else their numbers from 1.

    Raises:
        ImageError: Two segments overlap, a layer does not exist, or there are too many.
    """
    values = [segment.value for segment in segments]
    distinct = len(set(values)) == len(values) and 0 < min(values) and max(values) <= MAX_LABEL
    numbers = values if distinct else list(range(1, len(segments) + 1))
    if len(segments) > MAX_LABEL:
        raise ImageError(
            "there are too many segments",
            where=where,
            value=len(segments),
            expected=f"at most {MAX_LABEL}",
        )
    labels = np.zeros(content.samples.shape[1:], dtype=np.uint8)
    names = dict(zip(numbers, (segment.name for segment in segments), strict=True))
    for number, segment in zip(numbers, segments, strict=True):
        if segment.layer >= len(content.samples):
            raise ImageError(
                "a segment lies in a layer that the file does not hold",
                where=where,
                value=f"'{segment.name}' in layer {segment.layer}",
                expected=f"layers from 0 to {len(content.samples) - 1}",
                remedy="save the segmentation again",
            )
        region = content.samples[segment.layer] == segment.value
        twice = region & (labels != 0)
        if twice.any():
            raise _overlap(content, twice, names[int(labels[twice][0])], segment.name, where)
        labels[region] = number
    return labels, names


def _overlap(content: NrrdFile, twice: NDArray[np.bool_], one: str, other: str, where: str) -> ImageError:
    voxel = abs(float(np.linalg.det(content.steps)))
    centre = content.origin + content.steps @ np.argwhere(twice).mean(axis=0)
    return ImageError(
        "two segments overlap, and a place can belong to one vessel only",
        where=where,
        value=f"'{one}' and '{other}' share {1e6 * voxel * np.count_nonzero(twice):.3g} mL "
        f"around {format_point(centre)}",
        expected="segments that do not overlap",
        remedy="take the shared part from one of them: in 3D Slicer, with 'Modify other segments: Overwrite all'",
    )


def segment_keys(
    names: Mapping[int, str], shape: tuple[int, ...], *, level: float | None = None
) -> dict[str, str]:
    """The keys that let 3D Slicer open a label map as a segmentation."""
    extent = " ".join(f"0 {size - 1}" for size in shape)
    keys = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for number, (label, name) in enumerate(sorted(names.items())):
        colour = colorsys.hsv_to_rgb((number * HUE_STEP) % 1.0, 0.7, 0.9)
        keys |= {
            f"Segment{number}_ID": f"Segment_{label}",
            f"Segment{number}_Name": " ".join(name.split()),
            f"Segment{number}_LabelValue": str(label),
            f"Segment{number}_Layer": "0",
            f"Segment{number}_Color": " ".join(f"{part:.3f}" for part in colour),
            f"Segment{number}_Extent": extent,
        }
    return keys if level is None else keys | {LEVEL_KEY: repr(level)}
