"""The least-squares problem: scores that bring the model to the targets without straying far from the population.

    minimise  sum_i ((m_i(z) - t_i) / sigma_i)²  +  sum_k z_k²

m_i are the observables, t_i the targets. It is the posterior's mode for normal errors and the prior z ~ N(0, 1), so
that no weight of the regularisation has to be chosen. Solved by a trust region with exact derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from lumped.bedside.factors import score_limits
from lumped.bedside.forward import Forward
from lumped.bedside.observables import Beat, Observable

TOLERANCE = 1e-4
"""Relative change of scores or of the cost at which the search ends."""
MAX_EVALUATIONS = 80


@dataclass(slots=True)
class Problem:
    """Model, targets and prior together.

    Attributes:
        forward: The model as a function of the scores.
        observables: What the targets are compared with.
        measured: (t,) targets [SI].
        sigmas: (t,) their standard deviations [SI].
        failures: Sets of parameters without a beat that the search met, and stepped back from.
    """

    forward: Forward
    observables: tuple[Observable, ...]
    measured: FloatArray
    sigmas: FloatArray
    failures: int = 0
    _last: tuple[FloatArray, Beat] | None = field(default=None)

    def beat(self, scores: FloatArray) -> Beat:
        """The beat at (k,) scores; that of the last ones is kept.

        Raises:
            HemoplanError: There is none.
        """
        if self._last is None or not np.array_equal(self._last[0], scores):
            self._last = (scores.copy(), self.forward.beat(scores))
        return self._last[1]

    def misses(self, scores: FloatArray) -> FloatArray:
        """(t,) model less target, in standard deviations."""
        values = self.forward.values(self.observables, self.beat(scores))
        return np.asarray((values - self.measured) / self.sigmas)

    def jacobian(self, scores: FloatArray) -> FloatArray:
        """(t, k) derivatives of the misses."""
        rows = self.forward.jacobian(self.observables, scores, self.beat(scores))
        return np.asarray(rows / self.sigmas[:, None])

    def cost(self, scores: FloatArray) -> float:
        """What is minimised."""
        return float(np.sum(self.misses(scores) ** 2) + np.sum(scores**2))


def solve(
    problem: Problem, start: FloatArray, *, free: NDArray[np.bool_] | None = None
) -> tuple[FloatArray, bool]:
    """(k,) scores at the minimum, and whether the search got there.

    Args:
        problem: What to minimise.
        start: (k,) where to begin; what is not free stays there.
        free: (k,) which scores may move; all if not given.

    Raises:
        HemoplanError: There is no beat at the start.
    """
    moving = np.ones(start.size, dtype=bool) if free is None else free
    problem.beat(start)
    if not moving.any():
        return start.copy(), True
    lowest, highest = (
        limit[moving] for limit in score_limits(problem.forward.model, problem.forward.factors)
    )

    def spread(part: FloatArray) -> FloatArray:
        scores = start.copy()
        scores[moving] = part
        return scores

    def residuals(part: FloatArray) -> FloatArray:
        try:
            misses = problem.misses(spread(part))
        except HemoplanError:
            # The search takes a shorter step where it meets something that is not finite.
            problem.failures += 1
            misses = np.full(problem.measured.size, np.inf)
        return np.concatenate([misses, part])

    def jacobian(part: FloatArray) -> FloatArray:
        return np.vstack([problem.jacobian(spread(part))[:, moving], np.eye(part.size)])

    inside = np.clip(start[moving], lowest + 1e-6, highest - 1e-6)
    found = least_squares(
        residuals,
        inside,
        jac=jacobian,
        bounds=(lowest, highest),
        xtol=TOLERANCE,
        ftol=TOLERANCE,
        gtol=TOLERANCE,
        max_nfev=MAX_EVALUATIONS,
    )
    return spread(found.x), found.status > 0
