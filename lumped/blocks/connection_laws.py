"""Flow of a connection as a function of the pressures at its ends, with the derivatives.

Every law is monotone in the pressure drop and has a continuous slope, so that Newton's method does not cycle between
an open and a closed valve: a valve's law is convex where it opens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lumped.compiled import inlined

RESISTOR = 0
LOSS = 1
VALVE = 2
SIGMOID_VALVE = 3
COLLAPSIBLE = 4
SOURCE = 5
"""A flow that is given; it follows no law."""
INERTIAL = 6
LEAFLET_VALVE = 7

SATURATED = 20.0
"""Argument beyond which tanh is one to round-off."""


@inlined
def positive_part(x: Any, width: Any) -> tuple[Any, Any]:
    """max(x, 0), rounded over 0 < x < width, with its slope.

    s = w (z³ - z⁴/2), z = x / w, which meets 0 at 0 and x - w/2 at w with two continuous derivatives. It is convex
    and nowhere negative: a closed valve is tight.
    """
    if x.real <= 0.0:
        return 0.0 * x, 0.0 * x
    if x.real >= width.real:
        return x - 0.5 * width, 1.0 + 0.0 * x
    z = x / width
    return width * z * z * z * (1.0 - 0.5 * z), z * z * (3.0 - 2.0 * z)


@inlined
def lossy_flow(R: Any, K: Any, drop: Any) -> tuple[Any, Any]:
    """The flow Q that a drop p = R Q + K |Q| Q drives, and dQ/dp: the exact inverse, R > 0, K >= 0."""
    if drop.real >= 0.0:
        root = np.sqrt(R * R + 4.0 * K * drop)
    else:
        root = np.sqrt(R * R - 4.0 * K * drop)
    return 2.0 * drop / (R + root), 1.0 / root


@inlined
def driven_flow(law: int, p: Any, at: int, pa: Any, pb: Any, pe: Any) -> tuple[Any, Any, Any, Any]:
    """Flow from a to b [m³/s] and its derivatives with respect to pa, pb and pe, of a connection without inertia.

    Args:
        law: One of the constants of this module, below INERTIAL.
        p: Parameters of the circulation, flat.
        at: Where this connection's begin.
        pa, pb: Pressures at the ends [Pa].
        pe: Pressure around the connection [Pa]; matters to a collapsible vessel alone.
    """
    drop = pa - pb
    none = 0.0 * drop
    if law == RESISTOR:  # [1 / R]
        G = p[at] + none
        return G * drop, G, -G, none
    if law == LOSS:  # [R, K forward, K backward]
        if drop.real >= 0.0:
            Q, G = lossy_flow(p[at], p[at + 1], drop)
        else:
            Q, G = lossy_flow(p[at], p[at + 2], drop)
        return Q, G, -G, none
    if law == VALVE:  # [R, K, width, leak: K of the regurgitant orifice or 0 for none]
        forward, slope = positive_part(drop, p[at + 2])
        Q, G = lossy_flow(p[at], p[at + 1], forward)
        G = G * slope
        if p[at + 3].real > 0.0:
            back, back_slope = positive_part(-drop, p[at + 2])
            leak, leak_slope = lossy_flow(p[at], p[at + 3], back)
            Q, G = Q - leak, G + leak_slope * back_slope
        return Q, G, -G, none
    if law == SIGMOID_VALVE:  # [R open, R closed, steepness]
        angle = p[at + 2] * drop
        if abs(angle.real) > SATURATED:  # to round-off; the tanh of a large complex number is not a number
            wave = none + np.sign(angle.real)
        else:
            wave = np.tanh(angle)
        shut = 1.0 / p[at + 1]
        span = 1.0 / p[at] - shut
        conductance = shut + 0.5 * span * (1.0 + wave)
        G = conductance + drop * 0.5 * span * p[at + 2] * (1.0 - wave * wave)
        return conductance * drop, G, -G, none
    # COLLAPSIBLE, [R, width]: Q = (max(pa, pe) - max(pb, pe)) / R, a vessel that pe closes from outside
    G = 1.0 / p[at]
    upstream, upstream_slope = positive_part(pa - pe, p[at + 1])
    downstream, downstream_slope = positive_part(pb - pe, p[at + 1])
    da, db = G * upstream_slope, -G * downstream_slope
    return G * (upstream - downstream), da, db, -da - db


@inlined
def inertial_rate(p: Any, at: int, pa: Any, pb: Any, Q: Any) -> tuple[Any, Any, Any]:
    """dQ/dt of L dQ/dt = pa - pb - R Q - K |Q| Q, with d/dpa (= -d/dpb) and d/dQ; [R, K forward, K backward, L]."""
    R, K, L = p[at], p[at + 1], p[at + 3]
    size = Q
    if Q.real < 0.0:
        size = -Q
        K = p[at + 2]
    return (pa - pb - R * Q - K * size * Q) / L, 1.0 / L + 0.0 * Q, -(R + 2.0 * K * size) / L


@inlined
def leaflet_rates(
    p: Any, at: int, pa: Any, pb: Any, Q: Any, opening: Any
) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """Rates of flow and opening of a valve with leaflets that take time to move.

    With the area A = A0 + (A1 - A0) z, z the opening:

        (rho l / A) dQ/dt = pa - pb - R Q - rho |Q| Q / (2 A²)
        dz/dt = (1 - z) k1 max(pa - pb, 0) - z k2 max(pb - pa, 0)

    [A1 open, A0 closed, l, rho, k1, k2, R]; A0 > 0 is what leaks. Mynard et al., Int. J. Numer. Methods Biomed. Eng.
    28, 2012, DOI 10.1002/cnm.1466.

    Returns:
        dQ/dt, its derivatives with respect to pa, Q and z; dz/dt, its derivatives with respect to pa and z.
    """
    A1, A0, length, rho, k1, k2, R = p[at], p[at + 1], p[at + 2], p[at + 3], p[at + 4], p[at + 5], p[at + 6]
    A = A0 + (A1 - A0) * opening
    drop = pa - pb
    size = Q
    if Q.real < 0.0:
        size = -Q
    inverse_L = A / (rho * length)
    net = drop - R * Q - rho * size * Q / (2.0 * A * A)
    dQ = -(R + rho * size / (A * A)) * inverse_L
    dz = (A1 - A0) * (net / (rho * length) + inverse_L * rho * size * Q / (A * A * A))
    if drop.real >= 0.0:
        speed, dspeed, self_slope = (1.0 - opening) * k1 * drop, (1.0 - opening) * k1, -k1 * drop
    else:
        speed, dspeed, self_slope = opening * k2 * drop, opening * k2, k2 * drop
    return net * inverse_L, inverse_L, dQ, dz, speed, dspeed, self_slope
