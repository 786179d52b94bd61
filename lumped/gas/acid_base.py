"""pH of blood from PCO2 and its metabolic state: Van Slyke for speed, Stewart as an independent description.

Henderson–Hasselbalch, at 37 °C:

    [HCO3] = 0.0304 PCO2 10^(pH - 6.1)                                              [mmol/L, mmHg]

Van Slyke, as Zander writes it: the base excess of fully oxygenated blood, with Hb in g/dL,

    BE = (1 - 0.0143 Hb) ([HCO3] - 24.26 + (9.5 + 1.63 Hb) (pH - 7.4)) - 0.2 Hb (1 - S)

It keeps its value while blood takes up or gives off oxygen and CO2, so it is what a circulation transports. Lang &
Zander found it within 1 mmol/L over base excesses of -30 to 30 mmol/L and PCO2 of 12 to 96 mmHg (Clin. Chem. Lab. Med.
40, 2002, DOI 10.1515/CCLM.2002.065). The last term is the Haldane effect on pH.

Stewart, with the weak acids of Figge, Mydosh & Fencl (J. Lab. Clin. Med. 120, 1992) in plasma, albumin in g/L and
phosphate in mmol/L:

    SID = [HCO3] + albumin (0.123 pH - 0.631) + phosphate (0.309 pH - 0.469)

Bicarbonate, base excess and strong ion difference are in mol/m³, which is mmol/L. Compiled.
"""

from __future__ import annotations

import math

from hemoplan.units import MMHG
from lumped.compiled import compiled
from lumped.gas.oxygen import BODY_TEMPERATURE

SOLUBILITY = 0.0304 / MMHG
"""Dissolved CO2 of plasma at 37 °C [mol/m³/Pa]."""
PK = 6.1
"""Apparent pK of carbonic acid in plasma at 37 °C."""
NORMAL_BICARBONATE = 24.26
"""Bicarbonate at pH 7.40 and PCO2 40 mmHg [mol/m³]."""
ALBUMIN = 43.0
"""Albumin of an adult's plasma [kg/m³]; Figge's reference composition."""
PHOSPHATE = 1.16
"""Inorganic phosphate of an adult's plasma [mol/m³]."""

_LN10 = math.log(10.0)
_LOWEST_PH, _HIGHEST_PH = 4.0, 10.0
_ITERATIONS = 100


@compiled
def bicarbonate(ph: float, pco2: float) -> float:
    """Bicarbonate of plasma [mol/m³] by Henderson–Hasselbalch; pH and PCO2 [Pa] at 37 °C."""
    return SOLUBILITY * pco2 * math.exp(_LN10 * (ph - PK))


@compiled
def ph_of_bicarbonate(bicarbonate_concentration: float, pco2: float) -> float:
    """pH by Henderson–Hasselbalch from bicarbonate [mol/m³] and PCO2 [Pa], both positive, at 37 °C."""
    return PK + math.log(bicarbonate_concentration / (SOLUBILITY * pco2)) / _LN10


@compiled
def van_slyke(hemoglobin: float) -> tuple[float, float, float]:
    """What haemoglobin [kg/m³] makes of the equation: Z, beta [mol/m³] and the Haldane term [mol/m³].

    BE = Z ([HCO3] - 24.26 + beta (pH - 7.4)) - haldane (1 - S)
    """
    grams_per_decilitre = 0.1 * hemoglobin
    return (
        1.0 - 0.0143 * grams_per_decilitre,
        9.5 + 1.63 * grams_per_decilitre,
        0.2 * grams_per_decilitre,
    )


@compiled
def base_excess(ph: float, pco2: float, hemoglobin: float, saturation: float = 1.0) -> float:
    """Base excess of oxygenated blood [mol/m³] by the Van Slyke equation; pH and PCO2 [Pa] at 37 °C."""
    z, beta, haldane = van_slyke(hemoglobin)
    metabolic = bicarbonate(ph, pco2) - NORMAL_BICARBONATE + beta * (ph - 7.4)
    excess: float = z * metabolic - haldane * (1.0 - saturation)
    return excess


