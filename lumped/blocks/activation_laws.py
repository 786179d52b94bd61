"""Activation of the heart's chambers: a(t) in [0, 1], 0 relaxed, 1 at the height of contraction.

Times are seconds after the start of the beat; every law is periodic with the period T of the beat. A start or a
duration has an absolute part and a part that grows with the period, as systole takes a larger share of a fast beat:
t = t0 + t1 T.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lumped.compiled import inlined

SINE_SQUARED = 0
HALF_COSINE = 1
DOUBLE_HILL = 2
FOURIER = 3


@inlined
def activation(law: int, p: Any, at: int, t: Any, T: Any) -> Any:
    """Value of an activation at time t of the beat.

    Args:
        law: One of the constants of this module.
        p: Parameters of the circulation, flat.
        at: Where this activation's begin.
        t: Time since the start of a beat [s].
        T: Period of the beat [s].
    """
    if law == SINE_SQUARED:
        return _sine_squared(p, at, t, T)
    if law == HALF_COSINE:
        return _half_cosine(p, at, t, T)
    if law == DOUBLE_HILL:
        return _double_hill(p, at, t, T)
    return _fourier(p, at, t, T)


@inlined
def _since(start: Any, t: Any, T: Any) -> Any:
    """Time since the start of contraction, in [0, T)."""
    s = t - start
    return s - np.floor(s.real / T.real) * T


@inlined
def _sine_squared(p: Any, at: int, t: Any, T: Any) -> Any:
    """a = sin²(pi s / D) while s < D, s since the start; p = [start, start share, D, D share]."""
    s = _since(p[at] + p[at + 1] * T, t, T)
    duration = p[at + 2] + p[at + 3] * T
    if s.real >= duration.real:
        return 0.0 * T
    wave = np.sin(math.pi * s / duration)
    return wave * wave


@inlined
def _half_cosine(p: Any, at: int, t: Any, T: Any) -> Any:
    """Rises as (1 - cos)/2 over the contraction, falls as (1 + cos)/2 over the relaxation.

    p = [start, start share, contraction, its share, relaxation, its share].
    """
    s = _since(p[at] + p[at + 1] * T, t, T)
    rise = p[at + 2] + p[at + 3] * T
    fall = p[at + 4] + p[at + 5] * T
    if s.real < rise.real:
        return 0.5 - 0.5 * np.cos(math.pi * s / rise)
    if s.real < (rise + fall).real:
        return 0.5 + 0.5 * np.cos(math.pi * (s - rise) / fall)
    return 0.0 * T


@inlined
def _double_hill(p: Any, at: int, t: Any, T: Any) -> Any:
    """a = k g1 / (1 + g1) / (1 + g2), g = (s / tau)^m (Mynard et al. 2012, DOI 10.1002/cnm.1466).

    p = [start, start share, tau1 share, m1, tau2 share, m2, k]; the shares are of the period, and k makes the
    largest value one.
    """
    s = _since(p[at] + p[at + 1] * T, t, T) / T
    if s.real <= 0.0:
        return 0.0 * T
    g1 = np.exp(p[at + 3] * np.log(s / p[at + 2]))
    g2 = np.exp(p[at + 5] * np.log(s / p[at + 4]))
    return p[at + 6] * g1 / ((1.0 + g1) * (1.0 + g2))


@inlined
def _fourier(p: Any, at: int, t: Any, T: Any) -> Any:
    """a = c0 + sum of a_k cos(k w s) + b_k sin(k w s); p = [start, start share, n, c0, a1, b1, …]."""
    s = t - p[at] - p[at + 1] * T
    value = p[at + 3]
    for k in range(int(p[at + 2].real)):
        angle = 2.0 * math.pi * (k + 1.0) * s / T
        value = value + p[at + 4 + 2 * k] * np.cos(angle) + p[at + 5 + 2 * k] * np.sin(angle)
    return value
