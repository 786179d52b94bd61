"""What a calibrated circulation says of things that were not measured, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError, HemoplanError
from lumped.bedside.calibration import COVERAGE, HALF_WIDTH, Calibration
from lumped.bedside.forward import Forward
from lumped.bedside.observables import Observable
from lumped.engine.build import build

MOST_FAILURES = 0.2
"""Share of draws that may have no beat before an interval is no longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A number of the fitted circulation [SI], and the interval that holds the child's with 90 %."""

    value: float
    low: float
    high: float


def predict(
    calibration: Calibration, observables: Mapping[str, Observable], *, draws: int = 0, seed: int = 0
) -> dict[str, Prediction]:
    """Numbers of the fitted circulation with intervals from the posterior.

    Args:
        calibration: What was fitted.
        observables: What is wanted, by name.
        draws: Sets of parameters to draw from the posterior; if none, intervals follow from derivatives at the mode.
        seed: Of the draws.

    Raises:
        BoundaryError: The fitted circulation has no beat.
        CalibrationError: Too many of the draws have none.
    """
    factors = tuple(each.factor for each in calibration.factors)
    forward = Forward(build(calibration.circulation), factors, steps=calibration.steps)
    wanted = tuple(observables.values())
    mode = np.zeros(len(factors))
    beat = forward.beat(mode)
    values = forward.values(wanted, beat)
    rows = forward.jacobian(wanted, mode, beat)
    if draws:
        drawn = np.random.default_rng(seed).multivariate_normal(mode, calibration.covariance, draws)
        low, high = _quantiles(forward, wanted, drawn)
    else:
        reach = HALF_WIDTH * np.sqrt(np.einsum("ij,jk,ik->i", rows, calibration.covariance, rows))
        low, high = values - reach, values + reach
    return {
        name: Prediction(value=float(value), low=float(below), high=float(above))
        for name, value, below, above in zip(observables, values, low, high, strict=True)
    }


def _quantiles(
    forward: Forward, wanted: tuple[Observable, ...], scores: FloatArray
) -> tuple[FloatArray, FloatArray]:
    found = []
    for each in scores:
        try:
            found.append(forward.values(wanted, forward.beat(each)))
        except HemoplanError:
            continue
    if len(found) < (1.0 - MOST_FAILURES) * len(scores):
        raise CalibrationError(
            "too many circulations that the data allow have no periodic beat",
            where=forward.model.circulation.name,
            value=f"{len(scores) - len(found)} of {len(scores)}",
            expected=f"at most {MOST_FAILURES:.0%}",
            remedy="measure more, or fix factors that are not known",
        )
    tail = 0.5 * (1.0 - COVERAGE)
    low, high = np.quantile(np.array(found), [tail, 1.0 - tail], axis=0)
    return low, high
