"""Transmural pressure of a compartment as a function of its volume, with its slope dp/dV."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumped.compiled import inlined

LINEAR = 0
STIFFENING = 1
ELASTANCE = 2
FILLING = 3
FIBRE = 4
JUNCTION = 100
"""A node whose pressure is an unknown and that holds no volume."""
RESERVOIR = 101
"""A node whose pressure is given."""


@inlined
def transmural_pressure(law: int, p: Any, at: int, V: Any, a: Any) -> tuple[Any, Any]:
    """Transmural pressure [Pa] and its slope [Pa/m³].

    Args:
        law: One of the constants of this module.
        p: Parameters of the circulation, flat.
        at: Where this compartment's begin.
        V: Volume [m³].
        a: Activation, 0 to 1; of no effect on a vessel.
    """
    if law == LINEAR:  # p = E (V - V0);  [E, V0]
        slope = p[at] + 0.0 * V
        return (V - p[at + 1]) * slope, slope
    if law == ELASTANCE:  # p = (Ed + (Es - Ed) a) (V - V0);  [Ed, Es, V0]
        slope = p[at] + (p[at + 1] - p[at]) * a + 0.0 * V
        return (V - p[at + 2]) * slope, slope
    if law == STIFFENING:
        return _exponential(p[at], p[at + 1], p[at + 2], V)
    if law == FILLING:  # a Es (V - V0) + (1 - a) p_exponential;  [Es, E0, V0, Vk]
        passive, passive_slope = _exponential(p[at + 1], p[at + 2], p[at + 3], V)
        active_slope = p[at] * a
        return (
            active_slope * (V - p[at + 2]) + (1.0 - a) * passive,
            active_slope + (1.0 - a) * passive_slope,
        )
    return _fibre(p, at, V, a)


@inlined
def _exponential(E0: Any, V0: Any, Vk: Any, V: Any) -> tuple[Any, Any]:
    """p = E0 Vk (exp((V - V0) / Vk) - 1); a straight line of slope E0 below V0, where the wall is slack."""
    x = (V - V0) / Vk
    if x.real < 0.0:
        return E0 * Vk * x, E0 + 0.0 * x
    rise = np.exp(x)
    return E0 * Vk * (rise - 1.0), E0 * rise


@inlined
def _fibre(p: Any, at: int, V: Any, a: Any) -> tuple[Any, Any]:
    """One fibre wound into a thick wall: p = (sigma / 3) ln(1 + Vw / V), sigma the fibre's stress.

    sigma = T a (l - l0) / (1 - l0) + s (exp(c (l - 1)) - 1), the first part for l > l0, the second a straight
    line for l < 1, with the fibre's stretch l = ((1 + 3 V / Vw) / (1 + 3 V0 / Vw))^(1/3).
    [V0, Vw, T, l0, s, c]. Arts et al., Biophys. J. 59, 1991, DOI 10.1016/S0006-3495(91)82201-9.
    """
    V0, Vw, T, l0, s, c = p[at], p[at + 1], p[at + 2], p[at + 3], p[at + 4], p[at + 5]
    floor = 1e-3 * Vw.real
    held = V
    if V.real < floor:
        held = floor + 0.0 * V
    ratio = (1.0 + 3.0 * held / Vw) / (1.0 + 3.0 * V0 / Vw)
    stretch = np.exp(np.log(ratio) / 3.0)
    dstretch = stretch / (Vw + 3.0 * held)
    stress, dstress = 0.0 * ratio, 0.0 * ratio
    if stretch.real > l0.real:
        stress = T * a * (stretch - l0) / (1.0 - l0)
        dstress = T * a / (1.0 - l0) + 0.0 * ratio
    if stretch.real > 1.0:
        rise = np.exp(c * (stretch - 1.0))
        stress = stress + s * (rise - 1.0)
        dstress = dstress + s * c * rise
    else:
        stress = stress + s * c * (stretch - 1.0)
        dstress = dstress + s * c
    shape = np.log(1.0 + Vw / held) / 3.0
    dshape = -Vw / (3.0 * held * (held + Vw))
    slope = dstress * dstretch * shape + stress * dshape
    return stress * shape + slope * (V - held), slope
