"""Ventilator settings: phases that fill the period, and clear refusals of impossible ones."""

import math

import pytest

from hemoplan.errors import CaseError
from lumped.lungs.mechanics import CMH2O
from lumped.lungs.modes import (
    ContinuousPressure,
    HighFrequencyOscillation,
    PressureControl,
    PressureSupport,
    SpontaneousBreathing,
    VolumeControl,
    breath_phases,
)

CONTROL = {
    "rate": 40.0 / 60.0,
    "inspiratory_time": 0.35,
    "end_expiratory_pressure": 5.0 * CMH2O,
    "peak_pressure": 17.0 * CMH2O,
}
SUPPORT = {
    "rate": 50.0 / 60.0,
    "inspiratory_time": 0.4,
    "muscle_pressure": 5.0 * CMH2O,
    "end_expiratory_pressure": 5.0 * CMH2O,
    "support": 8.0 * CMH2O,
}
VOLUME = {
    "rate": 40.0 / 60.0,
    "inspiratory_time": 0.35,
    "tidal_volume": 18e-6,
    "end_expiratory_pressure": 5.0 * CMH2O,
}
BREATHING = {"rate": 45.0 / 60.0, "inspiratory_time": 0.4, "muscle_pressure": 8.0 * CMH2O}


@pytest.mark.parametrize(
    "mode",
    [
        SpontaneousBreathing(**BREATHING),
        ContinuousPressure(**BREATHING, end_expiratory_pressure=6.0 * CMH2O),
        PressureSupport(**SUPPORT, rise_time=0.4),
        PressureControl(**CONTROL, rise_time=0.1),
        VolumeControl(**VOLUME, pause=0.1),
    ],
)
def test_phases_fill_the_period(mode) -> None:  # type: ignore[no-untyped-def]
    assert sum(each.duration for each in breath_phases(mode)) == pytest.approx(1.0 / mode.rate, rel=1e-14)


def test_muscle_sine_goes_on_over_the_ramp() -> None:
    """The half sine of the effort is one wave, whatever the ventilator does meanwhile."""
    first, second, last = breath_phases(PressureSupport(**SUPPORT, rise_time=0.1))
    assert second.muscle_angle == pytest.approx(first.muscle_frequency * 0.1)
    end = second.muscle_angle + second.muscle_frequency * second.duration
    assert end == pytest.approx(math.pi)
    assert last.muscle == 0.0


def test_volume_is_flow_times_time() -> None:
    inspiration, pause, _ = breath_phases(VolumeControl(**VOLUME, pause=0.1))
    assert inspiration.start * inspiration.duration == pytest.approx(18e-6, rel=1e-14)
    assert pause.flow_driven and pause.start == 0.0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: PressureControl(**CONTROL | {"end_expiratory_pressure": 18.0 * CMH2O}),
            "not below the peak",
        ),
        (lambda: PressureControl(**CONTROL | {"rate": 0.0}), r"\[pressure control\] rate is out of range"),
        (lambda: PressureControl(**CONTROL | {"fio2": 0.18}), r"fio2 is out of range .*0\.21 to 1"),
        (lambda: PressureControl(**CONTROL | {"fio2": 40.0}), "fio2 is out of range"),
        (lambda: PressureControl(**CONTROL | {"inspiratory_time": 1.6}), "no time to breathe out"),
        (lambda: PressureControl(**CONTROL | {"rise_time": 0.5}), "rise time is longer"),
        (lambda: PressureControl(**CONTROL | {"peak_pressure": math.nan}), "peak pressure is not a number"),
        (lambda: PressureSupport(**SUPPORT | {"support": -1.0}), "support is out of range"),
        (lambda: PressureSupport(**SUPPORT | {"rise_time": 0.41}), "rise time is longer"),
        (lambda: VolumeControl(**VOLUME | {"pause": 1.1}), "no time to breathe out"),
        (lambda: VolumeControl(**VOLUME | {"tidal_volume": 18.0}), "tidal volume is out of range"),
        (lambda: SpontaneousBreathing(**BREATHING | {"rate": 45.0}), r"value: 2700 1/min"),
        (lambda: ContinuousPressure(**BREATHING, end_expiratory_pressure=-1.0), "end expiratory pressure"),
        (
            lambda: HighFrequencyOscillation(frequency=1.0, mean_pressure=1200.0, amplitude=3000.0),
            r"\[high frequency oscillation\] frequency is out of range",
        ),
    ],
)
def test_refuses(make, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CaseError, match=text):
        make()
