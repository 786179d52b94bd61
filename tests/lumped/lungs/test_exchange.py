"""Gas exchange against textbook values, West's table of lung units and another neonatal model's oxygen response."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from hemoplan.errors import CaseError
from hemoplan.units import ML_PER_MIN, MMHG
from lumped.gas.blood import Blood, BloodGas, blood_gas, pressures
from lumped.lungs.exchange import (
    BODY_GAS,
    alveolar_gas,
    alveolar_po2,
    alveolar_rates,
    capillary_exchange,
    equilibration,
    inspired_po2,
    lung_gas,
    shunt_fraction,
    unit_gas,
)

ADULT = Blood(hemoglobin=150.0)
ADULT_METABOLISM = {"consumption": 250.0 * ML_PER_MIN, "production": 200.0 * ML_PER_MIN}


def test_textbook_constants() -> None:
    """863 mmHg; inspired PO2 of 150 mmHg; alveolar PO2 of 102 mmHg at PCO2 40 and a quotient of 0.8."""
    assert BODY_GAS / MMHG == pytest.approx(863.0, abs=0.1)
    assert inspired_po2(0.21) / MMHG == pytest.approx(149.7, abs=0.05)
    assert alveolar_po2(40.0 * MMHG) / MMHG == pytest.approx(101.8, abs=0.1)


@pytest.mark.parametrize("fio2", [0.21, 0.4, 1.0])
def test_mass_balance_is_the_alveolar_gas_equation(fio2: float) -> None:
    """Two derivations of one fact: balances of O2, CO2 and nitrogen, and the formula of Fenn, Rahn & Otis."""
    gas = alveolar_gas(4300.0 * ML_PER_MIN, **ADULT_METABOLISM, fio2=fio2)
    assert gas.pco2 / MMHG == pytest.approx(40.1, abs=0.1)
    assert gas.po2 == pytest.approx(alveolar_po2(gas.pco2, fio2=fio2), rel=1e-12)


def test_rates_settle_at_the_steady_state() -> None:
    """Alveolar CO2 washes out with V / VE, and ends where the steady balance says."""
    ventilation, volume = 430.0 * ML_PER_MIN, 75e-6
    uptake, output = 21.0 * ML_PER_MIN, 17.8 * ML_PER_MIN
    steady = alveolar_gas(ventilation, consumption=uptake, production=output)
    start = (8000.0, 8000.0)

    def rates(_: float, p: np.ndarray) -> tuple[float, float]:
        return tuple(alveolar_rates(p[0], p[1], uptake, output, ventilation, volume, inspired_po2(0.21)))

    tau = volume / ventilation
    solution = solve_ivp(rates, (0.0, 60.0 * tau), start, t_eval=[tau, 60.0 * tau], rtol=1e-10, atol=1e-8)
    assert solution.y[:, -1] == pytest.approx((steady.po2, steady.pco2), rel=1e-8)
    left = (solution.y[:, 0] - (steady.po2, steady.pco2)) / (np.array(start) - (steady.po2, steady.pco2))
    assert left == pytest.approx(math.exp(-1.0), rel=1e-7)


@pytest.mark.parametrize(
    ("ratio", "po2", "pco2"),
    [(3.3, 132.0, 28.0), (1.8, 121.0, 34.0), (0.84, 100.0, 39.5), (0.63, 89.0, 42.0)],
)
def test_west_lung_units(ratio: float, po2: float, pco2: float) -> None:
    """Alveolar gas of slices of an upright lung (West 1962), computed with other curves than ours, to 4 mmHg."""
    venous = blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    gas = unit_gas(ratio, venous, ADULT)
    assert gas.po2 / MMHG == pytest.approx(po2, abs=4.0)
    assert gas.pco2 / MMHG == pytest.approx(pco2, abs=1.5)


def test_extreme_units() -> None:
    """Without ventilation venous blood, without blood flow inspired gas."""
    venous = blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    none, much = unit_gas(1e-4, venous, ADULT), unit_gas(1e3, venous, ADULT)
    assert (none.po2 / MMHG, none.pco2 / MMHG) == pytest.approx((40.0, 45.0), abs=0.05)
    assert (much.po2 / MMHG, much.pco2 / MMHG) == pytest.approx((149.7, 0.3), abs=0.3)


def test_units_are_found_for_every_lung() -> None:
    """Any blood, any ventilation, any mixture that the unit can inspire."""
    random = np.random.default_rng(3)
    for _ in range(1500):
        blood = Blood(
            hemoglobin=random.uniform(40.0, 250.0),
            fetal_fraction=random.uniform(0.0, 1.0),
            base_excess=random.uniform(-20.0, 15.0),
        )
        venous = blood_gas(random.uniform(5.0, 60.0) * MMHG, random.uniform(25.0, 90.0) * MMHG, blood)
        gas = unit_gas(10.0 ** random.uniform(-0.5, 3.0), venous, blood, fio2=random.uniform(0.21, 1.0))
        assert 0.0 < gas.po2 < 95_100.0 and 0.0 < gas.pco2 < 1.5 * venous.pco2


def test_absorption_collapse_is_named() -> None:
    """Breathing oxygen, a hardly ventilated unit is absorbed (Dantzker, Wagner & West 1975)."""
    venous = blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    with pytest.raises(CaseError, match="unit collapses"):
        unit_gas(0.01, venous, ADULT, fio2=1.0)


def test_shunt_is_found_again() -> None:
    gas = lung_gas(4300.0 * ML_PER_MIN, 5000.0 * ML_PER_MIN, ADULT, **ADULT_METABOLISM, shunt=0.2)
    found = shunt_fraction(
        gas.end_capillary.oxygen_content, gas.arterial.oxygen_content, gas.venous.oxygen_content
    )
    assert found == pytest.approx(0.2, abs=1e-10)
    taken = gas.arterial.oxygen_content - gas.venous.oxygen_content
    assert 5000.0 * taken == pytest.approx(250.0, rel=1e-10)
    given = gas.venous.carbon_dioxide_content - gas.arterial.carbon_dioxide_content
    assert 5000.0 * given == pytest.approx(200.0, rel=1e-10)


def test_healthy_adult() -> None:
    """Without shunt: 102/40 mmHg, pH 7.40, venous saturation of three quarters."""
    gas = lung_gas(4300.0 * ML_PER_MIN, 5000.0 * ML_PER_MIN, ADULT, **ADULT_METABOLISM)
    assert gas.arterial.po2 == pytest.approx(gas.alveolar.po2, rel=1e-9)
    assert gas.arterial.ph == pytest.approx(7.40, abs=0.01)
    assert gas.venous.saturation == pytest.approx(0.74, abs=0.02)


def test_large_shunt_does_not_answer_to_oxygen() -> None:
    """Nunn's iso-shunt lines: at half shunt pure oxygen hardly moves the arterial PO2."""

    def arterial(shunt: float, fio2: float) -> BloodGas:
        return lung_gas(
            4300.0 * ML_PER_MIN, 5000.0 * ML_PER_MIN, ADULT, **ADULT_METABOLISM, shunt=shunt, fio2=fio2
        ).arterial

    assert arterial(0.5, 1.0).po2 - arterial(0.5, 0.3).po2 < 15.0 * MMHG
    assert arterial(0.05, 1.0).po2 - arterial(0.05, 0.3).po2 > 300.0 * MMHG


