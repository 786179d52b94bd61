"""Synthetic newborns, drawn from the prior, measured with 5 % noise, fitted: intervals hold as often as they say."""

import numpy as np
import pytest

from .newborns import trial


def check(found, low, high):
    identified = found.verdicts == "identified"
    # In most children most factors are identified; an empty claim would pass what follows.
    assert identified.mean() > 0.4
    assert np.median(np.abs(found.errors[identified])) <= 0.10
    assert low <= found.inside.mean() <= high
    assert low - 0.02 <= found.inside[identified].mean() <= high + 0.02


def test_forty_newborns():
    # Factors of one child err together: with about four independent ones, 0.9 ± 0.024 is what chance allows.
    found = trial(40)
    check(found, 0.83, 0.97)
    # Misfit and departure together follow chi-squared, so that plausibilities spread evenly over 0 to 1.
    assert 0.3 <= found.plausibilities.mean() <= 0.7


@pytest.mark.slow
def test_two_hundred_newborns():
    found = trial(200, seed=5)
    check(found, 0.85, 0.95)
    assert (found.plausibilities < 0.05).mean() <= 0.12
