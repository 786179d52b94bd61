"""Activation of a chamber over the heart cycle, from 0 (at rest) to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.svzerod.parameters import number

TWO_HILL_STEP = 1e-5
"""Time between the points at which the largest value of two Hill functions is looked for."""

EXTREME_SAMPLES = 10000
"""Points at which the extremes of the ventricle's Fourier series are looked for."""

VENTRICLE_MODES = np.array(
    [
        (0.283748803, 0.000000000), (0.031830626, -0.374299825), (-0.209472400, -0.018127770),
        (0.020520047, 0.073971113), (0.008316883, -0.047249597), (-0.041677660, 0.003212163),
        (0.000867323, 0.019441411), (-0.001675379, -0.005565534), (-0.011252277, 0.003401432),
        (-0.000414677, 0.008376795), (0.000253749, -0.000071880), (-0.002584966, 0.001566861),
        (0.000584752, 0.003143555), (0.000028502, -0.000024787), (0.000022961, -0.000007476),
        (0.000018735, -0.000001281), (0.000015573, 0.000001781), (0.000013133, 0.000003494),
        (0.000011199, 0.000004507), (0.000009634, 0.000005117), (0.000008343, 0.000005481),
        (0.000007265, 0.000005687), (0.000006354, 0.000005789), (0.000005575, 0.000005821),
        (0.000004903, 0.000005805),
    ]
)  # fmt: skip
"""Cosine and sine coefficients of a ventricle's elastance, of Tran et al. 2017, DOI 10.1016/j.compfluid.2016.05.015."""


