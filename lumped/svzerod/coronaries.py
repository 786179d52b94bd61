"""Coronary beds, whose small vessels the heart muscle squeezes.

        P o--[ Ra ]--+--[ Ram ]--+ P_cim --[ Rv ]--o Pv
        Q ->         |           |
                    === Ca      === Cim  (volume V)
                     |           |
                     0          Pim

The volume counts from the start: V = Cim (P_cim - Pim) - Cim (P_cim - Pim at t = 0).
Source: Kim et al. 2010, DOI 10.1007/s10439-010-0083-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError
from lumped.svzerod.closed_loop import HEART_NAME, ClosedLoopHeart
from lumped.svzerod.laws import FOLLOWER_LAW, SOURCE_LAW, VARYING_CORONARY_LAW
from lumped.svzerod.parameters import ignored, number, signal
from lumped.svzerod.signals import Signal
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class CoronaryOutlet:
    """A coronary bed with a prescribed intramyocardial pressure.

        Cim Rv Q - V - Cim Rv V' + Cim (Pv - Pim + Pim0 - P0) - Ca Cim Rv (P' - Ra Q') = 0
        Cim Rv (P - Ra Q) - (Rv + Ram) V - Cim Rv Ram V' + Ram Cim Pv - Cim (Rv + Ram) (Pim - Pim0 + P0) = 0

    P0 and Pim0 are the pressures P_cim and Pim at the start. In the steady start V = 0 and P - (Ra + Ram + Rv) Q = Pv.

    Attributes:
        Ra1: Ra, resistance of the arteries.
        Ra2: Ram, resistance of the small vessels.
        Rv1: Rv, resistance of the veins.
        Ca: Compliance of the arteries.
        Cc: Cim, compliance of the small vessels.
        Pim: Intramyocardial pressure, as samples at the times 't'.
        P_v: Pv, pressure behind the veins.
    """

    Ra1: float = number(least=0.0)
    Ra2: float = number(least=0.0)
    Rv1: float = number(least=0.0)
    Ca: float = number(least=0.0)
    Cc: float = number(least=0.0)
    Pim: Signal = signal()
    P_v: float = number()
    closed_loop_outlet: Any = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("volume_im",)
    ENDS: ClassVar[Ends] = (1, 0)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        Ra, Ram, Rv, Cim, Pv = self.Ra1, self.Ra2, self.Rv1, self.Cc, self.P_v
        if stamps.steady:
            _stamp_steady(stamps, place, Ra + Ram + Rv, Pv)
            return
        first, second = place.rows
        (volume,) = place.internal
        _stamp_arteries(stamps, place, Ra=Ra, Rv=Rv, Ca=self.Ca, Cim=Cim)
        stamps.linear(second, volume, value=-(Rv + Ram), rate=-Cim * Rv * Ram)
        offset = _offset(stamps, place, Ra=Ra, Ram=Ram, Ca=self.Ca, Pim=self.Pim)
        stamps.law(SOURCE_LAW, (first,), (), (-Cim, self.Pim, Cim * (Pv - offset)))
        squeeze = Cim * (Rv + Ram)
        stamps.law(SOURCE_LAW, (second,), (), (-squeeze, self.Pim, Ram * Cim * Pv - squeeze * offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeezing:
    """Resistance of the small vessels over the cycle: sqrt(Ram) follows half cosines between its limits.

    Attributes:
        least: Resistance at rest.
        largest: Resistance at the end of the contraction.
        contraction: Duration of the contraction, from t = 0.
        relaxation: Duration of the relaxation.
    """

    least: float
    largest: float
    contraction: float
    relaxation: float

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        clock = np.fmod(times, period)
        up = 0.5 * (1.0 - np.cos(np.pi * clock / self.contraction))
        down = 0.5 * (1.0 + np.cos(np.pi * (clock - self.contraction) / self.relaxation))
        relaxed = clock > self.contraction + self.relaxation
        shape = np.where(clock <= self.contraction, up, np.where(relaxed, 0.0, down))
        low, high = np.sqrt(self.least), np.sqrt(self.largest)
        return np.asarray((low + (high - low) * shape) ** 2)

    def settle(self, period: float) -> Self:
        """Unused: the steady start takes the resistance at rest."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class VaryingCoronaryOutlet:
    """A coronary bed whose small vessels also resist more while the heart contracts.

    The equations are those of `CoronaryOutlet`, with sqrt(Ram) between sqrt(Ra2_min) and sqrt(Ra2_max): a rise as
    half a cosine over T_vc from the begin of the cycle, a fall over T_vr, then rest.

    Attributes:
        Ra1: Ra, resistance of the arteries.
        Ra2_min: Resistance of the small vessels at rest.
        Ra2_max: The same at the end of the contraction.
        Rv1: Rv, resistance of the veins.
        Ca: Compliance of the arteries.
        Cc: Cim, compliance of the small vessels.
        Pim: Intramyocardial pressure, as samples at the times 't'.
        P_v: Pv, pressure behind the veins.
        T_vc: Duration of the contraction.
        T_vr: Duration of the relaxation.
    """

    Ra1: float = number(least=0.0)
    Ra2_min: float = number(least=0.0)
    Ra2_max: float = number(least=0.0)
    Rv1: float = number(least=0.0)
    Ca: float = number(least=0.0)
    Cc: float = number(least=0.0)
    Pim: Signal = signal()
    P_v: float = number()
    T_vc: float = number(above=0.0)
    T_vr: float = number(above=0.0)
    closed_loop_outlet: Any = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("volume_im",)
    ENDS: ClassVar[Ends] = (1, 0)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        Ra, Rv, Cim, Pv = self.Ra1, self.Rv1, self.Cc, self.P_v
        if stamps.steady:
            _stamp_steady(stamps, place, Ra + self.Ra2_min + Rv, Pv)
            return
        _stamp_arteries(stamps, place, Ra=Ra, Rv=Rv, Ca=self.Ca, Cim=Cim)
        offset = _offset(stamps, place, Ra=Ra, Ram=self.Ra2_min, Ca=self.Ca, Pim=self.Pim)
        Ram = Squeezing(least=self.Ra2_min, largest=self.Ra2_max, contraction=self.T_vc, relaxation=self.T_vr)
        stamps.law(VARYING_CORONARY_LAW, place.rows, place.internal, (Rv, Cim, Pv, offset, Ram, self.Pim))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoopCoronary:
    """A coronary bed of a closed circuit, squeezed by a share of the pressure in a ventricle.

        P_out - P_in + (Ram + Ra) Q_in + Rv Q_out - Ram Ca P_in' + Ram Ra Ca Q_in' = 0
        Q_in - Q_out - Ca P_in' + Ca Ra Q_in' - V' = 0
        Cim P_out + Cim Rv Q_out - Cim Pim - V = 0,    Pim = share of the ventricle's pressure

    Attributes:
        Ra: Resistance of the arteries.
        Ram: Resistance of the small vessels.
        Rv: Resistance of the veins.
        Ca: Compliance of the arteries.
        Cim: Compliance of the small vessels.
    """

    Ra: float = number(least=0.0)
    Ram: float = number(least=0.0)
    Rv: float = number(least=0.0)
    Ca: float = number(least=0.0)
    Cim: float = number(least=0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ("volume_im",)
    ENDS: ClassVar[Ends] = (1, 1)
    VENTRICLE: ClassVar[str]
    SHARE: ClassVar[str]

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations.

        Raises:
            CaseError: There is no heart in the circuit.
        """
        drop, mass, filling = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        (volume,) = place.internal
        Ra, Ram, Rv, Ca, Cim = self.Ra, self.Ram, self.Rv, self.Ca, self.Cim
        stamps.linear(drop, p_in, value=-1.0, rate=-Ram * Ca)
        stamps.linear(drop, q_in, value=Ra + Ram, rate=Ram * Ra * Ca)
        stamps.linear(drop, p_out, value=1.0)
        stamps.linear(drop, q_out, value=Rv)
        stamps.linear(mass, p_in, rate=-Ca)
        stamps.linear(mass, q_in, value=1.0, rate=Ca * Ra)
        stamps.linear(mass, q_out, value=-1.0)
        stamps.linear(mass, volume, rate=-1.0)
        stamps.linear(filling, p_out, value=Cim)
        stamps.linear(filling, q_out, value=Cim * Rv)
        stamps.linear(filling, volume, value=-1.0)
        heart = stamps.neighbour(HEART_NAME)
        if not isinstance(heart, ClosedLoopHeart):
            raise CaseError(
                "a coronary bed of a closed circuit needs a heart",
                expected="a block of the type 'ClosedLoopHeartAndPulmonary' in 'closed_loop_blocks'",
            )
        ventricle = stamps.unknown(f"{self.VENTRICLE}:{HEART_NAME}")
        stamps.law(FOLLOWER_LAW, (filling,), (ventricle,), (-Cim * getattr(heart, self.SHARE),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoopCoronaryLeft(ClosedLoopCoronary):
    """The bed of the left ventricle; see `ClosedLoopCoronary`."""

    VENTRICLE: ClassVar[str] = "P_LV"
    SHARE: ClassVar[str] = "iml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoopCoronaryRight(ClosedLoopCoronary):
    """The bed of the right ventricle; see `ClosedLoopCoronary`."""

    VENTRICLE: ClassVar[str] = "P_RV"
    SHARE: ClassVar[str] = "imr"


def _stamp_steady(stamps: Stamps, place: Place, resistance: float, behind: float) -> None:
    still, drop = place.rows
    pressure, flow = place.end
    stamps.linear(still, place.internal[0], value=1.0)
    stamps.linear(drop, pressure, value=-1.0)
    stamps.linear(drop, flow, value=resistance)
    stamps.law(SOURCE_LAW, (drop,), (), (1.0, behind, 0.0))


def _stamp_arteries(stamps: Stamps, place: Place, *, Ra: float, Rv: float, Ca: float, Cim: float) -> None:
    first, second = place.rows
    pressure, flow = place.end
    (volume,) = place.internal
    stamps.linear(first, pressure, rate=-Ca * Cim * Rv)
    stamps.linear(first, flow, value=Cim * Rv, rate=Ra * Ca * Cim * Rv)
    stamps.linear(first, volume, value=-1.0, rate=-Cim * Rv)
    stamps.linear(second, pressure, value=Cim * Rv)
    stamps.linear(second, flow, value=-Cim * Rv * Ra)


def _offset(stamps: Stamps, place: Place, *, Ra: float, Ram: float, Ca: float, Pim: Signal) -> float:
    """P_cim - Pim at the start; after a steady start Pim still counts with its mean."""
    start = stamps.start
    assert start is not None, "a simulation starts from a state"
    pressure, flow = place.end
    arterial = start.y[pressure] - Ra * start.y[flow]
    arterial_rate = start.rates[pressure] - Ra * start.rates[flow]
    into = start.y[flow] - Ca * arterial_rate
    around = Pim.settle(stamps.period) if start.settled else Pim.at(np.zeros(1), stamps.period)[0]
    return float(arterial - Ram * into - around)
