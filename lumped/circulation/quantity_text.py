"""Numbers of a circulation as its file spells them: `"1.2 mmHg*s/mL"`, exact in both directions."""

from __future__ import annotations

import math
from functools import lru_cache

from hemoplan.units import parse_quantity

SHORTEST, LONGEST = 6, 17
"""Significant digits: what looks like a number that someone wrote, and what holds any double."""


@lru_cache(maxsize=4096)
def _parsed(text: str, unit: str) -> float:
    return parse_quantity(text, unit)


def read_quantity(value: object, unit: str) -> float:
    """A number of a file in SI.

    Args:
        value: A text with a unit, or a plain number where the unit is "1".
        unit: A unit of the wanted dimension.

    Raises:
        ValueError: It cannot be read; the message names what was expected.
    """
    if unit != "1":
        return _parsed(value, unit) if isinstance(value, str) else parse_quantity(value, unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number without a unit")
    if not math.isfinite(value):
        raise ValueError("not a finite number; expected a number without a unit")
    return float(value)


def quantity_text(value: float, unit: str) -> str:
    """The shortest text in a unit that `read_quantity` turns into this SI number.

    Some doubles are no double times the unit's factor; then the nearest one, off by a unit in the last place.
    """
    factor = _parsed(f"1 {unit}", unit)
    return f"{number_text(value, factor)} {unit.removeprefix('1')}"


def number_text(value: float, factor: float) -> str:
    """The shortest decimal x with x * factor = value, or the nearest there is."""
    shown = value / factor
    near = (shown, math.nextafter(shown, math.inf), math.nextafter(shown, -math.inf))
    best = min(near, key=lambda x: abs(x * factor - value))
    texts = (f"{shown:.{digits}g}" for digits in range(SHORTEST, LONGEST + 1))
    exact = next((text for text in texts if float(text) * factor == value), None)
    return exact or repr(best).removesuffix(".0")
