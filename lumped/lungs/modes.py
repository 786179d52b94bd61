"""Ventilator modes and breathing as records, and the phases that a breath consists of.

| mode                        | airway opening                                      | muscle              |
|-----------------------------|-----------------------------------------------------|---------------------|
| `SpontaneousBreathing`      | atmosphere                                          | half sine over Ti   |
| `ContinuousPressure` (CPAP) | constant pressure                                   | half sine over Ti   |
| `PressureSupport` (PS)      | PEEP, raised by the support during the child's Ti   | half sine over Ti   |
| `PressureControl` (PC)      | PEEP and peak pressure by the clock                 | none                |
| `VolumeControl` (VC)        | constant flow by the clock, a pause, then PEEP      | none                |
| `HighFrequencyOscillation`  | mean pressure with a sine on it                     | none                |

Pressure support ends with the child's inspiration, as an ideally synchronised ventilator would. Rates are in 1/s,
pressures in Pa above the atmosphere, `fio2` is the inspired oxygen fraction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hemoplan.errors import CaseError
from lumped.gas.parameters import check_parameters, describe, parameter

ROOM_AIR = 0.21
_SHORTEST_EXPIRATION = 0.1  # share of the period that must be left to breathe out


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the breath in which the airway opening is held at a pressure, or at a flow, that is linear in time.

    Attributes:
        duration: [s].
        flow_driven: Whether `start` and `slope` are those of the flow; of the pressure otherwise.
        start: Pressure [Pa] or flow [m³/s] at the start.
        slope: Its rate of change [per s].
        muscle: Amplitude of the muscle pressure [Pa].
        muscle_frequency: omega of its sine [1/s].
        muscle_angle: Angle of the sine at the start of the phase.
    """

    duration: float
    start: float
    slope: float = 0.0
    flow_driven: bool = False
    muscle: float = 0.0
    muscle_frequency: float = 0.0
    muscle_angle: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpontaneousBreathing:
    """Breathing without help.

    Attributes:
        rate: Breaths a second [1/s].
        inspiratory_time: Ti [s].
        muscle_pressure: Peak of the inspiratory muscles [Pa].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits, or inspiration leaves no time to breathe out.
    """

    rate: float = parameter("1/min", 2.0, 150.0)
    inspiratory_time: float = parameter("s", 0.05, 10.0)
    muscle_pressure: float = parameter("cmH2O", 0.0, 100.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)
        _check_cycle(self, self.rate, self.inspiratory_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuousPressure:
    """Continuous positive airway pressure: breathing from a constant pressure.

    Attributes:
        rate: Breaths a second [1/s].
        inspiratory_time: Ti [s].
        muscle_pressure: Peak of the inspiratory muscles [Pa].
        end_expiratory_pressure: The constant airway pressure [Pa].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits, or inspiration leaves no time to breathe out.
    """

    rate: float = parameter("1/min", 2.0, 150.0)
    inspiratory_time: float = parameter("s", 0.05, 10.0)
    muscle_pressure: float = parameter("cmH2O", 0.0, 100.0)
    end_expiratory_pressure: float = parameter("cmH2O", 0.0, 30.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)
        _check_cycle(self, self.rate, self.inspiratory_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureSupport:
    """Support of the child's own breaths by a higher pressure while it breathes in.

    Attributes:
        rate: Breaths a second [1/s].
        inspiratory_time: The child's Ti [s].
        muscle_pressure: Peak of the inspiratory muscles [Pa].
        end_expiratory_pressure: PEEP [Pa].
        support: Pressure above PEEP [Pa].
        rise_time: Until the support is reached [s].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits, inspiration leaves no time to breathe out, or the rise outlasts it.
    """

    rate: float = parameter("1/min", 2.0, 150.0)
    inspiratory_time: float = parameter("s", 0.05, 10.0)
    muscle_pressure: float = parameter("cmH2O", 0.0, 100.0)
    end_expiratory_pressure: float = parameter("cmH2O", 0.0, 30.0)
    support: float = parameter("cmH2O", 0.0, 60.0)
    rise_time: float = parameter("s", 0.0, 2.0, default=0.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)
        _check_cycle(self, self.rate, self.inspiratory_time)
        _check_rise(self, self.rise_time, self.inspiratory_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureControl:
    """Breaths by the clock at a set peak pressure.

    Attributes:
        rate: Breaths a second [1/s].
        inspiratory_time: Ti [s].
        end_expiratory_pressure: PEEP [Pa].
        peak_pressure: PIP, above the atmosphere [Pa].
        rise_time: Until the peak is reached [s].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits, PEEP is not below PIP, inspiration leaves no time to breathe out, or
            the rise outlasts it.
    """

    rate: float = parameter("1/min", 2.0, 150.0)
    inspiratory_time: float = parameter("s", 0.05, 10.0)
    end_expiratory_pressure: float = parameter("cmH2O", 0.0, 30.0)
    peak_pressure: float = parameter("cmH2O", 1.0, 80.0)
    rise_time: float = parameter("s", 0.0, 2.0, default=0.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)
        _check_cycle(self, self.rate, self.inspiratory_time)
        _check_rise(self, self.rise_time, self.inspiratory_time)
        if self.end_expiratory_pressure >= self.peak_pressure:
            raise CaseError(
                "the end-expiratory pressure is not below the peak pressure",
                where=describe(self),
                value=f"PEEP {self.end_expiratory_pressure:.4g} Pa, peak {self.peak_pressure:.4g} Pa",
                expected="PEEP < peak pressure; both are above the atmosphere, the peak is not above PEEP",
                remedy="if you have the pressure above PEEP, add PEEP to it",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeControl:
    """Breaths by the clock at a set volume, delivered at constant flow.

    Attributes:
        rate: Breaths a second [1/s].
        inspiratory_time: Ti without the pause [s].
        tidal_volume: Delivered volume [m³].
        end_expiratory_pressure: PEEP [Pa].
        pause: End-inspiratory pause, without flow [s].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits, or inspiration and pause leave no time to breathe out.
    """

    rate: float = parameter("1/min", 2.0, 150.0)
    inspiratory_time: float = parameter("s", 0.05, 10.0)
    tidal_volume: float = parameter("mL", 0.5, 1500.0)
    end_expiratory_pressure: float = parameter("cmH2O", 0.0, 30.0)
    pause: float = parameter("s", 0.0, 3.0, default=0.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)
        _check_cycle(self, self.rate, self.inspiratory_time + self.pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class HighFrequencyOscillation:
    """Small volumes at a high frequency around a mean pressure that keeps the lungs open.

    Attributes:
        frequency: [Hz].
        mean_pressure: [Pa].
        amplitude: Peak to peak of the pressure at the airway opening [Pa].
        fio2: Inspired oxygen fraction.

    Raises:
        CaseError: A value is outside its limits.
    """

    frequency: float = parameter("1/s", 3.0, 25.0)
    mean_pressure: float = parameter("cmH2O", 1.0, 50.0)
    amplitude: float = parameter("cmH2O", 0.0, 150.0)
    fio2: float = parameter("1", ROOM_AIR, 1.0, default=ROOM_AIR)

    def __post_init__(self) -> None:
        check_parameters(self)


type CyclicMode = (
    SpontaneousBreathing | ContinuousPressure | PressureSupport | PressureControl | VolumeControl
)
type Mode = CyclicMode | HighFrequencyOscillation


def set_pressure(mode: CyclicMode) -> float:
    """Airway pressure that the mode holds during expiration: PEEP, or zero without a ventilator [Pa]."""
    return 0.0 if isinstance(mode, SpontaneousBreathing) else mode.end_expiratory_pressure


def breath_phases(mode: CyclicMode) -> tuple[Phase, ...]:
    """The phases of one breath, inspiration first; together they last 1 / rate."""
    peep = set_pressure(mode)
    if isinstance(mode, PressureControl):
        inspiration = _rise_and_hold(peep, mode.peak_pressure, mode.rise_time, mode.inspiratory_time, 0.0)
    elif isinstance(mode, PressureSupport):
        inspiration = _rise_and_hold(
            peep, peep + mode.support, mode.rise_time, mode.inspiratory_time, mode.muscle_pressure
        )
    elif isinstance(mode, VolumeControl):
        flow = mode.tidal_volume / mode.inspiratory_time
        inspiration = [Phase(duration=mode.inspiratory_time, start=flow, flow_driven=True)]
        if mode.pause > 0.0:
            inspiration.append(Phase(duration=mode.pause, start=0.0, flow_driven=True))
    else:
        inspiration = _rise_and_hold(peep, peep, 0.0, mode.inspiratory_time, mode.muscle_pressure)
    rest = 1.0 / mode.rate - sum(each.duration for each in inspiration)
    return (*inspiration, Phase(duration=rest, start=peep))


def _rise_and_hold(low: float, high: float, rise: float, duration: float, muscle: float) -> list[Phase]:
    """A ramp from one pressure to another and a plateau, while the muscle makes a half sine over both."""
    frequency = math.pi / duration
    phases = []
    if rise > 0.0:
        phases.append(
            Phase(
                duration=rise,
                start=low,
                slope=(high - low) / rise,
                muscle=muscle,
                muscle_frequency=frequency,
            )
        )
    if rise < duration:
        phases.append(
            Phase(
                duration=duration - rise,
                start=high,
                muscle=muscle,
                muscle_frequency=frequency,
                muscle_angle=frequency * rise,
            )
        )
    return phases


def _check_cycle(mode: object, rate: float, inspiration: float) -> None:
    """Refuse an inspiration that leaves less than a tenth of the period to breathe out."""
    period = 1.0 / rate
    longest = (1.0 - _SHORTEST_EXPIRATION) * period
    if inspiration > longest * (1.0 + 1e-12):
        raise CaseError(
            "the inspiratory time leaves no time to breathe out",
            where=describe(mode),
            value=f"inspiration {inspiration:.3g} s in a period of {period:.3g} s ({60.0 * rate:.4g} 1/min)",
            expected=f"at most {longest:.3g} s at this rate",
            remedy="shorten the inspiratory time or lower the rate",
        )


def _check_rise(mode: object, rise: float, inspiration: float) -> None:
    """Refuse a rise that takes longer than inspiration."""
    if rise > inspiration:
        raise CaseError(
            "the rise time is longer than inspiration",
            where=describe(mode),
            value=f"{rise:.3g} s",
            expected=f"at most the inspiratory time, {inspiration:.3g} s",
        )
