"""Functions of time in a file: a number, samples that are joined by straight lines, or a formula.

Samples repeat with the period t[-1] - t[0]; t[0] must be 0, as the clock of a simulation starts there. While the steady
state is sought that a simulation starts from, samples and formulas stand still at their mean: the plain mean of the
samples, the first and last both counted, and the mean of a formula over one period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError
from lumped.svzerod.formula import Formula, read_formula

MEAN_SAMPLES = 1000


class Driver(Protocol):
    """What changes a parameter in time."""

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times, for a heart of this period."""
        ...

    def settle(self, period: float) -> Driver | float:
        """What drives the parameter while the steady start is sought."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A function of time.

    Attributes:
        times: (k,) sample times; one for a constant.
        values: (k,) samples.
        periodic: Whether the samples repeat.
        formula: What is used instead of the samples, if given.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    periodic: bool = True
    formula: Formula | None = None

    @classmethod
    def constant(cls, value: float) -> Self:
        """A signal that does not change."""
        return cls(times=(0.0,), values=(value,))

    @property
    def is_constant(self) -> bool:
        """Whether one number says all."""
        return self.formula is None and len(self.values) == 1

    @property
    def period(self) -> float | None:
        """Period of the heart that the samples imply, None where they imply none."""
        return self.times[-1] - self.times[0] if self.periodic and len(self.times) > 1 else None

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        if self.formula is not None:
            return self.formula.at(times)
        if self.is_constant:
            return np.full(times.shape, self.values[0])
        clock = np.fmod(times, self.times[-1] - self.times[0]) if self.periodic else times
        return np.interp(clock, self.times, self.values)

    def settle(self, period: float) -> float:
        """The mean."""
        if self.formula is not None:
            grid: FloatArray = np.linspace(0.0, period, MEAN_SAMPLES, endpoint=False, dtype=np.float64)
            return float(np.mean(self.formula.at(grid)))
        return math.fsum(self.values) / len(self.values)


def read_signal(values: Mapping[str, Any], name: str, where: str, *, least: float, periodic: bool) -> Signal:
    """Read the parameter `name` of a block, with its times 't' or as the formula 'fn'.

    Raises:
        CaseError: Lengths differ, times do not rise from 0, a value is missing, no number, or below `least`.
    """
    if "fn" in values:
        if name in values:
            raise CaseError(f"both '{name}' and 'fn' are given", where=where, expected="one of them")
        return Signal(times=(0.0,), values=(0.0,), formula=read_formula(values["fn"], where))
    samples = _read_samples(values[name], name, where)
    if min(samples) < least:
        raise CaseError(
            f"'{name}' is too small", where=where, value=min(samples), expected=f"at least {least:g}"
        )
    if len(samples) == 1:
        return Signal.constant(samples[0])
    if "t" not in values:
        raise CaseError(
            f"'{name}' has samples but no times", where=where, expected="a list 't' of the same length"
        )
    times = _read_samples(values["t"], "t", where)
    if len(times) != len(samples):
        raise CaseError(
            f"'t' and '{name}' differ in length",
            where=where,
            value=f"{len(times)} times, {len(samples)} samples",
            expected="one time for each sample",
        )
    for earlier, later in zip(times, times[1:], strict=False):
        if later <= earlier:
            raise CaseError(
                "'t' does not rise", where=where, value=f"{later} after {earlier}", expected="rising times"
            )
    if periodic and times[0] != 0.0:
        raise CaseError(
            "the first time of samples that repeat is not 0", where=where, value=times[0], expected="0"
        )
    return Signal(times=times, values=samples, periodic=periodic)


def _read_samples(value: object, name: str, where: str) -> tuple[float, ...]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise CaseError(f"'{name}' is empty", where=where, expected="at least one number")
    for i, each in enumerate(entries):
        if isinstance(each, bool) or not isinstance(each, int | float) or not math.isfinite(each):
            raise CaseError(
                f"'{name}[{i}]' is not a number", where=where, value=each, expected="a finite number"
            )
    return tuple(map(float, entries))
