"""Blood as a whole: oxygen, CO2 and pH together, from partial pressures to contents and back.

The three depend on each other: pH shifts the oxygen curve (Bohr), and saturation moves both the CO2 content and the pH
(Haldane). What flows and consumption change are the two contents; base excess is carried along (see
`lumped.gas.acid_base`). At temperatures other than 37 °C the acid–base equations hold for the blood warmed without loss
of gas, as a blood-gas analyser does it.

The compiled functions take the properties of blood as a row of six numbers, `Blood.row()`, so that a table of rows
describes many compartments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.compiled import compiled
from lumped.gas import acid_base
from lumped.gas.acid_base import ph_at_temperature, pressure_at_body_temperature, van_slyke
from lumped.gas.carbon_dioxide import carbon_dioxide_content
from lumped.gas.oxygen import (
    ADULT_P50,
    BINDING_CAPACITY,
    BODY_TEMPERATURE,
    FETAL_P50,
    SOLUBILITY,
    oxygen_content,
    p50_shift,
    pressure_at_saturation,
    saturation,
)
from lumped.gas.parameters import check_parameters, check_value, parameter

HEMOGLOBIN, FETAL_FRACTION, TEMPERATURE, BASE_EXCESS, ADULT, FETAL = range(6)
"""Columns of `Blood.row()`."""

_LN10 = float(np.log(10.0))
_ITERATIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Blood:
    """Properties of blood that breathing does not change.

    Attributes:
        hemoglobin: Concentration [kg/m³].
        fetal_fraction: Share of fetal haemoglobin, 0 to 1.
        base_excess: Of the oxygenated blood [mol/m³].
        temperature: [K].
        adult_p50: P50 of adult haemoglobin at pH 7.40, PCO2 40 mmHg, 37 °C [Pa].
        fetal_p50: The same of fetal haemoglobin [Pa].

    Raises:
        CaseError: A value is outside its limits.
    """

    hemoglobin: float = parameter("g/L", 20.0, 300.0)
    fetal_fraction: float = parameter("1", 0.0, 1.0, default=0.0)
    base_excess: float = parameter("mmol/L", -40.0, 40.0, default=0.0)
    temperature: float = parameter("kelvin", 283.0, 315.0, default=BODY_TEMPERATURE)
    adult_p50: float = parameter("mmHg", 10.0, 60.0, default=ADULT_P50)
    fetal_p50: float = parameter("mmHg", 10.0, 60.0, default=FETAL_P50)

    def __post_init__(self) -> None:
        check_parameters(self)

    def row(self) -> FloatArray:
        """The six properties in the order of the columns, (6,), for the compiled functions."""
        return np.array(
            [
                self.hemoglobin,
                self.fetal_fraction,
                self.temperature,
                self.base_excess,
                self.adult_p50,
                self.fetal_p50,
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodGas:
    """What a sample of blood holds.

    Attributes:
        po2: Oxygen partial pressure [Pa].
        pco2: Carbon dioxide partial pressure [Pa].
        ph: pH at the temperature of the blood.
        saturation: Oxygen saturation, 0 to 1.
        oxygen_content: [m³/m³ STPD].
        carbon_dioxide_content: [m³/m³ STPD].
        bicarbonate: In plasma at 37 °C [mol/m³].
    """

    po2: float
    pco2: float
    ph: float
    saturation: float
    oxygen_content: float
    carbon_dioxide_content: float
    bicarbonate: float


@compiled
def contents(
    po2: float, pco2: float, blood: FloatArray
) -> tuple[float, float, float, float, tuple[float, float, float, float]]:
    """Contents of blood from its partial pressures.

    Args:
        po2: Oxygen partial pressure [Pa]; below zero the curve goes on as its tangent.
        pco2: Carbon dioxide partial pressure [Pa], >= 0.
        blood: Row of `Blood`, (6,).

    Returns:
        Content of oxygen and of CO2 [m³/m³ STPD]; pH; saturation; and the Jacobian of the contents with respect to
        the pressures, row by row: dO2/dPO2, dO2/dPCO2, dCO2/dPO2, dCO2/dPCO2 [1/Pa].
    """
    hemoglobin = blood[HEMOGLOBIN]
    z, beta, haldane = van_slyke(hemoglobin)
    warming = pressure_at_body_temperature(1.0, blood[TEMPERATURE])
    warm = max(pco2, 0.0) * warming
    low, high, warm_ph = 4.0, 10.0, 7.4
    per_ph = s = slope = per_shift = shift_ph = shift_pco2 = charge = 0.0
    for _ in range(_ITERATIONS):
        charge = acid_base.bicarbonate(warm_ph, warm)
        ph = ph_at_temperature(warm_ph, blood[TEMPERATURE])
        shift, shift_ph, shift_pco2 = p50_shift(ph, pco2, blood[TEMPERATURE])
        s, slope = saturation(po2, shift, blood[FETAL_FRACTION], blood[ADULT], blood[FETAL])
        per_shift = -slope * po2 / shift
        excess = z * (charge - acid_base.NORMAL_BICARBONATE + beta * (warm_ph - 7.4)) - haldane * (1.0 - s)
        per_ph = z * (_LN10 * charge + beta) + haldane * per_shift * shift_ph
        surplus = excess - blood[BASE_EXCESS]
        if surplus > 0.0:
            high = warm_ph
        else:
            low = warm_ph
        new = warm_ph - surplus / per_ph
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - warm_ph) <= 1e-14 * warm_ph:
            break
        warm_ph = new
    ph_per_o2 = -haldane * slope / per_ph
    per_charge = acid_base.bicarbonate(warm_ph, 1.0) * warming
    ph_per_co2 = -(z * per_charge + haldane * per_shift * shift_pco2) / per_ph
    s_per_o2 = slope + per_shift * shift_ph * ph_per_o2
    s_per_co2 = per_shift * (shift_pco2 + shift_ph * ph_per_co2)
    bound = BINDING_CAPACITY * hemoglobin
    co2, co2_p, co2_ph, co2_s = carbon_dioxide_content(warm, warm_ph, hemoglobin, s)
    jacobian = (
        bound * s_per_o2 + SOLUBILITY,
        bound * s_per_co2,
        co2_ph * ph_per_o2 + co2_s * s_per_o2,
        co2_p * warming + co2_ph * ph_per_co2 + co2_s * s_per_co2,
    )
    return bound * s + SOLUBILITY * po2, co2, ph_at_temperature(warm_ph, blood[TEMPERATURE]), s, jacobian


@compiled
def _ph_of_carbon_dioxide(
    content: float, s: float, start: float, blood: FloatArray
) -> tuple[float, float, float, float]:
    """pH and PCO2 [Pa] at 37 °C of blood with a CO2 content and a saturation, and how both change with saturation.

    Van Slyke gives bicarbonate at every pH, Henderson–Hasselbalch then PCO2, so the content is an explicit function
    of pH; it falls from infinity to zero, where bicarbonate ends.
    """
    z, beta, haldane = van_slyke(blood[HEMOGLOBIN])
    metabolic = acid_base.NORMAL_BICARBONATE + (blood[BASE_EXCESS] + haldane * (1.0 - s)) / z
    low, high = 4.0, 7.4 + metabolic / beta
    ph = min(start, 0.5 * (start + high))
    pco2 = ph_per_s = pco2_per_s = 0.0
    for _ in range(_ITERATIONS):
        per_pascal = acid_base.bicarbonate(ph, 1.0)
        pco2 = (metabolic - beta * (ph - 7.4)) / per_pascal
        pco2_per_ph = -beta / per_pascal - _LN10 * pco2
        value, per_p, per_ph, per_s = carbon_dioxide_content(pco2, ph, blood[HEMOGLOBIN], s)
        total = per_p * pco2_per_ph + per_ph
        direct = -haldane / z / per_pascal
        ph_per_s = -(per_p * direct + per_s) / total
        pco2_per_s = direct + pco2_per_ph * ph_per_s
        surplus = value - content
        if surplus > 0.0:
            low = ph
        else:
            high = ph
        new = ph - surplus / total
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - ph) <= 1e-14 * ph:
            break
        ph = new
    return ph, pco2, ph_per_s, pco2_per_s


@compiled
def pressures(oxygen: float, carbon_dioxide: float, blood: FloatArray) -> tuple[float, float, float, float]:
    """Partial pressures of blood from its contents: the inverse of `contents`.

    Saturation follows from the oxygen content and a trial PO2, and pH and PCO2 from the CO2 content; the dissociation
    curve then says whether the trial was too high. Newton's method inside a bracket, in both loops, cannot fail.

    Args:
        oxygen: Oxygen content [m³/m³ STPD]; below zero gives a PO2 below zero, on the tangent.
        carbon_dioxide: CO2 content [m³/m³ STPD], > 0.
        blood: Row of `Blood`, (6,).

    Returns:
        PO2 and PCO2 [Pa], pH and saturation.
    """
    bound = BINDING_CAPACITY * blood[HEMOGLOBIN]
    cooling = 1.0 / pressure_at_body_temperature(1.0, blood[TEMPERATURE])
    if oxygen <= 0.0:
        warm_ph, warm, _, _ = _ph_of_carbon_dioxide(carbon_dioxide, 0.0, 7.4, blood)
        ph = ph_at_temperature(warm_ph, blood[TEMPERATURE])
        shift = p50_shift(ph, warm * cooling, blood[TEMPERATURE])[0]
        slope = oxygen_content(
            0.0, blood[HEMOGLOBIN], shift, blood[FETAL_FRACTION], blood[ADULT], blood[FETAL]
        )[1]
        return oxygen / slope, warm * cooling, ph, 0.0
    low, high = max(0.0, (oxygen - bound) / SOLUBILITY), oxygen / SOLUBILITY
    p50 = blood[ADULT] ** (1.0 - blood[FETAL_FRACTION]) * blood[FETAL] ** blood[FETAL_FRACTION]
    po2 = min(max(pressure_at_saturation(min(oxygen / bound, 0.99), p50), low), high)
    warm_ph, pco2, s = 7.4, 0.0, 0.0
    for _ in range(_ITERATIONS):
        s = min(max((oxygen - SOLUBILITY * po2) / bound, 0.0), 1.0)
        warm_ph, warm, ph_per_s, warm_per_s = _ph_of_carbon_dioxide(carbon_dioxide, s, warm_ph, blood)
        pco2 = warm * cooling
        ph = ph_at_temperature(warm_ph, blood[TEMPERATURE])
        shift, shift_ph, shift_pco2 = p50_shift(ph, pco2, blood[TEMPERATURE])
        curve, slope = saturation(po2, shift, blood[FETAL_FRACTION], blood[ADULT], blood[FETAL])
        shift_per_s = shift_ph * ph_per_s + shift_pco2 * warm_per_s * cooling
        rise = slope + SOLUBILITY / bound * (1.0 + slope * po2 / shift * shift_per_s)
        surplus = curve - s
        if surplus > 0.0:
            high = po2
        else:
            low = po2
        new = po2 - surplus / rise
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - po2) <= 1e-13 * po2:
            break
        po2 = new
    return po2, pco2, ph_at_temperature(warm_ph, blood[TEMPERATURE]), s


def blood_gas(po2: float, pco2: float, blood: Blood) -> BloodGas:
    """The gases of blood at given partial pressures [Pa].

    Raises:
        CaseError: A pressure is not a number or outside 0 to 1000 mmHg.
    """
    check_value("blood gas", "PO2", po2, "mmHg", 0.0, 1000.0)
    check_value("blood gas", "PCO2", pco2, "mmHg", 1.0, 500.0)
    oxygen, carbon_dioxide, ph, s, _ = contents(po2, pco2, blood.row())
    return _sample(po2, pco2, ph, s, oxygen, carbon_dioxide, blood)


def blood_gas_of_contents(oxygen: float, carbon_dioxide: float, blood: Blood) -> BloodGas:
    """The gases of blood with given contents [m³/m³ STPD].

    Raises:
        CaseError: A content is not a number or outside its limits.
    """
    check_value("blood gas", "oxygen content", oxygen, "mL/dL", 0.0, 60.0)
    check_value("blood gas", "CO2 content", carbon_dioxide, "mL/dL", 1.0, 200.0)
    po2, pco2, ph, s = pressures(oxygen, carbon_dioxide, blood.row())
    return _sample(po2, pco2, ph, s, oxygen, carbon_dioxide, blood)


def _sample(
    po2: float, pco2: float, ph: float, s: float, oxygen: float, carbon_dioxide: float, blood: Blood
) -> BloodGas:
    warm_ph = 2.0 * ph - ph_at_temperature(ph, blood.temperature)
    warm = pressure_at_body_temperature(pco2, blood.temperature)
    return BloodGas(
        po2=po2,
        pco2=pco2,
        ph=ph,
        saturation=s,
        oxygen_content=oxygen,
        carbon_dioxide_content=carbon_dioxide,
        bicarbonate=float(acid_base.bicarbonate(warm_ph, warm)),
    )
