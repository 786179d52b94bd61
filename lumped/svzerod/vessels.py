"""Vessels: lumped resistance, compliance, inertance and stenosis of a segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lumped.svzerod.laws import QUADRATIC_LAW, STENOSIS_LAW
from lumped.svzerod.parameters import number
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodVessel:
    """A vessel whose compliance lies behind its resistance.

        P_in o--[ R + S |Q_in| ]--+--( L )--o P_out
          Q_in ->                 |     Q_out ->
                                 === C
                                  |

        P_in - P_out - (R + S |Q_in|) Q_in - L Q_out' = 0
        Q_in - Q_out - C P_in' + C (R + 2 S |Q_in|) Q_in' = 0

    Source: Pfaller et al. 2022, DOI 10.1002/cnm.3639; for S, Steele et al. 2003, DOI 10.1109/TBME.2003.812201.

    Attributes:
        R_poiseuille: R, resistance [pressure time / volume].
        C: Compliance [volume / pressure].
        L: Inertance [pressure time² / volume].
        stenosis_coefficient: S [pressure time² / volume²]; a fit to data may make it negative.
    """

    R_poiseuille: float = number(least=0.0)
    C: float = number(0.0, least=0.0)
    L: float = number(0.0, least=0.0)
    stenosis_coefficient: float = number(0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        momentum, mass = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        stamps.linear(momentum, p_in, value=1.0)
        stamps.linear(momentum, q_in, value=-self.R_poiseuille)
        stamps.linear(momentum, p_out, value=-1.0)
        stamps.linear(momentum, q_out, rate=-self.L)
        stamps.linear(mass, q_in, value=1.0, rate=self.C * self.R_poiseuille)
        stamps.linear(mass, q_out, value=-1.0)
        stamps.linear(mass, p_in, rate=-self.C)
        if self.stenosis_coefficient != 0.0:
            stamps.law(STENOSIS_LAW, place.rows, (q_in,), (self.stenosis_coefficient, self.C))


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodVesselCRL:
    """A vessel whose compliance lies before its resistance.

        P_in o--+--[ R + S |Q_out| ]--( L )--o P_out
        Q_in -> |                      Q_out ->
               === C
                |

        P_in - P_out - (R + S |Q_out|) Q_out - L Q_out' = 0
        Q_in - Q_out - C P_in' = 0

    Source: Regazzoni et al. 2022, DOI 10.1016/j.jcp.2022.111083.

    Attributes:
        R_poiseuille: R, resistance [pressure time / volume].
        C: Compliance [volume / pressure].
        L: Inertance [pressure time² / volume].
        stenosis_coefficient: S [pressure time² / volume²].
    """

    R_poiseuille: float = number(least=0.0)
    C: float = number(0.0, least=0.0)
    L: float = number(0.0, least=0.0)
    stenosis_coefficient: float = number(0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        momentum, mass = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        stamps.linear(momentum, p_in, value=1.0)
        stamps.linear(momentum, p_out, value=-1.0)
        stamps.linear(momentum, q_out, value=-self.R_poiseuille, rate=-self.L)
        stamps.linear(mass, q_in, value=1.0)
        stamps.linear(mass, q_out, value=-1.0)
        stamps.linear(mass, p_in, rate=-self.C)
        if self.stenosis_coefficient != 0.0:
            stamps.law(QUADRATIC_LAW, (momentum,), (q_out,), (self.stenosis_coefficient,))


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodVesselRC:
    """A vessel bed whose compliance shapes the pressure before it but holds no blood, as the lungs of the heart block.

    Cp P_in' + (P_in - P_out) / Rpd = Q_in,    Q_in = Q_out

    Source: Sankaran et al. 2012, DOI 10.1007/s10439-012-0579-3.

    Attributes:
        Rpd: Resistance [pressure time / volume].
        Cp: Compliance [volume / pressure].
    """

    Rpd: float = number(above=0.0)
    Cp: float = number(least=0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        filling, mass = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        stamps.linear(filling, p_in, value=1.0 / self.Rpd, rate=self.Cp)
        stamps.linear(filling, p_out, value=-1.0 / self.Rpd)
        stamps.linear(filling, q_in, value=-1.0)
        stamps.linear(mass, q_in, value=1.0)
        stamps.linear(mass, q_out, value=-1.0)
