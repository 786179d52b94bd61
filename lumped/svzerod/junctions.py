"""Junctions: where vessels meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hemoplan.errors import CaseError
from lumped.svzerod.laws import QUADRATIC_LAW
from lumped.svzerod.parameters import numbers
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """One pressure at all ends, and what flows in flows out.

    P_1 = P_i for every other end i,    sum of Q over the inlets = sum of Q over the outlets
    """

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (None, None)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return inlets + outlets

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        *equalities, mass = place.rows
        (first, _), *others = (*place.inlets, *place.outlets)
        for row, (pressure, _) in zip(equalities, others, strict=True):
            stamps.linear(row, first, value=1.0)
            stamps.linear(row, pressure, value=-1.0)
        _conserve(stamps, mass, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistiveJunction:
    """A resistance between each end and the pressure in the middle.

                     +--[ R_k ]--o P_out,k  Q_out,k ->
        P_in --[ R ]-+ P_c
                     +--[ R_m ]--o P_out,m

        P_in,i - R_i Q_in,i = P_c,    P_c - R_k Q_out,k = P_out,k,    sum Q_in = sum Q_out

    Attributes:
        R: Resistances of the inlets, then of the outlets.
    """

    R: tuple[float, ...] = numbers(least=0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ("pressure_c",)
    ENDS: ClassVar[Ends] = (None, None)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations.

        Raises:
            CaseError: There is not one resistance for each end.
        """
        if len(self.R) != inlets + outlets:
            raise CaseError(
                "'R' does not have one resistance for each vessel",
                value=f"{len(self.R)} resistances",
                expected=f"{inlets} for the inlets, then {outlets} for the outlets",
            )
        return inlets + outlets + 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        *drops, mass = place.rows
        (middle,) = place.internal
        signs = (1.0,) * len(place.inlets) + (-1.0,) * len(place.outlets)
        ends = (*place.inlets, *place.outlets)
        for row, sign, (pressure, flow), R in zip(drops, signs, ends, self.R, strict=True):
            stamps.linear(row, pressure, value=sign)
            stamps.linear(row, middle, value=-sign)
            stamps.linear(row, flow, value=-R)
        _conserve(stamps, mass, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodVesselJunction:
    """A short vessel without compliance from the one inlet to each outlet.

        P_in o--+--[ R_k + S_k |Q_k| ]--( L_k )--o P_k   Q_k ->
        Q_in -> |
                +--[ R_m + S_m |Q_m| ]--( L_m )--o P_m

        Q_in = sum of Q_k,    P_in - P_k - (R_k + S_k |Q_k|) Q_k - L_k Q_k' = 0

    Attributes:
        R_poiseuille: Resistances, one for each outlet.
        L: Inertances.
        stenosis_coefficient: Coefficients S of the quadratic losses; a fit to data may make them negative.
    """

    R_poiseuille: tuple[float, ...] = numbers()
    L: tuple[float, ...] = numbers(least=0.0)
    stenosis_coefficient: tuple[float, ...] = numbers()

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, None)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations.

        Raises:
            CaseError: A list does not have one number for each outlet.
        """
        for name in ("R_poiseuille", "L", "stenosis_coefficient"):
            if len(getattr(self, name)) != outlets:
                raise CaseError(
                    f"'{name}' does not have one number for each outlet",
                    value=f"{len(getattr(self, name))} numbers",
                    expected=f"{outlets}",
                )
        return outlets + 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        mass, *drops = place.rows
        (p_in, _) = place.inlets[0]
        for k, (row, (p_out, q_out)) in enumerate(zip(drops, place.outlets, strict=True)):
            stamps.linear(row, p_in, value=1.0)
            stamps.linear(row, p_out, value=-1.0)
            stamps.linear(row, q_out, value=-self.R_poiseuille[k], rate=-self.L[k])
            if self.stenosis_coefficient[k] != 0.0:
                stamps.law(QUADRATIC_LAW, (row,), (q_out,), (self.stenosis_coefficient[k],))
        _conserve(stamps, mass, place)


def _conserve(stamps: Stamps, row: int, place: Place) -> None:
    for _, flow in place.inlets:
        stamps.linear(row, flow, value=1.0)
    for _, flow in place.outlets:
        stamps.linear(row, flow, value=-1.0)
