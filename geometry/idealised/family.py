"""Families of anatomies: functions of a few clinical numbers, whose limits and units are read from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, get_type_hints

from geometry.idealised.anatomy import Anatomy
from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from hemoplan.units import Quantity, to_unit

Weight = Annotated[float, Quantity("kg", 0.4, 120.0)]
Diameter = Annotated[float, Quantity("mm", 0.5, 50.0)]
Length = Annotated[float, Quantity("mm", 1.0, 500.0)]
Offset = Annotated[float, Quantity("mm", -50.0, 50.0)]
Severity = Annotated[float, Quantity("percent", 0.0, 95.0)]
"""Part of the diameter that is lost, 0 to 0.95."""
Factor = Annotated[float, Quantity("percent", 100.0, 500.0)]
"""A diameter relative to its neighbour's, 1 to 5."""
Angle = Annotated[float, Quantity("degree", 5.0, 180.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number of a family.

    Attributes:
        name: Its name, in code and in files.
        quantity: Its unit in files, and its limits.
        default: Its default [SI]; None where it follows from other numbers, such as the weight.
        meaning: One sentence.
    """

    name: str
    quantity: Quantity
    default: float | None
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of anatomies.

    Attributes:
        name: Its name in files.
        summary: What it is.
        parameters: What it can be told.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., Anatomy]

    def build(self, **values: float) -> Anatomy:
        """An anatomy of this family.

        Args:
            values: Parameters [SI]; defaults for the rest.

        Raises:
            CaseError: A parameter is unknown or out of range, or the numbers give no anatomy.
        """
        return self.make(**values)

    def read(self, values: Mapping[str, object]) -> dict[str, float]:
        """Parameters in SI, of what a file says in texts with units.

        Raises:
            CaseError: A parameter is unknown, has no unit or the wrong one, or is out of range; all are listed.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        read, problems = {}, []
        for name, text in values.items():
            if name not in known:
                problems.append(
                    f"[parameters.{name}] unknown parameter of '{self.name}'; {hint(name, known)}"
                )
                continue
            try:
                read[name] = known[name].quantity.validate(text)
            except ValueError as error:
                problems.append(f"[parameters.{name}] {error} (value: {text!r})")
        if problems:
            raise CaseError("; ".join(problems))
        return read


def family[**P](function: Callable[P, Anatomy]) -> Callable[P, Anatomy]:
    """Check the keyword arguments of a family's function [SI] against the limits in its signature."""
    parameters = describe(function).parameters

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Anatomy:
        known = {parameter.name: parameter for parameter in parameters}
        for name, value in kwargs.items():
            if name not in known:
                raise CaseError(
                    "unknown parameter",
                    where=f"{function.__name__}.{name}",
                    expected=hint(name, known).removeprefix("expected "),
                )
            if value is not None:
                _check(function.__name__, known[name], value)
        return function(*args, **kwargs)

    return checked


def describe(function: Callable[..., Anatomy]) -> Family:
    """The family of a function: limits and units from its annotations, meanings from its docstring."""
    hints = get_type_hints(function, include_extras=True)
    text = inspect.getdoc(function) or ""
    meanings = _meanings(text)
    parameters = tuple(
        Parameter(
            name=name,
            quantity=_quantity(hints[name]),
            default=entry.default,
            meaning=meanings.get(name, ""),
        )
        for name, entry in inspect.signature(function).parameters.items()
    )
    return Family(
        name=function.__name__,
        summary=text.split("\n", 1)[0].strip(),
        parameters=parameters,
        make=function,
    )


def _check(family_name: str, parameter: Parameter, value: object) -> None:
    quantity = parameter.quantity
    limits = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}"
    where = f"{family_name}.{parameter.name}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CaseError("not a number", where=where, value=repr(value), expected=f"a number in SI, {limits}")
    shown = to_unit(float(value), quantity.unit)
    if not quantity.low * (1.0 - 1e-9) <= shown <= quantity.high * (1.0 + 1e-9):
        raise CaseError("out of range", where=where, value=f"{shown:.4g} {quantity.unit}", expected=limits)


def _quantity(annotation: object) -> Quantity:
    """The quantity inside of `Annotated[float, Quantity(…)]`, also where `| None` follows it."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        for entry in getattr(part, "__metadata__", ()):
            if isinstance(entry, Quantity):
                return entry
    raise TypeError(f"a family's argument needs a Quantity, not {annotation}")


def _meanings(docstring: str) -> dict[str, str]:
    """First lines of the entries under 'Args:'."""
    found: dict[str, str] = {}
    _, _, arguments = docstring.partition("Args:\n")
    for line in arguments.partition("\n\n")[0].splitlines():
        if line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, meaning = line.strip().partition(": ")
            found[name] = meaning
        elif found and line.startswith("        "):
            found[next(reversed(found))] += " " + line.strip()
    return found
