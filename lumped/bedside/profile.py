"""How well one parameter is known when all others may give way: the profile of the posterior.

For each score of one factor the others are fitted anew; the rise of the cost over its minimum,

    rise(z) = min over the others of cost(z, others) - cost at the mode,

is z²/s² where the posterior is normal with standard deviation s, and the interval where it stays below 1.645² = 2.706
is then that of Laplace. Where it is not, the profile is to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from lumped.bedside.calibration import HALF_WIDTH
from lumped.bedside.factors import score_limits
from lumped.bedside.problem import Problem, solve

RISE = HALF_WIDTH**2
"""Of the cost, at the ends of an interval that holds 90 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The profile of one factor.

    Attributes:
        factor: Name.
        scores: (p,) that were tried, in ascending order, the mode among them.
        rises: (p,) of the cost; infinite where no beat exists.
        low, high: Scores between which the rise is below `RISE`; infinite where it never gets there.
    """

    factor: str
    scores: FloatArray
    rises: FloatArray
    low: float
    high: float


def profile(problem: Problem, mode: FloatArray, index: int, *, spread: float, points: int = 4) -> Profile:
    """The profile of a factor about the mode.

    Args:
        problem: What was fitted.
        mode: (k,) scores at the minimum.
        index: Which factor.
        spread: Standard deviation of its score that Laplace gives; the profile reaches 2.5 of it each way.
        points: On each side.

    Raises:
        HemoplanError: There is no beat at the mode.
    """
    least = problem.cost(mode)
    free = np.ones(mode.size, dtype=bool)
    free[index] = False
    lowest, highest = (limit[index] for limit in score_limits(problem.forward.model, problem.forward.factors))
    found = {float(mode[index]): 0.0}
    for way in (-1.0, 1.0):
        scores = mode.copy()
        for step in range(1, points + 1):
            score = float(np.clip(mode[index] + way * 2.5 * spread * step / points, lowest, highest))
            scores[index] = score
            try:
                # Each point starts from the one before, so that the search stays in the same valley.
                scores, _ = solve(problem, scores, free=free)
                found[score] = problem.cost(scores) - least
            except HemoplanError:
                found[score] = float("inf")
                break
    order = np.array(sorted(found))
    rises = np.array([found[float(score)] for score in order])
    middle = int(np.searchsorted(order, mode[index]))
    return Profile(
        factor=problem.forward.factors[index].name,
        scores=order,
        rises=rises,
        low=_crossing(order[middle::-1], rises[middle::-1], -np.inf),
        high=_crossing(order[middle:], rises[middle:], np.inf),
    )


def _crossing(scores: FloatArray, rises: FloatArray, otherwise: float) -> float:
    """Where the rise first passes `RISE` on the way from the mode, linear in its root, which is nearly straight."""
    roots = np.sqrt(np.maximum(rises, 0.0))
    wanted = RISE**0.5
    for before, after in zip(range(scores.size), range(1, scores.size), strict=False):
        if roots[after] >= wanted:
            if not np.isfinite(roots[after]):
                return float(scores[before])
            share = (wanted - roots[before]) / (roots[after] - roots[before])
            return float(scores[before] + share * (scores[after] - scores[before]))
    return otherwise