class _Unsettled:
    """An activation goes on while the steady start is sought."""

    __slots__ = ()

    def settle(self, period: float) -> Self:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfCosine(_Unsettled):
    """(1 - cos(2 pi (t - t_active) / t_twitch)) / 2 for t_active <= t <= t_active + t_twitch.

    Attributes:
        t_active: Begin of the contraction.
        t_twitch: Its duration.
    """

    t_active: float = number(least=0.0)
    t_twitch: float = number(above=0.0)

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        contracting = np.maximum(np.fmod(times, period) - self.t_active, 0.0)
        wave = 0.5 - 0.5 * np.cos(2.0 * np.pi * contracting / self.t_twitch)
        return np.where(contracting <= self.t_twitch, wave, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecewiseCosine(_Unsettled):
    """A rise as half a cosine, then a fall as half a cosine.

    Source: Regazzoni et al. 2022, DOI 10.1016/j.jcp.2022.111083.

    Attributes:
        contract_start: Begin of the contraction.
        relax_start: Begin of the relaxation.
        contract_duration: Duration of the contraction.
        relax_duration: Duration of the relaxation.
    """

    contract_start: float = number()
    relax_start: float = number()
    contract_duration: float = number(above=0.0)
    relax_duration: float = number(above=0.0)

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times; before the first start there is no activation."""
        rise = np.fmod(times - self.contract_start, period)
        fall = np.fmod(times - self.relax_start, period)
        rising = (rise >= 0.0) & (rise < self.contract_duration)
        falling = (fall >= 0.0) & (fall < self.relax_duration)
        up = 0.5 * (1.0 - np.cos(np.pi * rise / self.contract_duration))
        down = 0.5 * (1.0 + np.cos(np.pi * fall / self.relax_duration))
        return np.where(rising, up, np.where(falling, down, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoHill(_Unsettled):
    """g1 / (1 + g1) / (1 + g2) over its largest value, g = (s / tau)^m, s the time since t_shift.

    Source: Kaiser et al. 2022, DOI 10.1007/s10439-022-03047-3.

    Attributes:
        t_shift: Begin of the activation.
        tau_1: Time of the rise.
        tau_2: Time of the fall.
        m1: Steepness of the rise.
        m2: Steepness of the fall.
    """

    t_shift: float = number()
    tau_1: float = number(above=0.0)
    tau_2: float = number(above=0.0)
    m1: float = number(above=0.0)
    m2: float = number(above=0.0)

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        shifted = np.fmod(np.fmod(times, period) - self.t_shift, period)
        shifted = np.where(shifted >= 0.0, shifted, shifted + period)
        return np.asarray(self.shape(shifted) / _largest(self, period))

    def shape(self, times: FloatArray) -> FloatArray:
        """Values by the time since t_shift, not scaled."""
        g1 = (times / self.tau_1) ** self.m1
        g2 = (times / self.tau_2) ** self.m2
        return np.asarray(g1 / (1.0 + g1) / (1.0 + g2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fourier(_Unsettled):
    """The measured elastance of a ventricle as a Fourier series, from 0 to 1."""

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        low, high = _extremes(period)
        return np.asarray((ventricle_elastance(times, period) - low) / (high - low))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappingCosine(_Unsettled):
    """A cosine wave that may run over the end of the cycle, as that of the atria does.

    Source: Sankaran et al. 2012, DOI 10.1007/s10439-012-0579-3.

    Attributes:
        Tsa: Duration of the contraction as a share of the cycle.
        tpwave: Cycle over the time at which the contraction ends.
    """

    Tsa: float = number(above=0.0)
    tpwave: float = number(above=0.0)

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        duration, end = period * self.Tsa, period / self.tpwave
        clock = np.fmod(times, period)
        since = np.where(clock <= end, clock - end, clock - end - period)
        wave = 0.5 * (1.0 - np.cos(2.0 * np.pi * since / duration))
        return np.where((clock <= end) | (clock >= period - duration + end), wave, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleTanh(_Unsettled):
    """(1 + tanh((t - tsys) / g)) (1 - tanh((t - tdias) / g)) / 4, t counted from the begin of the cycle.

    Source: Pfaller et al. 2019, DOI 10.1007/s10237-018-1098-4.

    Attributes:
        tsys: Begin of systole.
        tdias: Begin of diastole.
        steepness: g, duration of the change between them.
    """

    tsys: float = number()
    tdias: float = number()
    steepness: float = number(above=0.0)

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        clock = np.fmod(times, period)
        begun = 0.5 * (1.0 + np.tanh((clock - self.tsys) / self.steepness))
        lasting = 0.5 * (1.0 - np.tanh((clock - self.tdias) / self.steepness))
        return np.asarray(begun * lasting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ventricle(_Unsettled):
    """Elastance of a ventricle of the closed-loop heart: a scale times the Fourier series.

    Attributes:
        scale: Factor [pressure / volume].
    """

    scale: float

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        return self.scale * ventricle_elastance(times, period)


def ventricle_elastance(times: FloatArray, period: float) -> FloatArray:
    """Fourier series of a ventricle's elastance at (m,) times, not scaled."""
    phase = 2.0 * np.pi * np.fmod(times, period) / period
    modes = np.arange(len(VENTRICLE_MODES))[:, None] * phase
    cosines, sines = VENTRICLE_MODES.T
    return np.asarray(cosines @ np.cos(modes) - sines @ np.sin(modes))


@lru_cache(maxsize=256)
def _largest(activation: TwoHill, period: float) -> float:
    count = math.ceil(period / TWO_HILL_STEP)
    grid: FloatArray = np.linspace(0.0, TWO_HILL_STEP * count, count, endpoint=False, dtype=np.float64)
    return float(activation.shape(grid).max())


@lru_cache(maxsize=16)
def _extremes(period: float) -> tuple[float, float]:
    grid: FloatArray = np.linspace(0.0, period, EXTREME_SAMPLES, endpoint=False, dtype=np.float64)
    values = ventricle_elastance(grid, period)
    return float(values.min()), float(values.max())


type Activation = HalfCosine | PiecewiseCosine | TwoHill | DoubleTanh | Fourier | WrappingCosine

ACTIVATIONS: dict[str, type[Activation]] = {
    "half_cosine": HalfCosine,
    "piecewise_cosine": PiecewiseCosine,
    "two_hill": TwoHill,
    "double_tanh": DoubleTanh,
    "fourier": Fourier,
    "wrapping_cosine": WrappingCosine,
}
