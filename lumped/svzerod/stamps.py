"""What a block writes its equations to, and what every block must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from hemoplan.arrays import FloatArray
from lumped.svzerod.laws import Law
from lumped.svzerod.signals import Driver


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """State that a simulation starts from.

    Attributes:
        y: (n,) unknowns.
        rates: (n,) their rates.
        settled: Whether it is the steady state, in which signals stand at their mean.
    """

    y: FloatArray
    rates: FloatArray
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Equations and unknowns of a block within the whole.

    Attributes:
        rows: Its equations.
        inlets: Columns (pressure, flow) of each inlet.
        outlets: The same of each outlet.
        internal: Columns of its internal unknowns.
    """

    rows: tuple[int, ...]
    inlets: tuple[tuple[int, int], ...]
    outlets: tuple[tuple[int, int], ...]
    internal: tuple[int, ...]

    @property
    def end(self) -> tuple[int, int]:
        """Columns (pressure, flow) of the only end of a boundary condition."""
        return (*self.inlets, *self.outlets)[0]


class Stamps(Protocol):
    """Receiver of the equations E y' + F y + c(y, y', t) = 0.

    Attributes:
        steady: Whether the steady start is sought, so that capacitors behind outlets are left out.
        start: State that the simulation starts from; None while the steady start is sought.
        period: Period of the heart.
        steps_per_period: Time steps in a period, None where the period is no whole number of steps.
    """

    steady: bool
    start: Start | None
    period: float
    steps_per_period: int | None

    def linear(self, row: int, column: int, *, value: float = 0.0, rate: float = 0.0) -> None:
        """Add to F and to E."""

    def law(
        self, law: Law, rows: Sequence[int], columns: Sequence[int], parameters: Sequence[float | Driver]
    ) -> None:
        """Add a law; a parameter may be driven in time."""

    def memory(self, row: int, flow: int, base: float, kernel: Sequence[float]) -> None:
        """Add a source -(base + sum over m >= 1 of kernel[m] times the flow m steps ago)."""

    def unknown(self, name: str) -> int:
        """Column of an unknown that belongs to another block."""
        ...

    def neighbour(self, name: str) -> object | None:
        """Parameter record of another block, None where there is none of this name."""
        ...


type Ends = tuple[int | None, int | None] | None


class Block(Protocol):
    """A parameter record that knows its equations.

    Attributes:
        INTERNAL: Names of the unknowns beside the pressures and flows at its ends.
        ENDS: Numbers of inlets and outlets it must have, None for any number of at least one; None as a whole where it
            must have one end, whichever it is.
    """

    INTERNAL: ClassVar[tuple[str, ...]]
    ENDS: ClassVar[Ends]

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations.

        Raises:
            CaseError: The parameters do not fit the number of ends.
        """
        ...

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations at a place."""
