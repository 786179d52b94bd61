"""What the data tell: the posterior about its mode, and which parameters the data see.

Near the mode the posterior is taken as normal (Laplace), with J the Jacobian of the misses with respect to the scores:

    covariance = (J'J + I)^-1

The prior has variance one in every score, so that the diagonal is the ratio of posterior to prior variance: near one
the data say nothing of a parameter, near zero they say all. Singular values of J above one are the combinations that
the data know better than the population does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hemoplan.arrays import FloatArray

UNSEEN = 0.9
"""Ratio of variances above which a parameter is frozen: the data narrow it by less than a twentieth."""
SEEN = 0.25
"""Ratio of variances below which a parameter is called identified: its standard deviation is halved at least."""
TRADED = 0.9
"""Correlation above which two parameters can be traded for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """The posterior of k scores about its mode.

    Attributes:
        covariance: (k, k).
        singular_values: (min(t, k),) of the Jacobian, the largest first.
    """

    covariance: FloatArray
    singular_values: FloatArray

    @property
    def ratios(self) -> FloatArray:
        """(k,) posterior over prior variance."""
        return np.diag(self.covariance).copy()

    @property
    def informed(self) -> int:
        """Combinations of parameters that the data know better than the population."""
        return int(np.sum(self.singular_values > 1.0))

    def trades(self, indices: Sequence[int]) -> list[tuple[int, int, float]]:
        """Pairs of parameters among some that the data tell apart poorly, with their correlation."""
        spread = np.sqrt(self.ratios)
        correlations = self.covariance / np.outer(spread, spread)
        return [
            (i, j, float(correlations[i, j]))
            for i, j in combinations(indices, 2)
            if abs(correlations[i, j]) > TRADED
        ]


def laplace(jacobian: FloatArray) -> Posterior:
    """The posterior from the (t, k) Jacobian of the misses at the mode."""
    _, sizes, right = np.linalg.svd(jacobian, full_matrices=False)
    # (J'J + I)^-1 = I - V diag(s² / (1 + s²)) V', which does not form J'J.
    known = right.T * (sizes**2 / (1.0 + sizes**2))
    covariance = np.eye(jacobian.shape[1]) - known @ right
    return Posterior(covariance=covariance, singular_values=sizes)
