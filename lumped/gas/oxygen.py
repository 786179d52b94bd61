"""Oxygen in blood: dissociation curve, its shifts, fetal and adult haemoglobin, content and back.

    S(x) = u / (u + k),    u = x³ + 150 x,    x = PO2 P50std / P50   [mmHg],    k = 23400
    log10 P50 = log10 P50_0 - 0.48 (pH - 7.40) + 0.0015 (PCO2 - 40) + 0.024 (T - 37)
    C = h Hb S + alpha PO2

The curve is Severinghaus' (J. Appl. Physiol. 46, 1979, DOI 10.1152/jappl.1979.46.3.599; within 0.0055 of the standard
human curve), shifted by scaling the pressure as Kelman did (J. Appl. Physiol. 21, 1966). Blood with both haemoglobins
has the sum of two curves, each with its own P50: 26.7 mmHg for adult and 18.8 for fetal haemoglobin.

| symbol | name                     | unit        | clinical unit |
|--------|--------------------------|-------------|---------------|
| C      | content                  | m³/m³ STPD  | mL/dL         |
| Hb     | `hemoglobin`             | kg/m³       | g/dL          |
| h      | `BINDING_CAPACITY`       | m³/kg       | mL/g          |
| alpha  | `SOLUBILITY`             | 1/Pa        | mL/dL/mmHg    |

Compiled; the laws take complex numbers where no iteration is needed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hemoplan.units import MMHG
from lumped.compiled import compiled

BINDING_CAPACITY = 1.36e-3
"""Oxygen that a kilogram of haemoglobin binds [m³/kg STPD]: 1.36 mL/g."""
SOLUBILITY = 3.1e-5 / MMHG
"""Dissolved oxygen [1/Pa]: 0.0031 mL/dL/mmHg at 37 °C."""
ADULT_P50 = 26.7 * MMHG
"""P50 of adult haemoglobin at pH 7.40, PCO2 40 mmHg, 37 °C [Pa]."""
FETAL_P50 = 18.8 * MMHG
"""P50 of fetal haemoglobin under the same conditions [Pa]."""
BODY_TEMPERATURE = 310.15
"""37 °C [K], to which the curve, the solubilities and the acid–base equations refer."""

_LINEAR = 150.0
_HALF = 23400.0
_STANDARD_P50 = 26.86  # mmHg; the root of u(x) = k is 26.857
_BOHR = -0.48
_CARBON_DIOXIDE_SHIFT = 0.0015 / MMHG
_TEMPERATURE_SHIFT = 0.024
_NORMAL_PCO2 = 40.0 * MMHG
_LN10 = float(np.log(10.0))
_ITERATIONS = 100


@compiled
def p50_shift(ph: Any, pco2: Any, temperature: Any) -> tuple[Any, Any, Any]:
    """Factor on the P50 of every haemoglobin, and its derivatives with respect to pH and PCO2 [1/Pa]."""
    exponent = (
        _BOHR * (ph - 7.4)
        + _CARBON_DIOXIDE_SHIFT * (pco2 - _NORMAL_PCO2)
        + _TEMPERATURE_SHIFT * (temperature - BODY_TEMPERATURE)
    )
    factor = np.exp(_LN10 * exponent)
    return factor, factor * _LN10 * _BOHR, factor * _LN10 * _CARBON_DIOXIDE_SHIFT


@compiled
def severinghaus(po2: Any, p50: Any) -> tuple[Any, Any]:
    """Saturation of one haemoglobin and dS/dPO2 [1/Pa].

    Below zero the curve goes on as its tangent, so that a transport scheme that overshoots finds a slope there.
    """
    scale = _STANDARD_P50 / p50
    if po2.real <= 0.0:
        return po2 * scale * (_LINEAR / _HALF), scale * (_LINEAR / _HALF)
    x = po2 * scale
    u = x * (x * x + _LINEAR)
    rest = 1.0 / (u + _HALF)
    return u * rest, _HALF * (3.0 * x * x + _LINEAR) * rest * rest * scale


@compiled
def saturation(
    po2: Any,
    shift: Any = 1.0,
    fetal_fraction: Any = 0.0,
    adult_p50: Any = ADULT_P50,
    fetal_p50: Any = FETAL_P50,
) -> tuple[Any, Any]:
    """Saturation of mixed haemoglobin and dS/dPO2 [1/Pa].

    Args:
        po2: Oxygen partial pressure [Pa].
        shift: Factor on both P50, from `p50_shift`.
        fetal_fraction: Share of fetal haemoglobin, 0 to 1.
        adult_p50: P50 of adult haemoglobin, not shifted [Pa].
        fetal_p50: P50 of fetal haemoglobin, not shifted [Pa].
    """
    adult, adult_slope = severinghaus(po2, adult_p50 * shift)
    fetal, fetal_slope = severinghaus(po2, fetal_p50 * shift)
    return (
        adult + fetal_fraction * (fetal - adult),
        adult_slope + fetal_fraction * (fetal_slope - adult_slope),
    )


@compiled
def oxygen_content(
    po2: Any,
    hemoglobin: Any,
    shift: Any = 1.0,
    fetal_fraction: Any = 0.0,
    adult_p50: Any = ADULT_P50,
    fetal_p50: Any = FETAL_P50,
) -> tuple[Any, Any]:
    """Oxygen content [m³/m³ STPD] and its derivative with respect to PO2 [1/Pa]; arguments as in `saturation`."""
    s, slope = saturation(po2, shift, fetal_fraction, adult_p50, fetal_p50)
    bound = BINDING_CAPACITY * hemoglobin
    return bound * s + SOLUBILITY * po2, bound * slope + SOLUBILITY


@compiled
def pressure_at_saturation(s: float, p50: float) -> float:
    """PO2 [Pa] at which one haemoglobin is saturated to `s`, 0 <= s < 1: the one real root of u(x) = k s / (1 - s)."""
    half = 0.5 * _HALF * s / (1.0 - s)
    root = math.sqrt(half * half + (_LINEAR / 3.0) ** 3)
    # x = a - b with a b = 50 from Cardano; written so that nothing cancels where the saturation is small.
    a = math.pow(half + root, 1.0 / 3.0)
    b = _LINEAR / 3.0 / a
    return 2.0 * half / (a * a + a * b + b * b) * p50 / _STANDARD_P50


@compiled
def oxygen_pressure(
    content: float,
    hemoglobin: float,
    shift: float = 1.0,
    fetal_fraction: float = 0.0,
    adult_p50: float = ADULT_P50,
    fetal_p50: float = FETAL_P50,
) -> float:
    """PO2 [Pa] of blood of a given oxygen content [m³/m³ STPD]: the inverse of `oxygen_content`.

    Newton's method from a Cardano root, kept inside a bracket that always holds the root, so that it cannot fail. A
    content below zero gives a pressure below zero, on the tangent.
    """
    po2: float
    if content <= 0.0:
        po2 = content / oxygen_content(0.0, hemoglobin, shift, fetal_fraction, adult_p50, fetal_p50)[1]
        return po2
    bound = BINDING_CAPACITY * hemoglobin
    low, high = max(0.0, (content - bound) / SOLUBILITY), content / SOLUBILITY
    p50 = shift * math.pow(adult_p50, 1.0 - fetal_fraction) * math.pow(fetal_p50, fetal_fraction)
    po2 = pressure_at_saturation(min(content, 0.995 * bound) / max(bound, content), p50)
    po2 = min(max(po2, low), high)
    for _ in range(_ITERATIONS):
        value, slope = oxygen_content(po2, hemoglobin, shift, fetal_fraction, adult_p50, fetal_p50)
        surplus = value - content
        if surplus > 0.0:
            high = po2
        else:
            low = po2
        last = po2
        po2 -= surplus / slope
        if not low <= po2 <= high:
            po2 = 0.5 * (low + high)
        if abs(po2 - last) <= 1e-14 * last:
            break
    return po2
