"""Label maps: which voxel of an image belongs to what."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from geometry.imaging.image import Image, place, write_voxels
from geometry.imaging.lattice import Lattice, Voxels, straighten
from geometry.imaging.nrrd_file import load_nrrd
from geometry.imaging.plausibility import check_grid, format_point
from geometry.imaging.segments import (
    LEVEL_KEY,
    MAX_LABEL,
    LabelArray,
    list_segments,
    merge_layers,
    segment_keys,
)
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError
from hemoplan.spelling import hint

LUMEN = 1
"""Label of the lumen."""
SEGMENTATION = ".seg.nrrd"
"""Ending of 3D Slicer's segmentations."""
SAME_GRID = 1.0e-3
"""Largest distance [voxels] between the corners of grids that count as the same."""

_log = logging.getLogger(__name__)


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

    def to_world(self, indices: FloatArray) -> FloatArray:
        """(..., 3) world coordinates [m] of (..., 3) voxel indices, whole or fractional."""
        return np.asarray((indices * self.spacing) @ self.direction.T + self.origin)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel [m³]."""
        return float(np.prod(self.spacing))


def write_labels(path: Path, label_map: LabelMap) -> None:
    """Write `NAME.nii.gz` and, beside it, `NAME.json` with the names of the labels and the level.

    A path that ends in `.seg.nrrd` is written as one file, which 3D Slicer opens as a segmentation with these names.
    """
    slicer = path.name.endswith(SEGMENTATION)
    keys = segment_keys(label_map.names, label_map.labels.shape, level=label_map.level) if slicer else None
    write_voxels(
        path,
        label_map.labels,
        spacing=label_map.spacing,
        origin=label_map.origin,
        direction=label_map.direction,
        keys=keys,
    )
    if slicer:
        return
    description = {
        "names": {str(label): name for label, name in label_map.names.items()},
        "level": label_map.level,
    }
    _names_path(path).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def read_labels(path: Path) -> LabelMap:
    """Read a label map: NIfTI, NRRD or MetaImage, or a segmentation of 3D Slicer (`.seg.nrrd`).

    Names come from the segmentation, else from the JSON file beside the map; without either label 1 is the lumen, and
    others are called by their numbers, such as `label_3`.

    Raises:
        ImageError: The file is missing, is no image, holds values that are no labels, no label at all, or segments
            that overlap.
    """
    where = str(path)
    names, level = dict[int, str](), None
    segmented = _read_segments(path) if path.is_file() and path.name.endswith(".nrrd") else None
    if segmented is not None:
        lattice, names, level = segmented
    else:
        lattice = place(path)
        if _names_path(path).exists():
            names, level = _read_names(_names_path(path))
    lattice = straighten(lattice, labels=True, where=where)
    check_grid(lattice, where=where)
    labels = _to_labels(lattice.voxels, where)
    unnamed = {label: f"label_{label}" for label in _present(labels) if label not in names}
    if not names and LUMEN in unnamed:
        unnamed[LUMEN] = "lumen"
    return LabelMap(
        labels=labels,
        spacing=lattice.spacing,
        origin=lattice.origin,
        direction=lattice.steps / lattice.spacing,
        names=dict(sorted((names | unnamed).items())),
        level=level,
    )


def choose_label(label_map: LabelMap, wanted: str | int | None = None, *, where: str = "") -> int:
    """The label with a name or a number; without it the only one, or the one that is called `lumen`.

    Raises:
        ImageError: There is no such label, it has no voxel, or there are several and none is chosen.
    """
    present = _present(label_map.labels)
    by_name = {name: label for label, name in label_map.names.items()}
    listed = ", ".join(f"{label}: '{label_map.names.get(label, f'label_{label}')}'" for label in present)
    if wanted is None:
        if len(present) == 1:
            return present[0]
        if by_name.get("lumen") in present:
            return by_name["lumen"]
        raise ImageError(
            "the label map holds several labels",
            where=where,
            value=listed,
            expected="one of them",
            remedy="choose one by its name or number",
        )
    text = str(wanted).strip()
    folded = {name.casefold(): label for name, label in by_name.items()}
    found = by_name.get(text, folded.get(text.casefold(), int(text) if text.isdecimal() else 0))
    if found in present:
        return found
    raise ImageError(
        "there is no such label" if found not in label_map.names else "the label has no voxel",
        where=where,
        value=wanted,
        expected=listed,
        remedy=hint(text, [name for name, label in by_name.items() if label in present]),
    )


def resample_labels(label_map: LabelMap, image: Image, *, where: str = "") -> LabelMap:
    """The labels on the grid of a scan, each voxel having the label of the nearest; unchanged where the grids agree.

    Raises:
        ImageError: No labelled voxel lies inside the scan.
    """
    # Index in the map of index i in the scan: offset + matrix @ i.
    matrix = (label_map.direction.T @ image.direction) * image.spacing / label_map.spacing[:, None]
    offset = (image.origin - label_map.origin) @ label_map.direction / label_map.spacing
    if label_map.labels.shape == image.voxels.shape:
        corners = np.array(np.meshgrid(*[(0, size - 1) for size in image.voxels.shape])).reshape(3, -1)
        if np.abs(matrix @ corners + offset[:, None] - corners).max() < SAME_GRID:
            return label_map
    labels = ndimage.affine_transform(
        label_map.labels, matrix, offset, image.voxels.shape, order=0, mode="grid-constant", cval=0
    )
    lost = set(_present(label_map.labels)) - set(_present(labels))
    if not labels.any():
        raise ImageError(
            "the label map lies outside of the scan",
            where=where,
            value=f"labels {_range_of_labels(label_map)}",
            expected=f"a map inside of the scan, {_range_of_image(image)}",
            remedy="check that both are of the same patient and date, and that the map was made on this series",
        )
    if lost:
        named = ", ".join(f"'{label_map.names.get(label, f'label_{label}')}'" for label in sorted(lost))
        _log.warning("labels outside of the scan, or smaller than its voxels, are lost: %s", named)
    before = np.count_nonzero(label_map.labels) * label_map.voxel_volume
    after = np.count_nonzero(labels) * image.voxel_volume
    if abs(after - before) > 0.05 * before:
        _log.warning("labels hold %.2f mL, on the grid of the scan %.2f mL", 1e6 * before, 1e6 * after)
    return LabelMap(
        labels=labels,
        spacing=image.spacing,
        origin=image.origin,
        direction=image.direction,
        names=label_map.names,
        level=label_map.level,
    )


def _read_segments(path: Path) -> tuple[Lattice, dict[int, str], float | None] | None:
    """Labels, names and level of a segmentation; nothing where the file is a plain image."""
    content = load_nrrd(path)
    segments = list_segments(content.keys, where=str(path))
    if not segments:
        return None
    labels, names = merge_layers(content, segments, where=str(path))
    try:
        level = float(content.keys[LEVEL_KEY])
    except (KeyError, ValueError):
        level = None
    return Lattice(voxels=labels, origin=content.origin, steps=content.steps), names, level


def _to_labels(voxels: Voxels, where: str) -> LabelArray:
    low, high = float(voxels.min()), float(voxels.max())
    whole = np.isfinite(low) and np.isfinite(high) and low >= 0.0 and high <= MAX_LABEL
    labels = voxels.astype(np.uint8) if whole else np.zeros(0, dtype=np.uint8)
    if not np.array_equal(labels, voxels):
        raise ImageError(
            "the image is not a label map",
            where=where,
            value=f"values from {low:g} to {high:g}",
            expected=f"whole numbers from 0 to {MAX_LABEL}",
            remedy="give a segmentation, not the scan or a map of probabilities",
        )
    if not labels.any():
        raise ImageError(
            "the label map is empty",
            where=where,
            value="every voxel is 0",
            expected="voxels with a label",
            remedy="save the segmentation again, with its segments visible",
        )
    return labels


def _present(labels: LabelArray) -> list[int]:
    """Labels that have voxels."""
    counts = np.bincount(labels.ravel(order="K"), minlength=1)
    return [int(label) for label in np.flatnonzero(counts) if label]


def _range_of_labels(label_map: LabelMap) -> str:
    boxes = ndimage.find_objects((label_map.labels != 0).astype(np.uint8))
    ends = np.array([(side.start, side.stop - 1) for side in boxes[0]], dtype=np.float64).T
    first, last = label_map.to_world(ends)
    return f"from {format_point(np.minimum(first, last))} to {format_point(np.maximum(first, last))}"


def _range_of_image(image: Image) -> str:
    first, last = image.to_world(np.array([np.zeros(3), np.array(image.voxels.shape) - 1.0]))
    return f"from {format_point(np.minimum(first, last))} to {format_point(np.maximum(first, last))}"


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
