"""Corrections between beats, on maps whose fixed points are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.arrays import FloatArray
from lumped.acceleration import Beat, change, next_start
from lumped.beat_map import BeatMap

FIXED = np.array([8e3, 7e3, 6e3, 2e-6, -1e-6])
SCALES = np.array([1e3, 1e3, 1e3, 1e-5, 1e-5])
SLOW = (True, True, True, False, False)
IN_SCALES = np.array(
    [
        [0.70, 0.05, 0.00, 0.10, 0.00],
        [0.04, 0.72, 0.03, 0.00, 0.20],
        [0.00, 0.05, 0.60, 0.05, 0.05],
        [0.10, -0.10, 0.00, 0.01, 0.00],
        [0.00, 0.10, -0.10, 0.00, 0.02],
    ]
)
M = IN_SCALES * SCALES[:, None] / SCALES
MAP = BeatMap(
    names=tuple("abcde"), matrix=M, scales=SCALES, slow=SLOW, positive=False, invariants=np.zeros((0, 5))
)


def course(beat_map: BeatMap, start: FloatArray, beats: int, bend: float = 0.0) -> list[Beat]:
    """Beats of the true map, which is bent where `bend` is not zero, corrected by what `beat_map` says of it."""
    done: list[Beat] = []
    for _ in range(beats):
        e = (start - FIXED) / SCALES
        end = FIXED + SCALES * (IN_SCALES @ e + bend * e**2)
        done.append(Beat(start=start, end=end))
        start = next_start(beat_map, done)
    return done


def test_a_known_linear_map_is_settled_by_one_correction_but_for_the_flows() -> None:
    """Slow quantities are at the fixed point after a beat; what the flows still lack is gone a beat later."""
    wrong = FIXED + SCALES * np.array([-5.0, -3.0, 4.0, 0.3, -0.2])
    beats = course(MAP, wrong, 4)
    assert beats[1].start[:3] == pytest.approx(FIXED[:3], rel=1e-12)
    assert beats[1].start[3:] == pytest.approx(beats[0].end[3:], rel=1e-12)
    distances = [np.abs((beat.start - FIXED) / SCALES).max() for beat in beats]
    assert distances[2] < 0.02 * distances[1] < 0.2 * distances[0]


def test_plain_beats_would_leave_what_the_slowest_eigenvalue_says() -> None:
    eigenvalue = np.abs(np.linalg.eigvals(IN_SCALES)).max()
    assert MAP.slowest == pytest.approx(eigenvalue, rel=1e-9)
    assert eigenvalue**8 > 0.05


@pytest.mark.parametrize("bend", [0.0, 0.01])
def test_a_wrong_map_is_taught_by_the_beats(bend: float) -> None:
    """A stand-in whose time constants are off by a third."""
    coarse = replace(MAP, matrix=M * 0.9)
    wrong = FIXED + SCALES * np.array([-2.0, -1.5, 2.0, 0.0, 0.0])
    sizes = [change(MAP, beat) for beat in course(coarse, wrong, 8, bend)]
    assert sizes[-1] < 1e-5 * sizes[0]


def test_a_growing_change_pauses_the_corrections() -> None:
    """A map that calls a fast quantity slow sends it far beyond its goal; the next beat is a plain one."""
    misled = replace(MAP, matrix=np.diag([0.95, 0.95, 0.95, 0.0, 0.0]))
    first = Beat(start=FIXED + SCALES, end=FIXED)
    second = Beat(start=next_start(misled, [first]), end=FIXED)
    assert change(misled, second) > change(misled, first)
    assert next_start(misled, [first, second]) == pytest.approx(second.end, rel=0.0)


def test_the_blood_of_a_closed_part_stays() -> None:
    """Three volumes that exchange blood, and a flow: whatever the beats teach, their sum is what it was."""
    exchange = np.array(
        [[0.8, 0.1, 0.1, 0.2], [0.1, 0.7, 0.1, -0.1], [0.1, 0.2, 0.8, -0.1], [0.1, -0.1, 0.0, 0.0]]
    )
    assert exchange[:3].sum(axis=0) == pytest.approx([1.0, 1.0, 1.0, 0.0])
    beat_map = BeatMap(
        names=tuple("uvwq"),
        matrix=exchange + np.outer([0.05, -0.05, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
        scales=np.full(4, 1e-6),
        slow=(True, True, True, False),
        positive=True,
        invariants=np.array([[1.0, 1.0, 1.0, 0.0]]),
    )
    start, done = np.array([9e-6, 1e-6, 5e-6, 0.0]), []
    for _ in range(6):
        done.append(Beat(start=start, end=exchange @ start))
        start = next_start(beat_map, done)
        assert start[:3].sum() == pytest.approx(15e-6, rel=1e-13)
        assert (start[:3] > 0.0).all()
    assert change(beat_map, done[-1]) < 1e-4 * change(beat_map, done[0])


def test_no_volume_is_more_than_halved() -> None:
    beat_map = BeatMap(
        names=("u", "v"),
        matrix=np.array([[0.99, 0.0], [0.01, 1.0]]),
        scales=np.full(2, 1e-6),
        slow=(True, True),
        positive=True,
        invariants=np.array([[1.0, 1.0]]),
    )
    beat = Beat(start=np.array([4e-6, 1e-6]), end=np.array([3.8e-6, 1.2e-6]))
    assert next_start(beat_map, [beat]) == pytest.approx([1.9e-6, 3.1e-6], rel=1e-12)
