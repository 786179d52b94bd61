"""Units: SI inside, clinical units at the edge. Only this module and the edge files convert.

A dimensional value in a case file is a string with its unit, such as `"0.8 mm"`; a bare number is an error.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pint
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

registry: pint.UnitRegistry[float] = pint.UnitRegistry()
registry.define("Wood_unit = mmHg * minute / liter = WU")
registry.define("beat = []")

MMHG = float(registry.Quantity(1.0, "mmHg").m_as("Pa"))
"""One millimetre of mercury in pascal."""
ML = 1.0e-6
"""One millilitre in m³."""
ML_PER_MIN = 1.0e-6 / 60.0
"""One millilitre a minute in m³/s."""
ML_PER_S = 1.0e-6
"""One millilitre a second in m³/s."""


def parse_quantity(text: object, unit: str) -> float:
    """Turn a text with a unit into a number in SI.

    Args:
        text: What the user wrote, such as `"78 mmHg"`.
        unit: A unit of the wanted dimension, used in messages; the result is in SI base units.

    Raises:
        ValueError: No unit, not a number, or the wrong dimension. The message names what was expected.
    """
    example = f'a text with a unit of the kind "{unit}"'
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"not a quantity; expected {example}")
    if isinstance(text, int | float):
        if registry.Unit(unit).dimensionless:
            return float(text)
        raise ValueError(f'missing unit; expected {example}, such as "{text:g} {unit}"')
    if "," in text:
        # pint leaves commas out, so that "3,4 kg" would be thirty-four kilograms.
        raise ValueError(f"a comma in a number; write a decimal point; expected {example}")
    try:
        quantity = registry.Quantity(text.strip())
    except pint.UndefinedUnitError as error:
        names = ", ".join(re.findall("'[^']*'", str(error)))
        raise ValueError(f"unknown unit {names}; expected {example}") from error
    except Exception as error:  # pint's parser raises errors of many kinds, tokeniser errors among them
        raise ValueError(f"cannot be read as a number with a unit; expected {example}") from error
    if not isinstance(quantity, pint.Quantity):
        raise ValueError(f"missing unit; expected {example}")
    if quantity.dimensionality != registry.Unit(unit).dimensionality:
        if quantity.unitless:
            raise ValueError(f"missing unit; expected {example}")
        raise ValueError(f"wrong dimension {quantity.dimensionality}; expected {example}")
    value = float(quantity.to_base_units().magnitude)
    if not math.isfinite(value):
        raise ValueError(f"not a finite number; expected {example}")
    return value


@dataclass(frozen=True, slots=True)
class Quantity:
    """What pydantic is to do with `Annotated[float, Quantity("mm", 0.1, 500.0)]`.

    A text with a unit becomes a float in SI, and must lie in [low, high], given in `unit`.
    """

    unit: str
    low: float
    high: float

    def validate(self, text: object) -> float:
        """Turn what the case file says into a number in SI.

        Raises:
            ValueError: It cannot be read, or lies outside the limits.
        """
        value = parse_quantity(text, self.unit)
        shown = to_unit(value, self.unit)
        slack = 1e-12 * max(abs(self.low), abs(self.high))
        if not self.low - slack <= shown <= self.high + slack:
            limits = f"{self.low:g} to {self.high:g} {self.unit}"
            raise ValueError(f"out of range: {shown:.4g} {self.unit}; expected {limits}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The text is read before pydantic sees the number."""
        return core_schema.no_info_before_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """In a case file it is a text."""
        return {
            "type": "string",
            "description": f"a number with a unit, {self.low:g} to {self.high:g} {self.unit}",
            "examples": [f"{self.low:g} {self.unit}"],
        }


def to_unit(value: float, unit: str) -> float:
    """Convert an SI number to a clinical unit, such as `to_unit(p, "mmHg")`."""
    scale = float(registry.Quantity(1.0, unit).to_base_units().magnitude)
    return value / scale
