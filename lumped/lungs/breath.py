"""The periodic breath: volumes, flows and pressures of a respiratory system under a mode of ventilation.

With a linear tube the system is linear between the switches of the ventilator, and each phase is solved exactly by the
matrix exponential of the volumes together with what drives them (a ramp and a sine). The start of the periodic breath
is the fixed point of one breath. With Rohrer's tube, K1 Q + K2 |Q| Q, the same equations are marched by the classical
Runge–Kutta method, the flow at the airway opening being the root of a quadratic, until a breath repeats itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import simpson
from scipy.interpolate import CubicHermiteSpline
from scipy.linalg import expm

from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError
from lumped.lungs.breath_kernel import march
from lumped.lungs.mechanics import RespiratorySystem
from lumped.lungs.modes import (
    CyclicMode,
    HighFrequencyOscillation,
    Mode,
    Phase,
    breath_phases,
    set_pressure,
)
from lumped.lungs.tube import NO_TUBE, RohrerTube

INTERVALS = 200
"""Sampling intervals of a phase; an even number."""

_MOST_BREATHS = 5000
_REPEATS = 1e-13
_MOST_STEPS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Breath:
    """One breath in the periodic state. Where the ventilator switches, two samples share the same time.

    Attributes:
        times: (m,) from the start of inspiration [s].
        airway_pressure: (m,) at the airway opening [Pa].
        flow: (m,) into the lungs [m³/s].
        volumes: (m, n) of the compartments above relaxation [m³].
        alveolar_pressure: (m, n) [Pa].
        pleural_pressure: (m,) [Pa].
        period: [s].
        tidal_volume: Greatest less least lung volume [m³].
        peak_pressure: Greatest airway pressure [Pa].
        mean_airway_pressure: [Pa].
        mean_pleural_pressure: [Pa].
        mean_lung_volume: Gas in the lungs, with the functional residual capacity [m³].
        end_expiratory_volume: Gas in the lungs at the end of the breath [m³].
        auto_peep: Pressure of the occluded airway at the end of expiration, above the set pressure [Pa].
    """

    times: FloatArray
    airway_pressure: FloatArray
    flow: FloatArray
    volumes: FloatArray
    alveolar_pressure: FloatArray
    pleural_pressure: FloatArray
    period: float
    tidal_volume: float
    peak_pressure: float
    mean_airway_pressure: float
    mean_pleural_pressure: float
    mean_lung_volume: float
    end_expiratory_volume: float
    auto_peep: float

    @property
    def minute_ventilation(self) -> float:
        """Tidal volume over period [m³/s]."""
        return self.tidal_volume / self.period

    def alveolar_ventilation(self, dead_space: float) -> float:
        """Ventilation beyond the dead space [m³], (VT - VD) / T; zero where VT does not reach beyond it [m³/s]."""
        return max(self.tidal_volume - dead_space, 0.0) / self.period


@dataclass(frozen=True, slots=True)
class _Span:
    """Samples of one phase: times (k,), volumes (k, n), their rates (k, n), airway and muscle pressure (k,)."""

    times: FloatArray
    volumes: FloatArray
    rates: FloatArray
    airway: FloatArray
    muscle: FloatArray


def solve_breath(system: RespiratorySystem, mode: Mode, tube: RohrerTube = NO_TUBE) -> Breath:
    """The periodic breath of a respiratory system under a mode, through a tube.

    Raises:
        DivergenceError: The breath does not become periodic (time constants of many thousand breaths), or the time
            constants of the compartments differ so much that the nonlinear tube cannot be marched.
    """
    if isinstance(mode, HighFrequencyOscillation):
        return _oscillate(system, mode, tube)
    phases = breath_phases(mode)
    start = _periodic_start(system, phases, tube.linear)
    if tube.quadratic == 0.0:
        spans = _exact_breath(system, phases, tube.linear, start)
    else:
        spans = _marched_breath(system, phases, tube, start)
    return _summary(system, mode, tube, phases, spans)


def _generator(system: RespiratorySystem, phase: Phase, added: float) -> FloatArray:
    """(n + 4, n + 4) matrix A of x' = A x with x = (volumes, drive, its slope, muscle, its slope)."""
    n = len(system.compartments)
    E, ones = system.elastance_matrix(), np.ones(n)
    A = np.zeros((n + 4, n + 4))
    if phase.flow_driven:
        g = 1.0 / np.array([each.resistance for each in system.compartments])
        A[:n, :n] = -(np.diag(g) - np.outer(g, g) / g.sum()) @ E
        A[:n, n] = g / g.sum()
    else:
        M = system.resistance_matrix(added)
        A[:n, :n] = -np.linalg.solve(M, E)
        A[:n, n] = np.linalg.solve(M, ones)
        A[:n, n + 2] = A[:n, n]
    A[n, n + 1] = 1.0
    A[n + 2, n + 3] = 1.0
    A[n + 3, n + 2] = -(phase.muscle_frequency**2)
    return A


