"""Heart valves as resistances that depend on the pressures on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lumped.svzerod.laws import PIECEWISE_VALVE_LAW, TANH_VALVE_LAW
from lumped.svzerod.parameters import number
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class TanhValve:
    """A valve that closes smoothly; how far it is closed, from 0 to 1, is the unknown s.

    P_in - P_out = R Q,    R = Rmin + (Rmax - Rmin) s,    s = (1 + tanh(k (P_out - P_in))) / 2,    Q_in = Q_out

    Source: Pfaller et al. 2019, DOI 10.1007/s10237-018-1098-4, equations 16 and 22.

    Attributes:
        Rmax: Resistance of the closed valve.
        Rmin: Resistance of the open valve.
        Steepness: k, steepness of the change [1/pressure].
    """

    Rmax: float = number(least=0.0)
    Rmin: float = number(least=0.0)
    Steepness: float = number(above=0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ("valve_status",)
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        drop, _, closing = place.rows
        (p_in, q_in), (p_out, _) = place.inlets[0], place.outlets[0]
        _pass_through(stamps, place)
        stamps.linear(drop, q_in, value=-0.5 * (self.Rmax + self.Rmin))
        stamps.linear(closing, place.internal[0], value=1.0)
        parameters = (self.Rmin, self.Rmax, self.Steepness)
        stamps.law(TANH_VALVE_LAW, (drop, closing), (p_in, q_in, p_out), parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecewiseValve:
    """A valve that is open or closed.

    P_in - P_out = R Q,    R = Rmin if P_in > P_out, else Rmax,    Q_in = Q_out

    Source: Regazzoni et al. 2022, DOI 10.1016/j.jcp.2022.111083.

    Attributes:
        Rmax: Resistance of the closed valve.
        Rmin: Resistance of the open valve.
    """

    Rmax: float = number(least=0.0)
    Rmin: float = number(least=0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        (p_in, q_in), (p_out, _) = place.inlets[0], place.outlets[0]
        _pass_through(stamps, place)
        stamps.law(PIECEWISE_VALVE_LAW, place.rows[:1], (p_in, q_in, p_out), (self.Rmin, self.Rmax))


def _pass_through(stamps: Stamps, place: Place) -> None:
    drop, mass, *_ = place.rows
    (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
    stamps.linear(drop, p_in, value=1.0)
    stamps.linear(drop, p_out, value=-1.0)
    stamps.linear(mass, q_in, value=1.0)
    stamps.linear(mass, q_out, value=-1.0)
