"""Bodies and holes of a label: what a person overlooks in a map that was drawn by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geometry.imaging.label_map import LabelMap
from geometry.imaging.plausibility import format_point
from hemoplan.arrays import FloatArray

THROUGH_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)
"""What is no lumen is connected through edges and corners too, as the lumen is through faces alone."""
MOST_LISTED = 4
"""More parts than this are counted and not all listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One body, or one hole.

    Attributes:
        volume: Its volume [m³].
        centre: (3,) its centroid in world coordinates [m].
        voxels: How many voxels it has.
        inside: (3,) indices of one of its voxels; the centroid can lie outside of a bent one.
    """

    volume: float
    centre: FloatArray
    voxels: int
    inside: tuple[int, int, int]

    def __str__(self) -> str:
        """Volume and place, such as `0.35 mL at (1.0, 2.0, 3.0) mm`."""
        return f"{1e6 * self.volume:.3g} mL at {format_point(self.centre)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What a label consists of, the largest first.

    Attributes:
        bodies: Parts that no face of a voxel joins.
        holes: What the label encloses without being it.
    """

    bodies: tuple[Part, ...]
    holes: tuple[Part, ...]

    @property
    def is_sound(self) -> bool:
        """Whether the label is one body without holes."""
        return len(self.bodies) == 1 and not self.holes

    def __str__(self) -> str:
        """For logs and errors, such as `2 bodies: …; 1 hole: …`."""
        return "; ".join(
            filter(None, (_list("body", "bodies", self.bodies), _list("hole", "holes", self.holes)))
        )


def check_bodies(label_map: LabelMap, label: int) -> Bodies:
    """How many bodies a label has and which holes, with volumes and places.

    Bodies are connected through faces of voxels, holes through edges and corners too, so that a surface around the
    label separates exactly these.

    Args:
        label_map: The map.
        label: The label; what has any other one is not part of it.
    """
    # Labelling in the box around the label, with a margin of background that joins all that is outside.
    region = label_map.labels == label
    boxes = ndimage.find_objects(region.astype(np.uint8))
    if not boxes:
        return Bodies(bodies=(), holes=())
    lower = np.array([side.start for side in boxes[0]])
    region = np.pad(region[boxes[0]], 1)
    bodies, _ = ndimage.label(region)
    outside, _ = ndimage.label(~region, structure=THROUGH_CORNERS)
    holes = np.where(outside == outside[0, 0, 0], 0, outside)
    return Bodies(bodies=_measure(label_map, bodies, lower - 1), holes=_measure(label_map, holes, lower - 1))


def _measure(label_map: LabelMap, parts: NDArray[np.int32], shift: NDArray[np.int_]) -> tuple[Part, ...]:
    places = np.argwhere(parts)
    if not len(places):
        return ()
    numbers = parts[tuple(places.T)]
    counts = np.bincount(numbers)
    firsts = np.zeros(len(counts), dtype=np.int64)
    firsts[numbers[::-1]] = np.arange(len(numbers))[::-1]
    sums = np.stack([np.bincount(numbers, weights=column) for column in places.T], axis=1)
    centres = sums / np.maximum(counts, 1)[:, None]
    measured = []
    for number in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        i, j, k = (int(value) for value in places[firsts[number]] + shift)
        measured.append(
            Part(
                volume=float(counts[number]) * label_map.voxel_volume,
                centre=label_map.to_world(centres[number] + shift),
                voxels=int(counts[number]),
                inside=(i, j, k),
            )
        )
    return tuple(measured)


def _list(one: str, several: str, parts: tuple[Part, ...]) -> str:
    if not parts:
        return ""
    more = f" and {len(parts) - MOST_LISTED} more" if len(parts) > MOST_LISTED else ""
    listed = ", ".join(str(part) for part in parts[:MOST_LISTED])
    return f"{len(parts)} {one if len(parts) == 1 else several}: {listed}{more}"
