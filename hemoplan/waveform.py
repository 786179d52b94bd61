"""Periodic signals: inflow, pressure, elastance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError


class Waveform:
    """A periodic, piecewise linear signal w(t).

    Args:
        times: (n,) increasing times in [0, period) [s].
        values: (n,) values, in SI units.
        period: Length of the cycle [s].

    Raises:
        CaseError: Times do not increase or leave the cycle, values are not finite, or the period is not
        positive.
    """

    def __init__(self, times: FloatArray, values: FloatArray, period: float) -> None:
        times = np.asarray(times, dtype=np.float64)
        values = np.asarray(values, dtype=np.float64)
        if times.ndim != 1 or times.shape != values.shape or times.size < 2:
            raise CaseError(
                "a waveform needs as many times as values, and at least two",
                where="waveform",
                value=f"{times.shape} times, {values.shape} values",
            )
        if not (np.isfinite(times).all() and np.isfinite(values).all()):
            row = int(np.flatnonzero(~(np.isfinite(times) & np.isfinite(values)))[0])
            raise CaseError("the waveform has a value that is not a number", where=f"waveform row {row + 1}")
        if not period > 0.0:
            raise CaseError("the period must be positive", where="waveform", value=f"{period} s")
        if (np.diff(times) <= 0.0).any() or times[0] < 0.0 or times[-1] >= period:
            raise CaseError(
                "the waveform's times must increase and lie within one cycle",
                where="waveform",
                value=f"{times[0]} to {times[-1]} s",
                expected=f"increasing times in [0, {period:g}) s",
            )
        self.times = times
        self.values = values
        self.period = float(period)

    def __call__(self, t: float) -> float:
        """Value at time t [s], t of any sign."""
        return float(np.interp(t % self.period, self.times, self.values, period=self.period))

    def sample(self, times: FloatArray) -> FloatArray:
        """Values at many times [s]."""
        return np.asarray(
            np.interp(np.mod(times, self.period), self.times, self.values, period=self.period),
            dtype=np.float64,
        )

    def mean(self) -> float:
        """Mean over one cycle: the exact integral of the piecewise linear signal, divided by the period."""
        times = np.append(self.times, self.times[0] + self.period)
        values = np.append(self.values, self.values[0])
        return float(np.trapezoid(values, times) / self.period)

    def scaled(self, factor: float) -> Waveform:
        """The same signal times a factor."""
        return Waveform(self.times, factor * self.values, self.period)


def read_waveform(path: Path, period: float) -> Waveform:
    """Read a two-column CSV `phase,value`, phase in [0, 1) of the cycle; values in any unit, to be scaled.

    Raises:
        CaseError: The file is missing or is not two columns of numbers.
    """
    try:
        rows = [row for row in path.read_text(encoding="utf-8").splitlines() if row.partition("#")[0].strip()]
        if not rows:
            raise ValueError("no row in it")
        table = np.loadtxt(rows, delimiter=",", comments="#", ndmin=2)
    except (OSError, ValueError) as error:
        raise CaseError(
            "cannot read the waveform",
            where=str(path),
            value=error,
            expected="a CSV file of two columns, phase of the cycle in [0, 1) and value; # starts a comment",
        ) from error
    if table.shape[1] != 2:
        raise CaseError(
            "the waveform must have two columns",
            where=str(path),
            value=table.shape[1],
            expected="phase,value",
        )
    phases = table[:, 0]
    if not ((np.diff(phases) > 0.0).all() and phases[0] >= 0.0 and phases[-1] < 1.0):
        raise CaseError(
            "the waveform's phases must increase and lie within one cycle",
            where=str(path),
            value=f"{phases[0]:g} to {phases[-1]:g}",
            expected="increasing phases in [0, 1)",
            remedy="leave out a last row that repeats the first one at phase 1",
        )
    return Waveform(phases * period, table[:, 1], period)
