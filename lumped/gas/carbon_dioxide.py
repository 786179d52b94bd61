"""Carbon dioxide in blood: content from PCO2, pH, haemoglobin and saturation.

Douglas, Jones & Reed (J. Appl. Physiol. 65, 1988, DOI 10.1152/jappl.1988.65.1.473), with contents in mL/dL, PCO2 in
mmHg and Hb in g/dL:

    plasma = 2.226 s PCO2 (1 + 10^(pH - pK'))
    blood = plasma (1 - 0.0289 Hb / ((3.352 - 0.456 S) (8.142 - pH)))

s and pK' are Kelman's (Respir. Physiol. 3, 1967), at 37 °C:

    s = 0.0307,    pK' = 6.086 + 0.042 (7.4 - pH) + 0.00472 + 0.00139 (7.4 - pH)

The content has the scatter of 1.2 mL/dL that the authors give. Compiled.
"""

from __future__ import annotations

import numpy as np

from hemoplan.units import MMHG
from lumped.compiled import compiled

_LN10 = float(np.log(10.0))
_GAS_PER_MOLE = 2.226e-2  # m³ STPD per mol of CO2, with contents as fractions
_SOLUBILITY = 0.0307 / MMHG
_PK = 6.086 + 0.00472
_PK_SLOPE = 0.042 + 0.00139
_HIGHEST_CELL_PH = 7.8  # beyond it the share of the cells, fitted to pH 6.9–7.5, would turn negative


@compiled
def plasma_content(pco2: float, ph: float) -> tuple[float, float, float]:
    """CO2 content of plasma [m³/m³ STPD], its derivatives with respect to PCO2 [1/Pa] and pH; all at 37 °C."""
    power = np.exp(_LN10 * (ph - _PK - _PK_SLOPE * (7.4 - ph)))
    per_pascal = _GAS_PER_MOLE * _SOLUBILITY * (1.0 + power)
    return (
        per_pascal * pco2,
        per_pascal,
        _GAS_PER_MOLE * _SOLUBILITY * pco2 * power * _LN10 * (1.0 + _PK_SLOPE),
    )


@compiled
def carbon_dioxide_content(
    pco2: float, ph: float, hemoglobin: float, saturation: float
) -> tuple[float, float, float, float]:
    """CO2 content of blood [m³/m³ STPD], its derivatives with respect to PCO2 [1/Pa], pH and saturation.

    Args:
        pco2: Carbon dioxide partial pressure at 37 °C [Pa].
        ph: pH of plasma at 37 °C.
        hemoglobin: Haemoglobin [kg/m³].
        saturation: Oxygen saturation, 0 to 1.
    """
    plasma, per_pressure, per_ph = plasma_content(pco2, ph)
    affinity = 3.352 - 0.456 * saturation
    distance = 8.142 - min(ph, _HIGHEST_CELL_PH)
    cells = 0.00289 * hemoglobin / (affinity * distance)
    share = 1.0 - cells
    share_per_ph = -cells / distance if ph < _HIGHEST_CELL_PH else 0.0
    share_per_saturation = -cells * 0.456 / affinity
    return (
        plasma * share,
        per_pressure * share,
        per_ph * share + plasma * share_per_ph,
        plasma * share_per_saturation,
    )