@compiled
def bicarbonate_of_base_excess(
    ph: float, base_excess_value: float, hemoglobin: float, saturation: float = 1.0
) -> float:
    """Bicarbonate that Van Slyke leaves at a pH and base excess [mol/m³]; below zero where none can be."""
    z, beta, haldane = van_slyke(hemoglobin)
    left: float = (
        NORMAL_BICARBONATE + (base_excess_value + haldane * (1.0 - saturation)) / z - beta * (ph - 7.4)
    )
    return left


@compiled
def ph_of_base_excess(
    pco2: float, base_excess_value: float, hemoglobin: float, saturation: float = 1.0
) -> tuple[float, float, float]:
    """pH from PCO2 and base excess by Van Slyke, with its derivatives with respect to PCO2 [1/Pa] and saturation.

    The base excess rises with pH, so Newton's method inside a bracket finds the one pH.

    Args:
        pco2: Carbon dioxide partial pressure at 37 °C [Pa], > 0.
        base_excess_value: Base excess of the oxygenated blood [mol/m³].
        hemoglobin: Haemoglobin [kg/m³].
        saturation: Oxygen saturation, 0 to 1.
    """
    z, beta, haldane = van_slyke(hemoglobin)
    wanted = NORMAL_BICARBONATE + (base_excess_value + haldane * (1.0 - saturation)) / z + beta * 7.4
    low, high, ph = _LOWEST_PH, _HIGHEST_PH, 7.4
    charge = 0.0
    for _ in range(_ITERATIONS):
        charge = SOLUBILITY * pco2 * math.exp(_LN10 * (ph - PK))
        surplus = charge + beta * ph - wanted
        if surplus > 0.0:
            high = ph
        else:
            low = ph
        new = ph - surplus / (_LN10 * charge + beta)
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - ph) <= 1e-14 * ph:
            break
        ph = new
    slope = _LN10 * charge + beta
    return ph, -charge / pco2 / slope, -haldane / z / slope


@compiled
def weak_acid_charge(ph: float, albumin: float = ALBUMIN, phosphate: float = PHOSPHATE) -> float:
    """Negative charge of albumin [kg/m³] and phosphate [mol/m³] in plasma [mol/m³] (Figge, Mydosh & Fencl 1992)."""
    return albumin * (0.123 * ph - 0.631) + phosphate * (0.309 * ph - 0.469)


@compiled
def strong_ion_difference(
    ph: float, pco2: float, albumin: float = ALBUMIN, phosphate: float = PHOSPHATE
) -> float:
    """Effective strong ion difference of plasma [mol/m³]; pH and PCO2 [Pa] at 37 °C."""
    charge: float = bicarbonate(ph, pco2) + weak_acid_charge(ph, albumin, phosphate)
    return charge


@compiled
def ph_of_strong_ions(
    pco2: float, strong_ions: float, albumin: float = ALBUMIN, phosphate: float = PHOSPHATE
) -> float:
    """pH of plasma from PCO2 [Pa], strong ions, albumin and phosphate, at 37 °C (Stewart, Figge's acids)."""
    buffer = 0.123 * albumin + 0.309 * phosphate
    low, high, ph = _LOWEST_PH, _HIGHEST_PH, 7.4
    for _ in range(_ITERATIONS):
        charge = bicarbonate(ph, pco2)
        surplus = charge + weak_acid_charge(ph, albumin, phosphate) - strong_ions
        if surplus > 0.0:
            high = ph
        else:
            low = ph
        last = ph
        ph -= surplus / (_LN10 * charge + buffer)
        if not low <= ph <= high:
            ph = 0.5 * (low + high)
        if abs(ph - last) <= 1e-14 * last:
            break
    return ph


@compiled
def pressure_at_body_temperature(pco2: float, temperature: float) -> float:
    """PCO2 that closed blood would have at 37 °C [Pa]: PCO2 10^(0.019 (37 - T)).

    Kelman & Nunn, J. Appl. Physiol. 21, 1966; the correction of blood-gas analysers.
    """
    return pco2 * math.exp(_LN10 * 0.019 * (BODY_TEMPERATURE - temperature))


@compiled
def ph_at_temperature(ph: float, temperature: float) -> float:
    """pH of closed blood at its temperature [K] from that at 37 °C: pH - 0.0147 (T - 37) (Rosenthal 1948)."""
    return ph - 0.0147 * (temperature - BODY_TEMPERATURE)
