"""What a kind of block is: its parameters with unit, range and source, and how they become the numbers of a law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from hemoplan.units import parse_quantity

type Values = Mapping[str, float]
"""Parameters by name, in SI; complex where a derivative is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blood:
    """Blood as it flows through a loss.

    Attributes:
        density: [kg/m³].
        viscosity: Dynamic [Pa s].
    """

    density: float = 1060.0
    viscosity: float = 0.0035


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a block needs.

    Attributes:
        name: As files spell it.
        unit: Clinical unit in which files and tables show it; "1" for none.
        low, high: Range that makes sense, in this unit; outside it is refused.
        meaning: One clause.
        default: In this unit; None if it must be given.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    default: float | None = None

    @property
    def factor(self) -> float:
        """One of its unit in SI."""
        return unit_factor(self.unit)


@cache
def unit_factor(unit: str) -> float:
    """One of a unit in SI."""
    return 1.0 if unit == "1" else parse_quantity(f"1 {unit}", unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of block.

    Attributes:
        name: As files spell it.
        law: Which compiled law it follows.
        parameters: What it needs.
        pack: From the parameters [SI] and the blood to the law's numbers.
        meaning: The equation, or what it stands for.
        source: Where it is published.
        check: What the parameters must satisfy together: a message, or nothing where they do.
    """

    name: str
    law: int
    parameters: tuple[Parameter, ...]
    pack: Callable[[Values, Blood], Sequence[float]]
    meaning: str
    source: str = ""
    check: Callable[[Values], str] = lambda values: ""

    def parameter(self, name: str) -> Parameter:
        """The parameter of this name."""
        return next(each for each in self.parameters if each.name == name)

    def complete(self, values: Values) -> dict[str, float]:
        """The parameters with the defaults of those that are not given [SI].

        Raises:
            KeyError: One that has no default is not given.
        """
        full = {}
        for each in self.parameters:
            if each.name in values:
                full[each.name] = values[each.name]
            elif each.default is None:
                raise KeyError(each.name)
            else:
                full[each.name] = each.default * each.factor
        return full


def in_order(*names: str) -> Callable[[Values, Blood], Sequence[float]]:
    """A packing that takes parameters as they are."""
    return lambda values, blood: [values[name] for name in names]


def catalogue(*kinds: Kind) -> Mapping[str, Kind]:
    """Kinds by name."""
    return {kind.name: kind for kind in kinds}
