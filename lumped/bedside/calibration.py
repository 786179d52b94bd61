"""What a calibration gives: factors with intervals, what the model makes of each target, what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hemoplan.arrays import FloatArray
from lumped.bedside.factors import Factor
from lumped.bedside.targets import Target
from lumped.circulation.graph import Circulation

COVERAGE = 0.90
"""Probability that an interval holds the truth."""
HALF_WIDTH = 1.6448536269514722
"""Standard deviations on each side of a normal distribution's mean that hold this probability."""
MISSED = 2.0
"""Standard deviations beyond which a target is called missed."""
UNUSUAL = 2.5
"""Scores beyond which a parameter is called unusual: one newborn in eighty."""
IMPLAUSIBLE = 0.01
"""Probability below which data and circulation are said not to fit."""

type Verdict = Literal["identified", "partly", "frozen"]
"""How much the data tell of a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedFactor:
    """A factor after the fit.

    Attributes:
        factor: What it multiplies, and its prior.
        score: Standard deviations of the population from its usual value; 0 if it is frozen.
        multiplier: Of its parameters.
        low, high: Interval of the multiplier that holds `COVERAGE`; that of the population if it is frozen.
        variance_ratio: Posterior over prior variance of the score: 0 where the data tell all, 1 where nothing.
        verdict: How much the data tell of it.
        values: Its parameters after the fit [SI], in the order of its members.
    """

    factor: Factor
    score: float
    multiplier: float
    low: float
    high: float
    variance_ratio: float
    verdict: Verdict
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFit:
    """What the model makes of a target.

    Attributes:
        target: What was measured.
        value: Of the fitted circulation [SI].
        low, high: Interval of the model's value that holds `COVERAGE` [SI]; of the true value, not of a new
        measurement.
    """

    target: Target
    value: float
    low: float
    high: float

    @property
    def miss(self) -> float:
        """Model less measurement, in standard deviations of the measurement."""
        return (self.value - self.target.value) / self.target.sigma


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A circulation that was fitted to a child.

    Attributes:
        name: Of the child.
        circulation: Fitted, starting from its periodic beat.
        factors: All factors, in the order of the covariance.
        targets: All targets.
        covariance: (k, k) posterior covariance of the scores, those of frozen factors too.
        misfit: Sum of the squared misses.
        departure: Sum of the squared scores.
        plausibility: Probability of a larger misfit and departure together, were circulation and population right.
        informed: Combinations of parameters that the data know better than the population.
        frozen: In words, what the data do not tell.
        warnings: In words, what to be careful of.
        converged: Whether the search came to an end.
        evaluations: Periodic beats that were computed.
        steps: Steps a beat.
    """

    name: str
    circulation: Circulation
    factors: tuple[FittedFactor, ...]
    targets: tuple[TargetFit, ...]
    covariance: FloatArray
    misfit: float
    departure: float
    plausibility: float
    informed: int
    frozen: tuple[str, ...]
    warnings: tuple[str, ...]
    converged: bool
    evaluations: int
    steps: int

    def factor(self, name: str) -> FittedFactor:
        """The factor of this name."""
        return next(each for each in self.factors if each.factor.name == name)

    def target(self, name: str) -> TargetFit:
        """The target of this name."""
        return next(each for each in self.targets if each.target.name == name)