def test_oxygen_response_of_another_neonatal_model() -> None:
    """Explain's term newborn: PaO2 72, 95 and 125 mmHg, SaO2 96.6, 98.4 and 99.2 % at FiO2 0.21, 0.3 and 0.4.

    Its lungs have unequal parts and a diffusion barrier; ours have one shunt, fitted to the first PaO2. Consumption is
    that of its output and saturations. The rest is prediction, and lies within 10 % and half a point of saturation.
    """
    blood = Blood(hemoglobin=160.0, fetal_fraction=0.8, base_excess=-3.0)
    metabolism = {"consumption": 27.0 * ML_PER_MIN, "production": 21.6 * ML_PER_MIN}
    ventilation = BODY_GAS * 21.6 * ML_PER_MIN / (39.0 * MMHG)

    def arterial(shunt: float, fio2: float) -> BloodGas:
        return lung_gas(ventilation, 690.0 * ML_PER_MIN, blood, **metabolism, shunt=shunt, fio2=fio2).arterial

    shunt = brentq(lambda s: arterial(s, 0.21).po2 - 72.06 * MMHG, 0.001, 0.6)
    assert 0.05 < shunt < 0.2
    for fio2, po2, s in ((0.21, 72.06, 0.966), (0.3, 95.27, 0.984), (0.4, 125.25, 0.992)):
        assert arterial(shunt, fio2).po2 / MMHG == pytest.approx(po2, rel=0.10)
        assert arterial(shunt, fio2).saturation == pytest.approx(s, abs=0.005)
    assert arterial(shunt, 0.21).ph == pytest.approx(7.36, abs=0.02)


