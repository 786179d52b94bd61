"""Label maps: which voxel of an image belongs to what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geometry.imaging.image import read, write_voxels
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

type LabelArray = NDArray[np.uint8]

LUMEN = 1
"""Label of the lumen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMap:
    """Labels on the grid of an image.

    Attributes:
        labels: (nx, ny, nz) label of each voxel, 0 is background.
        spacing: (3,) distance of voxel centres [m].
        origin: (3,) centre of the first voxel [m].
        direction: (3, 3) columns are the directions of the three indices.
        names: What each label stands for.
        level: Intensity at the lumen's edge, where the segmentation knows it.
    """

    labels: LabelArray
    spacing: FloatArray
    origin: FloatArray
    direction: FloatArray
    names: Mapping[int, str]
    level: float | None = None


def write_labels(path: Path, label_map: LabelMap) -> None:
    """Write `NAME.nii.gz` and, beside it, `NAME.json` with the names of the labels and the level."""
    write_voxels(
        path,
        label_map.labels,
        spacing=label_map.spacing,
        origin=label_map.origin,
        direction=label_map.direction,
    )
    description = {
        "names": {str(label): name for label, name in label_map.names.items()},
        "level": label_map.level,
    }
    _names_path(path).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def read_labels(path: Path) -> LabelMap:
    """Read a label map; without the JSON file, label 1 is the lumen.

    Raises:
        ImageError: The file is missing, is no image, or holds values that are not labels.
    """
    image = read(path)
    labels = image.voxels.astype(np.uint8)
    if not np.array_equal(labels, image.voxels):
        raise ImageError(
            "the image is not a label map", where=str(path), expected="whole numbers from 0 to 255"
        )
    names, level = {LUMEN: "lumen"}, None
    if _names_path(path).exists():
        names, level = _read_names(_names_path(path))
    return LabelMap(
        labels=labels,
        spacing=image.spacing,
        origin=image.origin,
        direction=image.direction,
        names=names,
        level=level,
    )


def _read_names(path: Path) -> tuple[dict[int, str], float | None]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        level = description["level"]
        names = {int(label): str(name) for label, name in description["names"].items()}
        return names, None if level is None else float(level)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageError("cannot read the names of the labels", where=str(path), value=error) from None


def _names_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").rsplit(".", 1)[0] + ".json")
