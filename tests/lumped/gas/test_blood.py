"""Oxygen, CO2 and pH together: Jacobian, inverse, conservation on mixing, refusals."""

import numpy as np
import pytest

from hemoplan.errors import CaseError
from hemoplan.units import MMHG
from lumped.gas.acid_base import base_excess
from lumped.gas.blood import Blood, blood_gas, blood_gas_of_contents, contents, pressures


def random_blood(random: np.random.Generator) -> Blood:
    return Blood(
        hemoglobin=random.uniform(20.0, 300.0),
        fetal_fraction=random.uniform(0.0, 1.0),
        base_excess=random.uniform(-30.0, 30.0),
        temperature=random.uniform(300.0, 314.0),
    )


def test_inverse_returns_what_went_in() -> None:
    random = np.random.default_rng(11)
    for _ in range(5000):
        row = random_blood(random).row()
        po2, pco2 = 10.0 ** random.uniform(-2.0, 2.8) * MMHG, 10.0 ** random.uniform(0.3, 2.3) * MMHG
        oxygen, carbon_dioxide, ph, s, _ = contents(po2, pco2, row)
        assert pressures(oxygen, carbon_dioxide, row) == pytest.approx((po2, pco2, ph, s), rel=1e-9)


def test_inverse_below_zero_oxygen() -> None:
    row = Blood(hemoglobin=150.0).row()
    oxygen, carbon_dioxide, _, _, _ = contents(-50.0, 6000.0, row)
    assert oxygen < 0.0
    assert pressures(oxygen, carbon_dioxide, row)[0] == pytest.approx(-50.0, rel=0.02)


@pytest.mark.parametrize(
    ("po2", "pco2"), [(500.0, 7000.0), (3500.0, 6000.0), (13000.0, 3000.0), (60000.0, 9000.0)]
)
def test_jacobian(po2: float, pco2: float) -> None:
    row = Blood(hemoglobin=170.0, fetal_fraction=0.7, base_excess=-5.0, temperature=307.0).row()
    jacobian = np.array(contents(po2, pco2, row)[4]).reshape(2, 2)
    for column, step in enumerate(((0.1, 0.0), (0.0, 0.1))):
        up = contents(po2 + step[0], pco2 + step[1], row)
        down = contents(po2 - step[0], pco2 - step[1], row)
        slopes = [(up[k] - down[k]) / 0.2 for k in range(2)]
        assert jacobian[:, column] == pytest.approx(slopes, rel=2e-5, abs=1e-12)


def test_equations_hold_together() -> None:
    """The pH of a sample gives the base excess of its blood, with the saturation that the same pH allows."""
    blood = Blood(hemoglobin=165.0, fetal_fraction=0.75, base_excess=-6.5)
    sample = blood_gas(4200.0, 6800.0, blood)
    assert base_excess(sample.ph, sample.pco2, 165.0, sample.saturation) == pytest.approx(-6.5, abs=1e-9)


def test_bohr_and_fetal_shift() -> None:
    """Acid and CO2 unload oxygen; fetal haemoglobin holds it."""
    adult = Blood(hemoglobin=150.0)
    fetal = Blood(hemoglobin=150.0, fetal_fraction=1.0)
    acid = Blood(hemoglobin=150.0, base_excess=-12.0)
    at = 4000.0, 5300.0
    normal = blood_gas(*at, adult).saturation
    assert blood_gas(at[0], 8000.0, adult).saturation < normal - 0.03
    assert blood_gas(*at, acid).saturation < normal - 0.03
    assert blood_gas(*at, fetal).saturation > normal + 0.1


def test_breath_does_not_change_base_excess() -> None:
    """Taking oxygen up and giving CO2 off moves along one base excess: venous and arterial blood agree."""
    blood = Blood(hemoglobin=150.0, base_excess=2.0)
    venous = blood_gas(5000.0, 6200.0, blood)
    arterial = blood_gas_of_contents(
        venous.oxygen_content + 0.05, venous.carbon_dioxide_content - 0.045, blood
    )
    for each in (venous, arterial):
        assert base_excess(each.ph, each.pco2, 150.0, each.saturation) == pytest.approx(2.0, abs=1e-9)


def test_cooled_child() -> None:
    """Therapeutic hypothermia: the same contents at 33.5 °C have lower pressures and a higher pH."""
    warm, cold = Blood(hemoglobin=170.0), Blood(hemoglobin=170.0, temperature=306.65)
    sample = blood_gas(9000.0, 5300.0, warm)
    cooled = blood_gas_of_contents(sample.oxygen_content, sample.carbon_dioxide_content, cold)
    assert cooled.po2 < 0.85 * sample.po2
    assert cooled.pco2 == pytest.approx(sample.pco2 * 10.0 ** (-0.019 * 3.5), rel=0.01)
    assert cooled.ph == pytest.approx(sample.ph + 0.0147 * 3.5, abs=0.005)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"hemoglobin": 15.0}, "hemoglobin is out of range"),
        ({"hemoglobin": float("nan")}, "hemoglobin is not a number"),
        ({"hemoglobin": 150.0, "fetal_fraction": 80.0}, "fetal fraction is out of range"),
        ({"hemoglobin": 150.0, "temperature": 37.0}, "temperature is out of range"),
        ({"hemoglobin": 150.0, "base_excess": "low"}, "base excess is not a number"),
    ],
)
def test_refuses(values: dict[str, float], text: str) -> None:
    with pytest.raises(CaseError, match=text):
        Blood(**values)


def test_refuses_impossible_samples() -> None:
    blood = Blood(hemoglobin=150.0)
    with pytest.raises(CaseError, match="PO2"):
        blood_gas(-1.0, 5000.0, blood)
    with pytest.raises(CaseError, match="CO2 content"):
        blood_gas_of_contents(0.2, float("inf"), blood)
