"""pH against definitions, a blood-gas analyser's own formula, Stewart's model and a neonatal model's output."""

import math

import numpy as np
import pytest

from hemoplan.units import MMHG
from lumped.gas.acid_base import (
    base_excess,
    bicarbonate,
    bicarbonate_of_base_excess,
    ph_at_temperature,
    ph_of_base_excess,
    ph_of_bicarbonate,
    ph_of_strong_ions,
    pressure_at_body_temperature,
    strong_ion_difference,
)

NORMAL_PCO2 = 40.0 * MMHG


def analyser_base_excess(ph: float, pco2: float, hemoglobin: float) -> float:
    """cBase(B) of the Radiometer ABL800 reference manual (Siggaard-Andersen's nomogram), Hb in mmol/L, PCO2 in kPa."""
    hb, pressure = hemoglobin / 16.114, pco2 / 1000.0
    a = 4.04e-3 + 4.25e-4 * hb
    ph_hb = 4.06e-2 * hb + 5.98 - 1.92 * 10.0 ** (-0.16169 * hb)
    log_hb = -1.7674e-2 * hb + 3.4046 + 2.12 * 10.0 ** (-0.15158 * hb)
    slope = (ph_hb - ph) / (log_hb - math.log10(7.5006 * pressure))
    standard_ph = ph + math.log10(5.33 / pressure) * slope
    standard = 0.23 * 5.33 * 10.0 ** ((standard_ph - 6.161) / 0.9524)
    b = (8.0 * a - 0.919) / a
    return 0.5 * b + 0.5 * math.sqrt(b**2 - 4.0 * (24.47 - standard) / a)


def test_base_excess_is_zero_where_it_is_defined_to_be() -> None:
    for hemoglobin in (0.0, 100.0, 180.0):
        assert base_excess(7.4, NORMAL_PCO2, hemoglobin) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("hemoglobin", [100.0, 150.0, 190.0])
def test_agrees_with_an_analyser(hemoglobin: float) -> None:
    """Another form of the same titrations: 0.35 mmol/L apart on average, nowhere more than 1.3, up to ±15 mmol/L.

    Lang & Zander give 1.5 mmol/L as the accuracy of such formulas.
    """
    differences = []
    for pco2 in np.linspace(20.0, 80.0, 13) * MMHG:
        for ph in np.linspace(7.1, 7.6, 11):
            reference = analyser_base_excess(ph, pco2, hemoglobin)
            if abs(reference) < 15.0:
                differences.append(abs(base_excess(ph, pco2, hemoglobin) - reference))
    assert len(differences) > 80
    assert np.mean(differences) < 0.38 and np.max(differences) < 1.3


def test_henderson_hasselbalch() -> None:
    """pH 7.40 and 40 mmHg belong to 24.3 mmol/L; twenty times the dissolved CO2 is pH 6.1 + log10(20)."""
    assert bicarbonate(7.4, NORMAL_PCO2) == pytest.approx(24.26, abs=0.01)
    assert ph_of_bicarbonate(20.0 * 0.0304 * 40.0, NORMAL_PCO2) == pytest.approx(
        6.1 + math.log10(20.0), abs=1e-12
    )


@pytest.mark.parametrize("saturation", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("excess", [-25.0, -5.0, 0.0, 12.0])
@pytest.mark.parametrize("pco2", [1.0, 15.0, 40.0, 120.0])
def test_ph_closes_all_equations(pco2: float, excess: float, saturation: float) -> None:
    """The pH found satisfies Van Slyke, and its bicarbonate satisfies Henderson–Hasselbalch."""
    ph = ph_of_base_excess(pco2 * MMHG, excess, 160.0, saturation)[0]
    assert base_excess(ph, pco2 * MMHG, 160.0, saturation) == pytest.approx(excess, abs=1e-9)
    left = bicarbonate_of_base_excess(ph, excess, 160.0, saturation)
    assert ph_of_bicarbonate(left, pco2 * MMHG) == pytest.approx(ph, abs=1e-10)


def test_derivatives_of_ph() -> None:
    ph, per_pco2, per_saturation = ph_of_base_excess(6500.0, -4.0, 170.0, 0.7)
    up, down = (ph_of_base_excess(6500.0 + d, -4.0, 170.0, 0.7)[0] for d in (1.0, -1.0))
    assert per_pco2 == pytest.approx((up - down) / 2.0, rel=1e-6)
    up, down = (ph_of_base_excess(6500.0, -4.0, 170.0, 0.7 + d)[0] for d in (1e-4, -1e-4))
    assert per_saturation == pytest.approx((up - down) / 2e-4, rel=1e-6)
    assert ph < 7.4 and per_pco2 < 0.0 and per_saturation < 0.0


@pytest.mark.parametrize(
    ("pco2", "excess", "saturation", "ph"), [(39.86, -3.03, 0.966, 7.36), (49.19, -4.84, 0.904, 7.28)]
)
def test_newborns_of_another_model(pco2: float, excess: float, saturation: float, ph: float) -> None:
    """Arterial samples of Explain's term and 28-week newborn; its own base excess is that of plasma and haemoglobin."""
    found = ph_of_base_excess(pco2 * MMHG, excess, 150.0, saturation)[0]
    assert found == pytest.approx(ph, abs=0.02)


def test_stewart_normal_plasma() -> None:
    """Figge's normal plasma: strong ion difference of about 39 mmol/L."""
    assert strong_ion_difference(7.4, NORMAL_PCO2) == pytest.approx(39.0, abs=1.5)
    assert ph_of_strong_ions(NORMAL_PCO2, strong_ion_difference(7.31, NORMAL_PCO2)) == pytest.approx(
        7.31, abs=1e-12
    )


@pytest.mark.parametrize("change", [-12.0, -6.0, 6.0, 12.0])
@pytest.mark.parametrize("pco2", [25.0, 40.0, 60.0])
def test_stewart_and_van_slyke_agree_in_plasma(pco2: float, change: float) -> None:
    """Strong acid moves the pH of plasma alike in both, which share only Henderson–Hasselbalch.

    Figge's albumin and phosphate bind 5.6 mmol/L per pH and Zander's plasma 9.5, of some 60 with bicarbonate.
    """
    normal = strong_ion_difference(7.4, NORMAL_PCO2)
    stewart = ph_of_strong_ions(pco2 * MMHG, normal + change)
    siggaard_andersen = ph_of_base_excess(pco2 * MMHG, change, 0.0)[0]
    assert stewart == pytest.approx(siggaard_andersen, abs=0.04)


def test_low_albumin_is_alkalotic() -> None:
    """10 g/L less albumin at pH 7.4 sets 2.8 mmol/L of base free (Figge: 2.8 per 10 g/L)."""
    strong = strong_ion_difference(7.4, NORMAL_PCO2)
    ph = ph_of_strong_ions(NORMAL_PCO2, strong, albumin=33.0)
    assert ph > 7.4
    assert strong_ion_difference(7.4, NORMAL_PCO2, 33.0) - strong == pytest.approx(-2.8, abs=0.05)


def test_cooling_blood_as_an_analyser_does() -> None:
    """At 33.5 °C: pH 7.40 reads 7.45 and 40 mmHg reads 34 mmHg."""
    assert ph_at_temperature(7.4, 306.65) == pytest.approx(7.4515, abs=1e-4)
    warm = pressure_at_body_temperature(34.3 * MMHG, 306.65)
    assert warm / MMHG == pytest.approx(40.0, abs=0.1)
