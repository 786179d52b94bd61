"""The velocity over an inlet with a prescribed flow: one profile, or one for each harmonic of a pulsating flow."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from cfd.elements import Elements
from cfd.inlet_profile import oscillating_outflow, unit_outflow
from hemoplan.arrays import ComplexArray, FloatArray, IntArray
from hemoplan.patch import Patch
from hemoplan.waveform import Waveform

HARMONICS = 16
"""Of a pulsating flow that have profiles of their own; what is left, less than a hundredth of a flow, shares one."""
SAMPLES = 2048
"""Of a waveform over a cycle, for its harmonics."""


class InletFlow(Protocol):
    """Velocity u = sum_j c_j(Q, t) s_j over an inlet, whose flux into the domain is exactly Q.

    Attributes:
        nodes: (k,) local nodes of the inlet.
        shapes: (m, k, d) s_j [1/m²].
    """

    nodes: IntArray
    shapes: FloatArray

    def coefficients(self, inflow: float, time: float) -> FloatArray:
        """(m,) c_j [m³/s] for a flow into the domain [m³/s] at a time [s]."""
        ...


class SteadyShape:
    """One profile at all times.

    Args:
        elements: Elements of the velocity.
        inlet: The patch.
        layer: Thickness of the boundary layer [m]; developed flow if None, see `cfd.inlet_profile`.
    """

    def __init__(self, elements: Elements, inlet: Patch, *, layer: float | None) -> None:
        self.nodes, outflow = unit_outflow(elements, inlet, layer=layer)
        self.shapes: FloatArray = -outflow[np.newaxis]

    def coefficients(self, inflow: float, time: float) -> FloatArray:
        """(1,) the flow [m³/s]."""
        return np.array([inflow])


class WomersleyShape:
    """Fully developed pulsating flow: the parabola for the mean, and Womersley's profile for each harmonic.

    With Q(t) = Q_0 + Re sum_n Q_n e^(i n omega t) + q(t) and profiles s_n of unit flux (`oscillating_outflow`),

        u = Q_0 s_0 + Re sum_n Q_n s_n e^(i n omega t) + q s,

    where s, flat but for the boundary layer of the last harmonic, carries what the harmonics leave.

    Source: J. R. Womersley, J. Physiol. 127 (1955) 553–563, DOI 10.1113/jphysiol.1955.sp005276.

    Args:
        elements: Elements of the velocity.
        inlet: The patch, of any shape.
        waveform: Flow into the domain [m³/s].
        viscosity: Kinematic viscosity nu [m²/s].
    """

    def __init__(self, elements: Elements, inlet: Patch, *, waveform: Waveform, viscosity: float) -> None:
        self._omega = 2.0 * math.pi / waveform.period
        self._mean, self._amplitudes = harmonics_of(waveform, HARMONICS)
        self.nodes, developed = unit_outflow(elements, inlet)
        layers = np.sqrt(viscosity / (self._omega * np.arange(1, HARMONICS + 1)))
        waves = [oscillating_outflow(elements, inlet, layer=float(layer))[1] for layer in layers]
        _, rest = unit_outflow(elements, inlet, layer=float(layers[-1]))
        parts = [part for wave in waves for part in (wave.real, wave.imag)]
        self.shapes: FloatArray = -np.array([developed, *parts, rest])

    def coefficients(self, inflow: float, time: float) -> FloatArray:
        """(m,) mean, real and imaginary part of each harmonic's shape, and the rest [m³/s]."""
        orders = np.arange(1, HARMONICS + 1)
        phasors = self._amplitudes * np.exp(1j * self._omega * orders * time)
        rest = inflow - self._mean - float(phasors.real.sum())
        pairs = np.column_stack([phasors.real, -phasors.imag])
        return np.concatenate([[self._mean], pairs.ravel(), [rest]])


def harmonics_of(waveform: Waveform, count: int) -> tuple[float, ComplexArray]:
    """Mean, and complex amplitudes Q_n of the first harmonics Re Q_n e^(i n omega t)."""
    times = waveform.period / SAMPLES * np.arange(SAMPLES, dtype=np.float64)
    spectrum = np.fft.rfft(waveform.sample(times)) / SAMPLES
    return float(spectrum[0].real), np.asarray(2.0 * spectrum[1 : count + 1])
