"""From a few 3D beats to the periodic one: where the next beat should start.

A capacitor that empties in three beats takes a dozen to settle, and each is a 3D simulation. So a beat is not followed
by the state in which it ends. With x_k where beat k started, r_k = Phi(x_k) - x_k how it changed over the beat, and A
an approximation of I - M (`lumped.beat_map`), the periodic state is

    x* = x_k + A⁻¹ r_k.

A is first that of the 0D stand-in, with v v'/|v|² added for every invariant v, along which no correction must go. Each
further beat teaches it: with s = x_k - x_(k-1) and y = r_(k-1) - r_k, Broyden's update

    A <- A + (y - A s) s' / (s's)

is the least change, in the quantities' sizes, for which A s = y (Broyden, Math. Comput. 19, 1965,
DOI 10.1090/S0025-5718-1965-0198670-6). Of the difference to x* only slow quantities, volumes and pressures, are
moved; flows have inertia in the 3D domain, and follow within the beat. The blood of closed parts stays what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.beat_map import BeatMap

TAUGHT = 1e-6
"""Smallest distance between two beats that teaches, as a share of the quantities' sizes."""
GREATEST_FALL = 0.5
"""No correction takes a larger share of what must stay positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The (m,) quantities of a `BeatMap` at the start and at the end of a simulated beat."""

    start: FloatArray
    end: FloatArray


def change(beat_map: BeatMap, beat: Beat) -> float:
    """Largest change of a quantity over a beat, as a share of its size."""
    return float(np.abs((beat.end - beat.start) / beat_map.scales).max())


def next_start(beat_map: BeatMap, beats: Sequence[Beat]) -> FloatArray:
    """(m,) where the beat after the last should start; that is where the last ended, where corrections do not help.

    Corrections pause for a beat when the last one let the change over a beat grow.

    Args:
        beat_map: First guess of M.
        beats: Those simulated so far, one or more, each started where the one before ended or was corrected to.
    """
    last = beats[-1]
    if len(beats) > 1 and change(beat_map, last) > change(beat_map, beats[-2]):
        return last.end
    scales = beat_map.scales
    A = _first_matrix(beat_map)
    for before, after in zip(beats[:-1], beats[1:], strict=True):
        s = (after.start - before.start) / scales
        if np.abs(s).max() > TAUGHT:
            y = ((before.end - before.start) - (after.end - after.start)) / scales
            A += np.outer(y - A @ s, s) / (s @ s)
    r = (last.end - last.start) / scales
    move = np.where(beat_map.slow, scales * (np.linalg.solve(A, r) - r), 0.0)
    return last.end + _kept_whole(beat_map, _kept_positive(beat_map, move, last.end))


def _first_matrix(beat_map: BeatMap) -> FloatArray:
    """I - M + sum of v v'/|v|², in scaled quantities."""
    scales = beat_map.scales
    A = np.eye(scales.size) - beat_map.matrix * scales / scales[:, None]
    for v in beat_map.invariants * scales:
        A += np.outer(v, v) / (v @ v)
    return A


def _kept_whole(beat_map: BeatMap, move: FloatArray) -> FloatArray:
    """A move without its share along the invariants, taken from the slow quantities that belong to them."""
    for v in beat_map.invariants:
        share = np.where(beat_map.slow, v, 0.0)
        move = move - share * (v @ move) / (share @ v)
    return np.asarray(move)


def _kept_positive(beat_map: BeatMap, move: FloatArray, end: FloatArray) -> FloatArray:
    """As much of a move as leaves every volume more than half of what it is."""
    if not beat_map.positive:
        return move
    falls = np.max(-move / np.where(end > 0.0, end, np.inf), initial=0.0)
    return move * min(1.0, GREATEST_FALL / max(float(falls), 1e-30))
