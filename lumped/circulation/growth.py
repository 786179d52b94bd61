"""How newborns differ with size and age: body surface, heart rate, pressures, duct. Each with its source."""

from __future__ import annotations

import numpy as np

from hemoplan.errors import CaseError
from hemoplan.units import MMHG

HOUR, DAY, WEEK = 3600.0, 86400.0, 604800.0

_HEART_RATE = ((2.0, 126.0), (4.0, 121.0), (24.0, 121.0), (30.0 * 24.0, 145.0))
"""Age [h], median rate [1/min].

To a day: Tveiten et al., Arch. Dis. Child. Fetal Neonatal Ed. 106, 2021, DOI 10.1136/archdischild-2020-320761. At a
month: Fleming et al., Lancet 377, 2011, DOI 10.1016/S0140-6736(10)62226-X.
"""

_PULMONARY_PRESSURE = ((2.0, 63.4), (6.0, 51.8), (12.0, 40.9), (24.0, 34.4), (48.0, 26.2), (72.0, 25.3))
"""Age [h], mean pulmonary arterial pressure of healthy term newborns [mmHg], n = 76 (PMC4998292)."""

_DUCT_DIAMETER = ((2.0, 4.60), (6.0, 3.37), (12.0, 2.47), (24.0, 1.89), (48.0, 1.61), (72.0, 1.20))
"""Age [h], diameter of the arterial duct in the same newborns [mm]."""

_SYSTEMIC_PRESSURE = ((27.0, 41.5), (31.0, 48.0), (35.0, 53.5), (39.0, 59.5), (43.0, 62.5))
"""Postmenstrual age [weeks], median mean arterial pressure after two weeks of life [mmHg], middle of the range given.

Nickavar & Assadi, Int. J. Prev. Med. 5 (Suppl. 1), 2014, S39–S43.
"""

_BIRTH_WEIGHT, _BIRTH_LENGTH = 3.29, 0.495
"""Medians at term, mean of boys and girls [kg, m]: WHO Child Growth Standards, 2006, ISBN 92 4 154693 X."""


def body_length(weight: float) -> float:
    """Length of a newborn of this weight [m], from the median at term by the cube root of the weight [kg]."""
    return float(_BIRTH_LENGTH * (weight / _BIRTH_WEIGHT) ** (1.0 / 3.0))


def body_surface_area(weight: float, length: float | None = None) -> float:
    """Surface of the body [m²], 0.024265 W^0.5378 H^0.3964 with W in kg and H in cm.

    Haycock et al., J. Pediatr. 93, 1978, DOI 10.1016/S0022-3476(78)80601-5; from infants to adults.

    Args:
        weight: [kg].
        length: [m]; that of `body_length` if not given.
    """
    height = 100.0 * (body_length(weight) if length is None else length)
    return float(0.024265 * weight**0.5378 * height**0.3964)


def heart_rate(age: float) -> float:
    """Median heart rate at rest [1/s] of a term newborn at this age [s], 2 hours to a month.

    Raises:
        CaseError: The age is outside the table.
    """
    return _interpolated("heart_rate", _HEART_RATE, age / HOUR, "hours", "after birth") / 60.0


def pulmonary_pressure(age: float) -> float:
    """Mean pulmonary arterial pressure [Pa] of a term newborn at this age [s], 2 to 72 hours.

    Raises:
        CaseError: The age is outside the table.
    """
    return MMHG * _interpolated("pulmonary_pressure", _PULMONARY_PRESSURE, age / HOUR, "hours", "after birth")


def duct_diameter(age: float) -> float:
    """Diameter of the arterial duct [m] of a term newborn at this age [s], 2 to 72 hours.

    Raises:
        CaseError: The age is outside the table.
    """
    return 1e-3 * _interpolated("duct_diameter", _DUCT_DIAMETER, age / HOUR, "hours", "after birth")


def systemic_pressure(postmenstrual_age: float) -> float:
    """Median mean arterial pressure [Pa] at a postmenstrual age [s] of 27 to 43 weeks, two weeks after birth or later.

    Raises:
        CaseError: The age is outside the table.
    """
    weeks = postmenstrual_age / WEEK
    return MMHG * _interpolated(
        "systemic_pressure", _SYSTEMIC_PRESSURE, weeks, "weeks", "after the last period"
    )


def _interpolated(
    what: str, table: tuple[tuple[float, float], ...], age: float, unit: str, since: str
) -> float:
    """Value at an age, linear between the rows; what is measured is not continued beyond them."""
    ages, values = np.array(table).T
    if not ages[0] <= age <= ages[-1]:
        raise CaseError(
            "no normal value is known at this age",
            where=what,
            value=f"{age:.4g} {unit}",
            expected=f"{ages[0]:g} to {ages[-1]:g} {unit} {since}",
        )
    return float(np.interp(age, ages, values))
