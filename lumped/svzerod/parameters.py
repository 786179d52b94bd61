"""Parameter records of blocks: what a field of a frozen dataclass may hold, and how JSON becomes such a record.

The files carry no units: a number means what the user's consistent set of units makes of it, most often cm, g, s. So
only signs and lengths of lists can be checked, and a record says for each parameter which sign it must have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from enum import Enum
from typing import Any

from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from lumped.svzerod.signals import Signal, read_signal

COMMENT = "_"
"""A key that begins so is a comment."""


class Kind(Enum):
    """What the JSON value of a parameter is."""

    NUMBER = "a number"
    NUMBERS = "a list of numbers"
    SIGNAL = "a number, or a list of numbers beside the times 't'"
    IGNORED = "anything"


def number(default: Any = MISSING, *, least: float = -math.inf, above: float = -math.inf) -> Any:
    """A dataclass field: a number of at least `least` and larger than `above`."""
    return field(default=default, metadata={"kind": Kind.NUMBER, "least": least, "above": above})


def numbers(*, least: float = -math.inf) -> Any:
    """A dataclass field: a list of numbers of at least `least`, read as a tuple."""
    return field(metadata={"kind": Kind.NUMBERS, "least": least, "above": -math.inf})


def signal(default: Any = MISSING, *, least: float = -math.inf, expression: bool = False) -> Any:
    """A dataclass field: a function of time, given by samples at the times 't' or, where allowed, as 'fn'."""
    metadata = {"kind": Kind.SIGNAL, "least": least, "above": -math.inf, "expression": expression}
    return field(default=default, metadata=metadata)


def ignored() -> Any:
    """A dataclass field: a key that the reader of the network looks at, or that old files carry."""
    return field(default=None, metadata={"kind": Kind.IGNORED})


def read_record[T](
    record: type[T], values: Mapping[str, Any], where: str, *, periodic: bool = True, also: Iterable[str] = ()
) -> T:
    """Make a parameter record from the JSON object of a block.

    Args:
        record: A dataclass whose fields were made by the functions above and are named as in the file.
        values: The JSON object; keys that begin with an underscore are comments.
        where: File and block, for messages.
        periodic: Whether samples repeat with the heart.
        also: Keys that belong to someone else and are passed over.

    Raises:
        CaseError: A key is unknown or missing, or a value is of the wrong type, sign or length.
    """
    known: dict[str, Field[Any]] = {each.name: each for each in fields(record)}  # type: ignore[arg-type]
    sampled = any(each.metadata["kind"] is Kind.SIGNAL for each in known.values())
    formula = any(each.metadata.get("expression", False) for each in known.values())
    allowed = {*known, *also, *(("t",) if sampled else ()), *(("fn",) if formula else ())}
    for key in values:
        if not key.startswith(COMMENT) and key not in allowed:
            raise CaseError(f"unknown parameter '{key}'; {hint(key, allowed)}", where=where)
    content: dict[str, Any] = {}
    for name, each in known.items():
        kind = each.metadata["kind"]
        if kind is Kind.SIGNAL and (name in values or "fn" in values and each.metadata["expression"]):
            content[name] = read_signal(values, name, where, least=each.metadata["least"], periodic=periodic)
        elif name not in values:
            if each.default is MISSING:
                raise CaseError(
                    f"the parameter '{name}' is missing",
                    where=where,
                    expected=kind.value,
                )
            content[name] = Signal.constant(each.default) if kind is Kind.SIGNAL else each.default
        elif kind is Kind.NUMBERS:
            content[name] = _read_numbers(values[name], name, where, each.metadata["least"])
        elif kind is Kind.NUMBER:
            content[name] = read_number(values[name], name, where, each.metadata)
        else:
            content[name] = values[name]
    return record(**content)


def read_number(
    value: object, name: str, where: str, limits: Mapping[str, Any] = {"least": -math.inf, "above": -math.inf}
) -> float:
    """Check that a JSON value is a finite number within its limits.

    Raises:
        CaseError: It is not.
    """
    least, above = limits["least"], limits["above"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CaseError(f"'{name}' is not a number", where=where, value=value, expected="a finite number")
    if value < least or value <= above:
        bound = f"a number of at least {least:g}" if value < least else f"a number larger than {above:g}"
        raise CaseError(f"'{name}' is too small", where=where, value=value, expected=bound)
    return float(value)


def _read_numbers(value: object, name: str, where: str, least: float) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise CaseError(f"'{name}' is not a list", where=where, value=value, expected=Kind.NUMBERS.value)
    limits = {"least": least, "above": -math.inf}
    return tuple(read_number(each, f"{name}[{i}]", where, limits) for i, each in enumerate(value))
