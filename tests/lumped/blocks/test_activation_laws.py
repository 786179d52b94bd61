from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from lumped.blocks.activation_laws import activation
from lumped.blocks.record import Blood
from lumped.blocks.rhythms import RHYTHMS

T = 60.0 / 130.0


def curve(kind: str, times: np.ndarray, period: float = T, **values: float) -> np.ndarray:
    record = RHYTHMS[kind]
    p = np.array(record.pack(record.complete(values), Blood()))
    return np.array([activation(record.law, p, 0, t, period) for t in times])


SHAPES = {
    "sine_squared": {"start": 0.04, "start_share": 0.09, "duration": 0.16, "duration_share": 0.2},
    "half_cosine": {"start": -0.02, "contraction": 0.15, "relaxation_share": 0.2},
    "double_hill": {"start_share": 0.8},
    "fourier": {"mean": 0.3, "cosine_1": -0.2, "sine_2": 0.1},
}


@pytest.mark.parametrize("kind", SHAPES)
def test_repeats_with_the_beat_and_has_no_jump(kind: str) -> None:
    times = np.linspace(0.0, T, 4001)
    once = curve(kind, times, **SHAPES[kind])
    assert curve(kind, times + 3.0 * T, **SHAPES[kind]) == pytest.approx(once, abs=1e-8)
    assert np.abs(np.diff(once)).max() < 0.01
    assert once[0] == pytest.approx(once[-1], abs=1e-8)


@pytest.mark.parametrize("kind", ["sine_squared", "half_cosine", "double_hill"])
def test_goes_from_rest_to_full_contraction(kind: str) -> None:
    once = curve(kind, np.linspace(0.0, T, 20001), **SHAPES[kind])
    assert once.min() >= 0.0
    assert once.max() == pytest.approx(1.0, abs=1e-6)


def test_systole_of_the_ventricle_of_the_cc0_neonate() -> None:
    """It starts 10 ms after the atrium's, which takes 0.03 s + 0.09 T; it takes 0.16 s + 0.2 T, and peaks midway."""
    start, duration = 0.04 + 0.09 * T, 0.16 + 0.2 * T
    times = np.array([start - 1e-3, start + 0.5 * duration, start + duration + 1e-3, start + duration / 6.0])
    assert curve("sine_squared", times, **SHAPES["sine_squared"]) == pytest.approx([0.0, 1.0, 0.0, 0.25])


def test_half_cosine_peaks_where_contraction_ends() -> None:
    end = -0.02 + 0.15
    times = np.array([end, end - 0.075, end + 0.1 * T, end + 0.2 * T + 1e-4])
    assert curve("half_cosine", times, **SHAPES["half_cosine"]) == pytest.approx(
        [1.0, 0.5, 0.5, 0.0], abs=1e-12
    )


def test_double_hill_of_the_left_ventricle() -> None:
    """With the published exponents the top lies between the two half-times and its value is exactly one."""
    record = RHYTHMS["double_hill"]
    p = np.array(record.pack(record.complete({}), Blood()))
    found = minimize_scalar(
        lambda s: -activation(record.law, p, 0, s, 1.0), bounds=(0.2, 0.5), options={"xatol": 1e-10}
    )
    assert -found.fun == pytest.approx(1.0, abs=1e-9)
    assert 0.269 < found.x < 0.452
    halves = p[6] * np.array([0.5 / (1.0 + (0.269 / 0.452) ** 27.4)])
    assert activation(record.law, p, 0, 0.269, 1.0) == pytest.approx(halves[0], rel=1e-12)


def test_fourier_series_term_by_term() -> None:
    t = np.linspace(0.0, T, 50)
    expected = 0.3 - 0.2 * np.cos(2.0 * math.pi * t / T) + 0.1 * np.sin(4.0 * math.pi * t / T)
    assert curve("fourier", t, **SHAPES["fourier"]) == pytest.approx(expected, abs=1e-14)


def test_systole_takes_a_larger_share_of_a_fast_beat() -> None:
    def share(period: float) -> float:
        once = curve("sine_squared", np.linspace(0.0, period, 5000), period, **SHAPES["sine_squared"])
        return float((once > 0.0).mean())

    assert share(0.35) == pytest.approx(0.16 / 0.35 + 0.2, abs=2e-3)
    assert share(0.35) > share(0.6)


@pytest.mark.parametrize("kind", SHAPES)
def test_derivative_in_the_period_by_complex_step(kind: str) -> None:
    record = RHYTHMS[kind]
    p = np.array(record.pack(record.complete(SHAPES[kind]), Blood()))
    for t in (0.05, 0.13, 0.21, 0.4):
        stepped = activation(record.law, p, 0, complex(t), complex(T, 1e-30)).imag / 1e-30
        h = 1e-6
        central = (activation(record.law, p, 0, t, T + h) - activation(record.law, p, 0, t, T - h)) / (
            2.0 * h
        )
        assert stepped == pytest.approx(central, rel=1e-5, abs=1e-7)
