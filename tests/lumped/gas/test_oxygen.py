"""The dissociation curve against published tables, its derivative and its inverse."""

import math

import numpy as np
import pytest

from hemoplan.units import MMHG
from lumped.gas.oxygen import (
    ADULT_P50,
    BODY_TEMPERATURE,
    FETAL_P50,
    oxygen_content,
    oxygen_pressure,
    p50_shift,
    pressure_at_saturation,
    saturation,
    severinghaus,
)

TABLE_PO2 = (20.0, 30.0, 40.0, 60.0, 100.0)
STANDARD_P50 = 26.86 * MMHG


@pytest.mark.parametrize(
    ("p50", "table"),
    [
        (STANDARD_P50, (0.3198, 0.5738, 0.7495, 0.9058, 0.9775)),
        (19.4 * MMHG, (0.5204, 0.7690, 0.8839, 0.9616, 0.9913)),
    ],
)
def test_published_saturations(p50: float, table: tuple[float, ...]) -> None:
    found = [severinghaus(po2 * MMHG, p50)[0] for po2 in TABLE_PO2]
    assert found == pytest.approx(table, abs=0.51e-4)


@pytest.mark.parametrize("po2", [5.0, 10.0, 15.0, 20.0, 26.86, 35.0, 50.0, 70.0, 100.0, 150.0, 300.0])
def test_another_fit_of_the_standard_curve(po2: float) -> None:
    """Siggaard-Andersen et al., Clin. Chem. 30, 1984, fit the same data; Severinghaus states 0.0055 for his curve."""
    x, x0, h, k = math.log(po2 * MMHG / 1000.0), 1.946, 3.5, 0.5343
    y = 1.875 + (x - x0) + h * math.tanh(k * (x - x0))
    assert severinghaus(po2 * MMHG, STANDARD_P50)[0] == pytest.approx(1.0 / (1.0 + math.exp(-y)), abs=0.0055)


@pytest.mark.parametrize("p50", [15.0 * MMHG, FETAL_P50, ADULT_P50, 40.0 * MMHG])
def test_half_saturated_at_p50(p50: float) -> None:
    assert severinghaus(p50, p50)[0] == pytest.approx(0.5, abs=1e-4)


def test_blood_of_a_newborn_is_half_saturated_at_20_mmhg() -> None:
    """Four fifths of fetal haemoglobin give the P50 of 20 mmHg that newborns have."""
    assert saturation(20.0 * MMHG, 1.0, 0.8)[0] == pytest.approx(0.5, abs=0.003)


def test_p50_shifts_as_stated() -> None:
    """Each shift alone, as log10: acid, CO2 and warmth move the curve to the right."""
    normal = 7.4, 40.0 * MMHG, BODY_TEMPERATURE
    assert p50_shift(*normal)[0] == pytest.approx(1.0, abs=1e-15)
    for change, exponent in (
        ((-0.2, 0.0, 0.0), 0.096),
        ((0.0, 20.0 * MMHG, 0.0), 0.03),
        ((0.0, 0.0, -3.5), -0.084),
    ):
        conditions = [a + b for a, b in zip(normal, change, strict=True)]
        assert math.log10(p50_shift(*conditions)[0]) == pytest.approx(exponent, abs=1e-12)


def test_p50_of_shifted_curve_is_shifted_p50() -> None:
    shift = p50_shift(7.2, 60.0 * MMHG, 311.0)[0]
    assert saturation(ADULT_P50 * shift, shift)[0] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("po2", [0.0, 1.0, 300.0, 2700.0, 9000.0, 60000.0])
@pytest.mark.parametrize("fetal", [0.0, 0.6, 1.0])
def test_derivative_by_complex_step(po2: float, fetal: float) -> None:
    step = 1e-30
    shifted = oxygen_content(complex(po2, step), 170.0, 1.1, fetal)[0]
    assert oxygen_content(po2, 170.0, 1.1, fetal)[1] == pytest.approx(shifted.imag / step, rel=1e-13)


def test_derivatives_of_the_shift() -> None:
    step = 1e-30
    _, per_ph, per_pco2 = p50_shift(7.3, 6000.0, 310.0)
    assert per_ph == pytest.approx(p50_shift(complex(7.3, step), 6000.0, 310.0)[0].imag / step, rel=1e-13)
    assert per_pco2 == pytest.approx(p50_shift(7.3, complex(6000.0, step), 310.0)[0].imag / step, rel=1e-13)


def test_tangent_below_zero_is_continuous() -> None:
    above, below = oxygen_content(1e-9, 150.0), oxygen_content(-1e-9, 150.0)
    assert below[0] == pytest.approx(-above[0], rel=1e-9)
    assert below[1] == pytest.approx(above[1], rel=1e-9)
    assert oxygen_pressure(oxygen_content(-200.0, 150.0)[0], 150.0) == pytest.approx(-200.0, rel=1e-12)


def test_arterial_content_of_an_adult() -> None:
    """15 g/dL at 97.5 % and 100 mmHg: 1.36 · 15 · 0.975 + 0.31 = 20.2 mL/dL."""
    assert 100.0 * oxygen_content(100.0 * MMHG, 150.0, 1.0, 0.0, STANDARD_P50)[0] == pytest.approx(
        20.25, abs=0.05
    )


def test_inverse_never_fails() -> None:
    """From nearly no oxygen to hyperbaric, from anaemia to polycythaemia, for every mix and shift."""
    random = np.random.default_rng(7)
    worst = 0.0
    for _ in range(20_000):
        po2 = 10.0 ** random.uniform(-6.0, 5.6)
        hemoglobin, fetal = random.uniform(0.0, 300.0), random.uniform(0.0, 1.0)
        shift = 10.0 ** random.uniform(-0.4, 0.4)
        content = oxygen_content(po2, hemoglobin, shift, fetal)[0]
        back = oxygen_content(oxygen_pressure(content, hemoglobin, shift, fetal), hemoglobin, shift, fetal)[0]
        worst = max(worst, abs(back / content - 1.0))
    assert worst < 1e-12


@pytest.mark.parametrize("s", [1e-9, 0.01, 0.3, 0.5, 0.75, 0.97, 0.9999])
def test_pressure_at_saturation(s: float) -> None:
    assert severinghaus(pressure_at_saturation(s, ADULT_P50), ADULT_P50)[0] == pytest.approx(s, rel=1e-12)
