"""Phases of a DICOM series: images of the same places at other times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometry.imaging.dicom_frames import TIMINGS, Frame
from hemoplan.arrays import FloatArray, IntArray

SAME_PLACE = 0.02
"""Images closer than this along their normal [mm] lie at the same place."""
SAME_DIRECTION = 1.0e-2
"""Largest difference of directions that count as the same: half a degree."""
MIN_SHARE = 0.5
"""A phase has at least this share of the places; less is a stray image and no phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The images of one moment.

    Attributes:
        name: What tells it from the others.
        frames: Its images.
    """

    name: str
    frames: tuple[Frame, ...]


def places(frames: Sequence[Frame]) -> FloatArray:
    """(n,) position [mm] of images with position and orientation along the normal of the first."""
    assert frames[0].orientation is not None  # series without are not volumes
    normal = np.cross(*frames[0].orientation)
    return np.asarray(np.array([frame.position for frame in frames], dtype=np.float64) @ normal)


def rank_places(along: FloatArray) -> IntArray:
    """(n,) number of the place of each image, from 0, images at the same place having the same."""
    order = np.argsort(along, kind="stable")
    ranks = np.empty(len(along), dtype=np.int64)
    ranks[order] = np.concatenate([[0], np.cumsum(np.diff(along[order]) > SAME_PLACE)])
    return ranks


def split_phases(frames: Sequence[Frame]) -> tuple[Phase, ...]:
    """Images of a series by moment; one phase where no place is repeated, or nothing tells the repeats apart.

    The first of `dicom_frames.TIMINGS` decides that is different for all images of a place. Its values name the phases
    where they are the same at all places, else their order does: the trigger delay of a beating heart varies.
    """
    if not _are_parallel(frames):
        return (Phase(name="", frames=tuple(frames)),)
    ranks = rank_places(places(frames))
    counts = np.bincount(ranks)
    if counts.max() == 1:
        return (Phase(name="", frames=tuple(frames)),)
    for column, (_, label) in enumerate(TIMINGS):
        values = [frame.timings[column] for frame in frames]
        if any(value is None for value in values):
            continue
        numbers = _number_phases(np.array(values, dtype=np.float64), ranks, counts)
        if numbers is not None:
            return _collect(frames, np.array(values, dtype=np.float64), numbers, label)
    return (Phase(name="", frames=tuple(frames)),)


def _are_parallel(frames: Sequence[Frame]) -> bool:
    first = frames[0].orientation
    return first is not None and all(
        frame.position is not None
        and frame.orientation is not None
        and np.abs(frame.orientation - first).max() < SAME_DIRECTION
        for frame in frames
    )


def _number_phases(values: FloatArray, ranks: IntArray, counts: IntArray) -> IntArray | None:
    """(n,) number of the phase of each image, or nothing where the values do not tell."""
    if len(np.unique(np.stack([ranks, values]), axis=1).T) < len(values):
        return None  # the same value twice at one place
    distinct, numbers = np.unique(values, return_inverse=True)
    if len(distinct) == counts.max():
        enough = np.bincount(numbers).min() >= max(2, MIN_SHARE * len(counts))
        return np.asarray(numbers) if enough else None
    if counts.min() < counts.max():
        return None
    order = np.lexsort((values, ranks))
    numbers = np.empty(len(values), dtype=np.int64)
    numbers[order] = np.tile(np.arange(counts.max()), len(counts))
    return numbers


def _collect(frames: Sequence[Frame], values: FloatArray, numbers: IntArray, label: str) -> tuple[Phase, ...]:
    phases = []
    for number in range(int(numbers.max()) + 1):
        own = np.flatnonzero(numbers == number)
        name = label.format(float(np.median(values[own])))
        phases.append(Phase(name=name, frames=tuple(frames[index] for index in own)))
    return tuple(phases)