def _drive(phase: Phase) -> FloatArray:
    """Drive and muscle pressure with their slopes at the start of a phase, (4,)."""
    omega, angle = phase.muscle_frequency, phase.muscle_angle
    muscle = (phase.muscle * math.sin(angle), phase.muscle * omega * math.cos(angle))
    return np.array([phase.start, phase.slope, *muscle])


def _periodic_start(system: RespiratorySystem, phases: tuple[Phase, ...], added: float) -> FloatArray:
    """(n,) volumes that one breath through a linear tube brings back to themselves."""
    n = len(system.compartments)
    whole, offset = np.eye(n), np.zeros(n)
    for phase in phases:
        step = expm(_generator(system, phase, added) * phase.duration)
        offset = step[:n, :n] @ offset + step[:n, n:] @ _drive(phase)
        whole = step[:n, :n] @ whole
    return np.asarray(np.linalg.solve(np.eye(n) - whole, offset), dtype=np.float64)


def _exact_breath(
    system: RespiratorySystem, phases: tuple[Phase, ...], added: float, start: FloatArray
) -> list[_Span]:
    """One breath by matrix exponentials."""
    n = len(system.compartments)
    spans, volumes, begin = [], start, 0.0
    for phase in phases:
        A = _generator(system, phase, added)
        step = expm(A * (phase.duration / INTERVALS))
        x = np.empty((INTERVALS + 1, n + 4))
        x[0] = np.concatenate([volumes, _drive(phase)])
        for k in range(INTERVALS):
            x[k + 1] = step @ x[k]
        volumes = x[-1, :n]
        spans.append(_span(system, phase, added, begin, x[:, :n], (x @ A.T)[:, :n]))
        begin += phase.duration
    return spans


def _span(
    system: RespiratorySystem,
    phase: Phase,
    added: float | FloatArray,
    begin: float,
    volumes: FloatArray,
    rates: FloatArray,
) -> _Span:
    """Samples of a phase with the pressures that belong to the volumes; `added` is the tube's dP/Q at each sample."""
    since = np.linspace(0.0, phase.duration, volumes.shape[0])
    muscle = phase.muscle * np.sin(phase.muscle_frequency * since + phase.muscle_angle)
    if phase.flow_driven:
        first = volumes @ system.elastance_matrix()[0] + system.compartments[0].resistance * rates[:, 0]
        airway = first - muscle + (system.central_resistance + added) * rates.sum(axis=1)
    else:
        airway = phase.start + phase.slope * since
    return _Span(begin + since, volumes, rates, airway, muscle)


def _marched_breath(
    system: RespiratorySystem, phases: tuple[Phase, ...], tube: RohrerTube, start: FloatArray
) -> list[_Span]:
    """One breath through a nonlinear tube, in the periodic state."""
    E = system.elastance_matrix()
    g = 1.0 / np.array([each.resistance for each in system.compartments])
    fastest = float(np.max(np.abs(np.linalg.eigvals(np.diag(g) @ E))))
    rows, every = [], []
    for phase in phases:
        substeps = max(1, int(np.ceil(phase.duration * fastest / INTERVALS)))
        if substeps * INTERVALS > _MOST_STEPS:
            raise DivergenceError(
                "the time constants of the lung compartments are too far apart to march the breath",
                where="breath",
                value=f"fastest {1.0 / fastest:.3g} s in a phase of {phase.duration:.3g} s",
                remedy="raise the resistance or compliance of the fastest compartment",
            )
        every.append(substeps)
        rows.append(
            np.array(
                [
                    phase.duration,
                    float(phase.flow_driven),
                    phase.start,
                    phase.slope,
                    phase.muscle,
                    phase.muscle_frequency,
                    phase.muscle_angle,
                ]
            )
        )
    central, K1, K2 = system.central_resistance, tube.linear, tube.quadratic
    volumes = start
    for _ in range(_MOST_BREATHS):
        samples = []
        now = volumes
        for row, substeps in zip(rows, every, strict=True):
            kept, rates = march(now, E, g, central, K1, K2, row, substeps * INTERVALS, substeps)
            samples.append((kept, rates))
            now = kept[-1]
        largest = max(float(np.abs(kept).max()) for kept, _ in samples)
        change = float(np.abs(now - volumes).max())
        volumes = now
        if change <= _REPEATS * largest or largest == 0.0:
            break
    else:
        raise DivergenceError(
            "the breath does not become periodic",
            where="breath",
            value=f"a change of {change / largest:.2g} of the volume after {_MOST_BREATHS} breaths",
            remedy="check resistance and compliance: their product is the time constant of the lungs",
        )
    spans, begin = [], 0.0
    for phase, (kept, rates) in zip(phases, samples, strict=True):
        loss = K1 + K2 * np.abs(rates.sum(axis=1))
        spans.append(_span(system, phase, loss, begin, kept, rates))
        begin += phase.duration
    return spans


