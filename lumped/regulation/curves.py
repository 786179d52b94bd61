"""Laws of regulation: a factor as a function of what is sensed. Each is smooth, monotone, and one at its set point."""

from __future__ import annotations

import math


def logistic_factor(error: float, gain: float, least: float, greatest: float) -> float:
    """The sigmoid of the baroreflex, by its slope at the set point instead of its midpoint.

        f(x) = L + (G - L) / (1 + (G - 1) / (1 - L) exp(-x / w)),    w = (1 - L) (G - 1) / ((G - L) k)

    so that f(0) = 1 and f'(0) = k. A four-parameter logistic, with which baroreflex curves are described: Ricketts &
    Head, Am. J. Physiol. 277, 1999, DOI 10.1152/ajpregu.1999.277.2.R441.

    Args:
        error: x, what is sensed less its set point [Pa].
        gain: k, slope there [1/Pa]; negative for a factor that falls.
        least: L, below 1.
        greatest: G, above 1.
    """
    if gain == 0.0:
        return 1.0
    width = (1.0 - least) * (greatest - 1.0) / ((greatest - least) * gain)
    exponent = min(max(-error / width, -700.0), 700.0)
    return least + (greatest - least) / (1.0 + (greatest - 1.0) / (1.0 - least) * math.exp(exponent))


def plateau_factor(
    pressure: float, *, normal: float, lower: float, upper: float, strength: float, rounding: float
) -> float:
    """Resistance that keeps a flow constant while the pressure that drives it is between two limits.

        f(p) = (s(p) / s(p0))^a,    s(p) = p limited to [p1, p2], with corners rounded over w

    With a = 1 the flow p / (f R) is constant between the limits, and proportional to the pressure outside.

    Args:
        pressure: p [Pa].
        normal: p0, pressure at which the factor is one [Pa].
        lower, upper: p1 and p2 [Pa].
        strength: a, 0 for vessels that do nothing.
        rounding: w [Pa].
    """

    def limited(p: float) -> float:
        return lower + _soft_positive(p - lower, rounding) - _soft_positive(p - upper, rounding)

    return float((limited(pressure) / limited(normal)) ** strength)


def _soft_positive(x: float, width: float) -> float:
    """max(x, 0) with a corner of a width: w ln(1 + exp(x / w))."""
    return max(x, 0.0) + width * math.log1p(math.exp(-abs(x) / width))
