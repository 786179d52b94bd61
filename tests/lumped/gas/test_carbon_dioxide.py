"""CO2 content against textbook values, with its derivatives."""

import numpy as np
import pytest

from hemoplan.units import MMHG
from lumped.gas.blood import Blood, blood_gas, blood_gas_of_contents
from lumped.gas.carbon_dioxide import carbon_dioxide_content, plasma_content

ADULT = Blood(hemoglobin=150.0)


def test_plasma_content_is_bicarbonate_and_dissolved_gas() -> None:
    """At pH 7.40 and 40 mmHg plasma holds 25 mmol/L of bicarbonate and 1.2 of CO2: 58.5 mL/dL."""
    assert 100.0 * plasma_content(40.0 * MMHG, 7.4)[0] == pytest.approx(58.5, abs=0.5)


def test_arterial_and_venous_content_of_an_adult() -> None:
    """48 and 52 mL/dL in arterial and mixed venous blood; Douglas, Jones & Reed state a scatter of 1.2 mL/dL."""
    arterial = blood_gas(100.0 * MMHG, 40.0 * MMHG, ADULT)
    venous = blood_gas(40.0 * MMHG, 46.0 * MMHG, ADULT)
    assert 100.0 * arterial.carbon_dioxide_content == pytest.approx(48.0, abs=1.5)
    assert 100.0 * venous.carbon_dioxide_content == pytest.approx(52.0, abs=1.5)
    assert venous.ph == pytest.approx(7.37, abs=0.01)


def test_body_between_artery_and_vein() -> None:
    """5 mL/dL of oxygen out and 4 of CO2 in turn 100/40 into the 40/46 mmHg, 75 % and pH 7.37 of mixed venous blood."""
    arterial = blood_gas(100.0 * MMHG, 40.0 * MMHG, ADULT)
    venous = blood_gas_of_contents(
        arterial.oxygen_content - 0.05, arterial.carbon_dioxide_content + 0.04, ADULT
    )
    assert venous.po2 / MMHG == pytest.approx(40.0, abs=1.5)
    assert venous.pco2 / MMHG == pytest.approx(46.0, abs=1.5)
    assert venous.saturation == pytest.approx(0.75, abs=0.015)
    assert venous.ph == pytest.approx(7.37, abs=0.015)


def test_haldane_effect() -> None:
    """At 40 mmHg reduced blood holds 5 to 6 mL/dL more than oxygenated (Christiansen, Douglas & Haldane 1914)."""
    oxygenated = blood_gas(150.0 * MMHG, 40.0 * MMHG, ADULT)
    reduced = blood_gas(0.0, 40.0 * MMHG, ADULT)
    difference = 100.0 * (reduced.carbon_dioxide_content - oxygenated.carbon_dioxide_content)
    assert difference == pytest.approx(5.5, abs=0.7)
    assert reduced.ph > oxygenated.ph


@pytest.mark.parametrize("ph", [6.9, 7.2, 7.4, 7.6, 7.75])
def test_derivatives(ph: float) -> None:
    at = np.array([6000.0, ph, 0.8])
    step = np.array([1.0, 1e-5, 1e-4])
    slopes = carbon_dioxide_content(at[0], at[1], 170.0, at[2])[1:]
    for k in range(3):
        d = np.zeros(3)
        d[k] = step[k]
        up, down = (carbon_dioxide_content(*(at + s * d)[:2], 170.0, (at + s * d)[2])[0] for s in (1.0, -1.0))
        assert slopes[k] == pytest.approx((up - down) / (2.0 * step[k]), rel=1e-6)


def test_content_stays_positive_in_extreme_alkalosis() -> None:
    for ph in (7.7, 7.8, 7.9, 8.1, 8.5):
        assert carbon_dioxide_content(500.0, ph, 250.0, 1.0)[0] > 0.0