def _summary(
    system: RespiratorySystem,
    mode: CyclicMode,
    tube: RohrerTube,
    phases: tuple[Phase, ...],
    spans: list[_Span],
) -> Breath:
    """Put the samples of the phases together and take means and extremes."""
    period = 1.0 / mode.rate
    pleural = [_pleural(system, each.volumes, each.muscle) for each in spans]
    total = [each.volumes.sum(axis=1) for each in spans]

    def mean(parts: list[FloatArray]) -> float:
        sums = [simpson(part, x=span.times) for part, span in zip(parts, spans, strict=True)]
        return float(sum(sums)) / period

    extremes = []
    for volume, span in zip(total, spans, strict=True):
        curve = CubicHermiteSpline(span.times, volume, span.rates.sum(axis=1))
        turns = curve.derivative().roots(extrapolate=False)
        extremes.append(np.concatenate([volume, curve(turns[np.isfinite(turns)])]))
    reached = np.concatenate(extremes)
    volumes = np.concatenate([each.volumes for each in spans])
    pleural_pressure = np.concatenate(pleural)
    airway = np.concatenate([each.airway for each in spans])
    lungs = np.array([each.compliance for each in system.compartments])
    at_end = float(total[-1][-1])
    frc = system.functional_residual_capacity
    return Breath(
        times=np.concatenate([each.times for each in spans]),
        airway_pressure=airway,
        flow=np.concatenate([each.rates.sum(axis=1) for each in spans]),
        volumes=volumes,
        alveolar_pressure=volumes / lungs + (pleural_pressure - system.resting_pleural_pressure)[:, None],
        pleural_pressure=pleural_pressure,
        period=period,
        tidal_volume=float(reached.max() - reached.min()),
        peak_pressure=float(airway.max()),
        mean_airway_pressure=mean([each.airway for each in spans]),
        mean_pleural_pressure=mean(pleural),
        mean_lung_volume=frc + mean(total),
        end_expiratory_volume=frc + at_end,
        auto_peep=at_end / system.compliance - set_pressure(mode),
    )


def _pleural(system: RespiratorySystem, volumes: FloatArray, muscle: FloatArray) -> FloatArray:
    """Pleural pressure at each sample, (m,)."""
    wall: FloatArray = volumes.sum(axis=1) / system.chest_wall_compliance
    pressure: FloatArray = system.resting_pleural_pressure + wall - muscle
    return pressure


def _oscillate(system: RespiratorySystem, mode: HighFrequencyOscillation, tube: RohrerTube) -> Breath:
    """High-frequency oscillation by the impedances of tube, airways and compliances.

    The tube's resistance is K1 + K2 |Q| 8 / (3 pi): it takes as much energy out of a sine of amplitude |Q| as Rohrer's
    law.
    """
    omega = 2.0 * np.pi * mode.frequency
    lungs = np.array([each.compliance for each in system.compartments])
    airways = np.array([each.resistance for each in system.compartments])
    admittances = 1.0 / (airways + 1.0 / (1j * omega * lungs))
    wall = 1.0 / (1j * omega * system.chest_wall_compliance)
    beyond = 1j * omega * tube.inertance + system.central_resistance + 1.0 / admittances.sum() + wall
    half = 0.5 * mode.amplitude
    flow = half / abs(beyond + tube.linear)
    for _ in range(200):
        impedance = beyond + tube.linear + tube.quadratic * flow * 8.0 / (3.0 * np.pi)
        new = half / abs(impedance)
        # The exact flow lies between two successive values, so their geometric mean closes in on it.
        if abs(new - flow) <= 1e-14 * max(flow, 1e-30):
            break
        flow = float(np.sqrt(flow * new))
    phasor = half / impedance
    parts = phasor * admittances / admittances.sum() / (1j * omega)
    times: FloatArray = np.linspace(0.0, 1.0 / mode.frequency, INTERVALS + 1, dtype=np.float64)
    turn = np.exp(1j * omega * times)
    volumes = mode.mean_pressure * _mean_shares(system) + (turn[:, None] * parts).imag
    pleural = _pleural(system, volumes, np.zeros(times.size))
    mean_pleural = system.resting_pleural_pressure + mode.mean_pressure * system.transmission
    mean_volume = system.functional_residual_capacity + mode.mean_pressure * system.compliance
    return Breath(
        times=times,
        airway_pressure=mode.mean_pressure + half * turn.imag,
        flow=(phasor * turn).imag,
        volumes=volumes,
        alveolar_pressure=volumes / lungs + (pleural - system.resting_pleural_pressure)[:, None],
        pleural_pressure=pleural,
        period=1.0 / mode.frequency,
        tidal_volume=2.0 * abs(phasor) / omega,
        peak_pressure=mode.mean_pressure + half,
        mean_airway_pressure=mode.mean_pressure,
        mean_pleural_pressure=mean_pleural,
        mean_lung_volume=mean_volume,
        end_expiratory_volume=mean_volume,
        auto_peep=0.0,
    )


def _mean_shares(system: RespiratorySystem) -> FloatArray:
    """(n,) volume of each compartment per static airway pressure [m³/Pa]."""
    ones = np.ones(len(system.compartments))
    return np.asarray(np.linalg.solve(system.elastance_matrix(), ones), dtype=np.float64)