def test_diffusion() -> None:
    """Piiper & Scheid: complete when D / (beta Q) is large, and proportional to it when small."""
    assert equilibration(1e-9, 1e-5, 1e-5) == pytest.approx(1.0, abs=5e-5)
    assert equilibration(1e-13, 1e-5, 1e-5) == pytest.approx(1e-3, rel=1e-3)


def test_lung_left_alone_settles_as_a_unit() -> None:
    """Ventilated alveoli beside blood of constant venous contents end where the balances of a lung unit say."""
    row, venous = ADULT.row(), blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    flow, ventilation, volume = 5e-6, 4e-6, 75e-6

    def exchange(po2: float, pco2: float) -> tuple[float, float]:
        return capillary_exchange(po2, pco2, venous.oxygen_content, venous.carbon_dioxide_content, flow, row)

    def rates(_: float, p: np.ndarray) -> tuple[float, float]:
        return tuple(
            alveolar_rates(p[0], p[1], *exchange(p[0], p[1]), ventilation, volume, inspired_po2(0.21))
        )

    end = solve_ivp(rates, (0.0, 3000.0), (9000.0, 5000.0), "LSODA", rtol=1e-10, atol=1e-7).y[:, -1]
    uptake, output = exchange(*end)
    inspired = ventilation + BODY_GAS * (uptake - output) / (inspired_po2(0.21) / 0.21)
    unit = unit_gas(inspired / flow, venous, ADULT)
    assert end == pytest.approx((unit.po2, unit.pco2), rel=1e-7)


@pytest.mark.parametrize("capacity", [2e-12, 1e-11, 5e-11])
def test_diffusion_against_bohr_integration(capacity: float) -> None:
    """Bohr: blood gains D (PA - P) / Q along the capillary. The chord stands for the curve to 12 % of the uptake."""
    row, venous = ADULT.row(), blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    po2, pco2, flow = 60.0 * MMHG, 40.0 * MMHG, 5e-6
    taken, given = capillary_exchange(
        po2, pco2, venous.oxygen_content, venous.carbon_dioxide_content, flow, row, 0.0, capacity
    )

    def gain(_: float, content: np.ndarray) -> float:
        p = pressures(content[0], venous.carbon_dioxide_content - given / flow, row)[0]
        return capacity / flow * (po2 - p)

    start = [venous.oxygen_content]
    exact = flow * (solve_ivp(gain, (0.0, 1.0), start, rtol=1e-9).y[0, -1] - venous.oxygen_content)
    whole, _ = capillary_exchange(po2, pco2, venous.oxygen_content, venous.carbon_dioxide_content, flow, row)
    assert taken == pytest.approx(exact, abs=0.12 * whole)
    assert taken < whole


def test_shunted_blood_takes_no_part() -> None:
    row, venous = ADULT.row(), blood_gas(40.0 * MMHG, 45.0 * MMHG, ADULT)
    at = 100.0 * MMHG, 40.0 * MMHG, venous.oxygen_content, venous.carbon_dioxide_content
    assert capillary_exchange(*at, 5e-6, row, 0.3) == pytest.approx(
        capillary_exchange(*at, 3.5e-6, row), rel=1e-12
    )
    assert capillary_exchange(*at, -5e-6, row) == (0.0, 0.0)


def test_refusals() -> None:
    with pytest.raises(CaseError, match="no alveolar ventilation"):
        alveolar_gas(0.0, **ADULT_METABOLISM)
    with pytest.raises(CaseError, match="does not bring the oxygen"):
        alveolar_gas(1000.0 * ML_PER_MIN, **ADULT_METABOLISM)
    with pytest.raises(CaseError, match="does not carry the oxygen"):
        lung_gas(4300.0 * ML_PER_MIN, 1000.0 * ML_PER_MIN, ADULT, **ADULT_METABOLISM)
    with pytest.raises(CaseError, match="shunt is out of range"):
        lung_gas(4300.0 * ML_PER_MIN, 5000.0 * ML_PER_MIN, ADULT, **ADULT_METABOLISM, shunt=1.2)
    with pytest.raises(CaseError, match="FiO2 is out of range"):
        inspired_po2(21.0)
    with pytest.raises(CaseError, match="oxygen contents must fall"):
        shunt_fraction(0.2, 0.1, 0.15)
