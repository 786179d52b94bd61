"""What a segmentation leaves behind: the lumen, what each step did, and what a person should look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from geometry.imaging.image import Image
from geometry.imaging.label_map import LabelMap
from geometry.segmentation.settings import Settings
from hemoplan.arrays import FloatArray, Vec3

type Progress = Callable[[str], None]
"""Called with the name of each step as it begins."""


class Concern(StrEnum):
    """Kinds of finding."""

    LEAK_CUT = "leak cut"
    NARROW = "narrow"
    UNRESOLVED = "unresolved"
    GOES_ON = "goes on"
    DROPPED = "dropped"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a person should look at in the image.

    Attributes:
        concern: What kind.
        message: One sentence, with the place in mm.
        place: World coordinates (RAS) [m].
        size: Width of a narrow place, extent of what was dropped or recovered [m]; volume of a
            leak, or of what goes on [m³].
    """

    concern: Concern
    message: str
    place: Vec3
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the pipeline.

    Attributes:
        name: What it does.
        outcome: What came of it, one clause.
        seconds: Time it took [s].
    """

    name: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """The lumen of a scan.

    Attributes:
        labels: The lumen as voxels, on the grid of the scan.
        settings: What the steps were told.
        steps: What they did, in order.
        findings: What a person should look at.
        distance: Signed distance to the level set's contour [m], negative inside, where there is one; it tells
            `geometry.surfaces.extract` where the edge is.
    """

    labels: LabelMap
    settings: Settings
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    distance: Image | None = None


def describe_place(point: Vec3 | FloatArray) -> str:
    """Coordinates for a person: (x, y, z) mm."""
    x, y, z = (1e3 * float(value) for value in np.asarray(point))
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"


def place_of(point: FloatArray) -> Vec3:
    """A (3,) array as a point."""
    x, y, z = (float(value) for value in point)
    return (x, y, z)
