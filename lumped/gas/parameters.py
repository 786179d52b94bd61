"""Fields of parameter records that know their unit, their range and their source, and check themselves."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import Any

from hemoplan.errors import CaseError
from hemoplan.units import registry


def parameter(
    unit: str, low: float, high: float, *, default: object = dataclasses.MISSING, source: str = ""
) -> Any:
    """A dataclass field in SI whose limits are given in a clinical unit.

    Args:
        unit: Clinical unit, in which messages speak; "1" for a pure number.
        low: Least value allowed [unit].
        high: Greatest value allowed [unit].
        default: Value in SI; none if it must be given.
        source: Where the default comes from.
    """
    metadata = {"unit": unit, "low": low, "high": high, "source": source}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_parameters(record: Any) -> None:
    """Check every `parameter` of a dataclass instance against its limits.

    Raises:
        CaseError: A value is not a number, not finite, or outside its limits; the message names record and parameter.
    """
    for each in dataclasses.fields(record):
        if "unit" in each.metadata:
            limits = each.metadata
            check_value(
                describe(record),
                each.name,
                getattr(record, each.name),
                limits["unit"],
                limits["low"],
                limits["high"],
            )


def check_value(where: str, name: str, value: object, unit: str, low: float, high: float) -> float:
    """The value, if it is a finite number within [low, high], which are given in `unit`.

    Raises:
        CaseError: It is not.
    """
    shown_name = name.replace("_", " ")
    shown_unit = "" if unit == "1" else f" {unit}"
    expected = f"{low:g} to {high:g}{shown_unit}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CaseError(f"{shown_name} is not a number", where=where, value=value, expected=expected)
    shown = value / si_size(unit)
    slack = 1e-9 * max(abs(low), abs(high))
    if not low - slack <= shown <= high + slack:
        raise CaseError(
            f"{shown_name} is out of range", where=where, value=f"{shown:.4g}{shown_unit}", expected=expected
        )
    return float(value)


def describe(record: object) -> str:
    """The class name as words: `PressureControl` becomes "pressure control"."""
    name = type(record).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


@cache
def si_size(unit: str) -> float:
    """How large one of `unit` is in SI."""
    return 1.0 if unit == "1" else float(registry.Quantity(1.0, unit).to_base_units().magnitude)
