"""The built-in flow waveform of the ascending aorta.

A model, not a recording: four smooth pieces with the proportions of Doppler traces at a fast neonatal heart
rate. With s the phase of the cycle, s1 = 0.12 the peak, s2 = 0.40 the closure of the valve and s3 = 0.48 the
end of the backflow:

    0  <= s < s1    q = (1 - cos(pi s / s1)) / 2                          ejection rises
    s1 <= s < s2    q = cos(pi/2 (s - s1) / (s2 - s1))                    ejection falls
    s2 <= s < s3    q = -g x (1 - x)²,  x = (s - s2) / (s3 - s2)          dicrotic backflow
    s3 <= s < 1     q = 0                                                 diastole

g makes dq/ds continuous at s2, so that q is once continuously differentiable; it starts from rest. Its peak
is 4.25 times its mean, its backflow 6.6 % of the peak and 1.3 % of the stroke volume. At 140/min the ejection
lasts 171 ms and rises for 51 ms.
"""

from __future__ import annotations

import math

import numpy as np

from hemoplan.errors import BoundaryError
from hemoplan.waveform import Waveform

PEAK = 0.12
CLOSURE = 0.40
REST = 0.48
SAMPLES = 2000
"""So many that no simulation sees the corners between them, which inertia would make spikes of pressure."""


def aortic_flow(period: float, mean_flow: float) -> Waveform:
    """Flow through the aortic valve over one cycle, zero at t = 0 and in diastole.

    Args:
        period: Length of the cycle [s].
        mean_flow: Mean flow [m³/s], which the mean of the waveform equals to rounding.

    Raises:
        BoundaryError: The period or the mean flow is not a positive number.
    """
    for name, value, unit in (("period", period, "s"), ("mean flow", mean_flow, "m³/s")):
        if not (math.isfinite(value) and value > 0.0):
            raise BoundaryError(
                f"the {name} of the aortic waveform is impossible",
                where="inflow",
                value=f"{value:g} {unit}",
                expected="a positive number",
            )
    s = np.arange(SAMPLES) / SAMPLES
    x = (s - CLOSURE) / (REST - CLOSURE)
    slope = 0.5 * math.pi * (REST - CLOSURE) / (CLOSURE - PEAK)
    shape = np.select(
        [s < PEAK, s < CLOSURE, s < REST],
        [
            0.5 * (1.0 - np.cos(np.pi * s / PEAK)),
            np.cos(0.5 * np.pi * (s - PEAK) / (CLOSURE - PEAK)),
            -slope * x * (1.0 - x) ** 2,
        ],
        default=0.0,
    )
    waveform = Waveform(s * period, shape, period)
    return waveform.scaled(mean_flow / waveform.mean())
