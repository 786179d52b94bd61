"""Measured values as a bedside file spells them: `"62/38 (47) mmHg"`, `"142 +- 3 /min"`, `"0.68 L/min +- 10 %"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hemoplan.units import parse_quantity

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PLUS_MINUS = re.compile(r"\+-|\+/-|±")
_PRESSURES = re.compile(
    rf"\s*(?P<systolic>{_NUMBER})\s*/\s*(?P<diastolic>{_NUMBER})\s*(?:\(\s*(?P<mean>{_NUMBER})\s*\))?\s*(?P<unit>[A-Za-z].*)?"
)
_NUMBER_AND_UNIT = re.compile(rf"\s*(?P<number>{_NUMBER})\s*(?P<unit>.*?)\s*")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a text says.

    Attributes:
        values: By statistic [SI]; under "" where it is one number.
        sigma: One standard deviation [SI], if the text says it.
        share: The same as a share of the value, if the text says it so.
    """

    values: dict[str, float]
    sigma: float | None = None
    share: float | None = None


def read_measured(value: object, unit: str, *, weight: float | None = None) -> Measured:
    """A measured value in SI.

    Args:
        value: A text with a unit; a plain number where the unit is "1".
        unit: A unit of the wanted dimension.
        weight: Of the child [kg], for values given per kilogram.

    Raises:
        ValueError: It cannot be read; the message says what was expected.
    """
    if not isinstance(value, str):
        return Measured({"": _quantity(value, unit, weight)})
    left, *right = _PLUS_MINUS.split(value)
    if len(right) > 1:
        raise ValueError('more than one "+-"')
    spread = right[0].strip() if right else ""
    pressures = _PRESSURES.fullmatch(left)
    if pressures is not None and unit == "mmHg":
        text_unit = (pressures["unit"] or _unit_of(spread)).strip()
        names = [name for name in ("systolic", "diastolic", "mean") if pressures[name] is not None]
        values = {name: _quantity(f"{pressures[name]} {text_unit}", unit, weight) for name in names}
    else:
        text_unit = _unit_of(left) or _unit_of(spread)
        number = _NUMBER_AND_UNIT.fullmatch(left)
        bare = number is not None and not number["unit"] and text_unit and unit != "1"
        values = {"": _quantity(f"{left.strip()} {text_unit}" if bare else left, unit, weight)}
    if not right:
        return Measured(values)
    return _with_spread(values, spread, text_unit, unit, weight)


def read_uncertainty(value: object, unit: str, *, weight: float | None = None) -> Measured:
    """One standard deviation alone, as a value or as a share, `"3 mmHg"` or `"10 %"`; no values.

    Raises:
        ValueError: It cannot be read.
    """
    if not isinstance(value, str):
        return _with_spread({}, f"{_quantity(value, unit, weight)}", "", unit, weight)
    return _with_spread({}, value, "", unit, weight)


def _with_spread(
    values: dict[str, float], spread: str, text_unit: str, unit: str, weight: float | None
) -> Measured:
    """A spread in "%" is a share of the value, but points of a quantity that is itself a percentage."""
    number = _NUMBER_AND_UNIT.fullmatch(spread)
    if number is None:
        raise ValueError(f'the uncertainty "{spread}" is not a number with a unit')
    if number["unit"] == "%" and unit != "%":
        share = float(number["number"]) / 100.0
        if not share > 0.0:
            raise ValueError(f'the uncertainty "{spread}" is not positive')
        return Measured(values, share=share)
    sigma = _quantity(spread if number["unit"] else f"{spread} {text_unit}", unit, weight)
    if not sigma > 0.0:
        raise ValueError(f'the uncertainty "{spread}" is not positive')
    return Measured(values, sigma=sigma)


def _unit_of(text: str) -> str:
    number = _NUMBER_AND_UNIT.fullmatch(text)
    return "" if number is None else number["unit"]


def _quantity(value: object, unit: str, weight: float | None) -> float:
    """A number in SI, from one per kilogram if need be."""
    text = value.strip() if isinstance(value, str) else value
    if unit == "1" and isinstance(text, str) and re.fullmatch(_NUMBER, text):
        return float(text)
    try:
        return parse_quantity(text, unit)
    except ValueError as error:
        try:
            each_kilogram = parse_quantity(text, f"({unit})/kg")
        except ValueError:
            raise error from None
        if weight is None:
            raise ValueError("a value per kilogram needs the child's 'weight'") from None
        return each_kilogram * weight
