"""Factors of pulmonary vascular resistance: normal values, monotone pieces, published sizes."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hemoplan.units import MMHG
from lumped.lungs.vascular_resistance import (
    hypoxic_share,
    oxygen_factor,
    pvr_factor,
    volume_factor,
)

FRC = 75e-6


def test_one_in_health() -> None:
    assert pvr_factor(FRC, FRC, 100.0 * MMHG, 7.4) == pytest.approx(1.0, rel=1e-14)
    assert pvr_factor(FRC, FRC, 100.0 * MMHG) == pytest.approx(1.0, rel=1e-14)


def test_least_at_functional_residual_capacity() -> None:
    found = minimize_scalar(lambda x: volume_factor(x * FRC, FRC), bounds=(0.3, 3.0), method="bounded")
    assert found.x == pytest.approx(1.0, rel=1e-4)
    assert found.fun == pytest.approx(1.0, rel=1e-9)


def test_volume_monotone_on_both_sides() -> None:
    volumes = np.linspace(0.3, 3.0, 271) * FRC
    factors = np.array([volume_factor(v, FRC) for v in volumes])
    below, above = factors[volumes <= FRC], factors[volumes >= FRC * (1.0 - 1e-12)]
    assert np.all(np.diff(below) < 0.0) and np.all(np.diff(above) > 0.0)
    assert 1.5 < volume_factor(0.5 * FRC, FRC) < 2.0 and 1.5 < volume_factor(2.0 * FRC, FRC) < 2.2


def test_less_oxygen_more_resistance() -> None:
    pressures = np.linspace(0.0, 600.0, 601) * MMHG
    factors = np.array([oxygen_factor(p) for p in pressures])
    assert np.all(np.diff(factors) <= 0.0) and np.all(np.diff(factors[20:200]) < 0.0)
    assert oxygen_factor(100.0 * MMHG, 7.4, 20.0 * MMHG) > 1.0


@pytest.mark.parametrize("po2", [25.0, 50.0, 100.0])
def test_acid_constricts(po2: float) -> None:
    """Acid raises the resistance, and the more the less oxygen there is (Rudolph & Yuan 1966)."""
    factors = [oxygen_factor(po2 * MMHG, ph) for ph in np.linspace(7.7, 6.9, 81)]
    assert np.all(np.diff(factors) > 0.0)
    rise = oxygen_factor(po2 * MMHG, 7.2) - oxygen_factor(po2 * MMHG, 7.4)
    assert rise >= oxygen_factor(100.0 * MMHG, 7.2) - 1.0 - 1e-12


def test_published_response_of_oxygen() -> None:
    """Marshall 1994: half of the response at 39.5 mmHg; 3.15 ± 0.18 times the resistance at a stimulus of 10 mmHg."""
    assert hypoxic_share(39.5 * MMHG, 39.5 * MMHG) == pytest.approx(0.5, abs=0.002)
    full = oxygen_factor(10.0 * MMHG, 7.4, 10.0 * MMHG) / oxygen_factor(670.0 * MMHG, 7.4, 300.0 * MMHG)
    assert full == pytest.approx(3.15, abs=0.18)


def test_venous_blood_counts_less_than_alveolar_gas() -> None:
    """The weights 0.41 and 0.59: the same factor of change acts more on the alveolar side."""
    base = hypoxic_share(60.0 * MMHG, 60.0 * MMHG)
    assert hypoxic_share(30.0 * MMHG, 60.0 * MMHG) > hypoxic_share(60.0 * MMHG, 30.0 * MMHG) > base


def test_complex_step_gives_the_slope() -> None:
    """The law takes complex numbers, so that gradients of a circulation can pass through it."""
    at = 1.4 * FRC, FRC, 6000.0, 7.3
    step = 1e-25
    for k, size in ((0, 1e-9), (2, 0.5), (3, 1e-5)):
        shifted: list[complex] = [complex(each) for each in at]
        shifted[k] += complex(0.0, step)
        up, down = list(at), list(at)
        up[k] += size
        down[k] -= size
        slope = (pvr_factor(*up) - pvr_factor(*down)) / (2.0 * size)
        assert pvr_factor(*shifted).imag / step == pytest.approx(slope, rel=1e-5)
