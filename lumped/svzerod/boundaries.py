"""What ends a circuit: prescribed flows and pressures, resistances, Windkessels, a prescribed impedance.

Q is the flow into the block from the vessel before it; at an inlet of the circuit, that into the vessel behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hemoplan.errors import CaseError
from lumped.svzerod.laws import PRODUCT_LAW, SOURCE_LAW
from lumped.svzerod.parameters import ignored, number, numbers, signal
from lumped.svzerod.signals import Signal
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowReference:
    """A prescribed flow: Q = Q(t).

    Attributes:
        Q: Flow, as samples at the times 't' or as a formula 'fn'.
    """

    Q: Signal = signal(expression=True)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = None

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equation."""
        _, flow = place.end
        stamps.linear(place.rows[0], flow, value=1.0)
        stamps.law(SOURCE_LAW, place.rows, (), (-1.0, self.Q, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureReference:
    """A prescribed pressure: P = P(t), at an inlet or an outlet.

    Attributes:
        P: Pressure, as samples at the times 't' or as a formula 'fn'.
    """

    P: Signal = signal(expression=True)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = None

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equation."""
        pressure, _ = place.end
        stamps.linear(place.rows[0], pressure, value=1.0)
        stamps.law(SOURCE_LAW, place.rows, (), (-1.0, self.P, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistanceOutlet:
    """A resistance to a given pressure.

        P o--[ R ]--o Pd        P - R Q = Pd

    Attributes:
        R: Resistance, constant or as samples at the times 't'.
        Pd: Pressure behind it, constant or as samples.
    """

    R: Signal = signal(least=0.0)
    Pd: Signal = signal(0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 0)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equation."""
        pressure, flow = place.end
        stamps.linear(place.rows[0], pressure, value=1.0)
        if self.R.is_constant:
            stamps.linear(place.rows[0], flow, value=-self.R.values[0])
        else:
            stamps.law(PRODUCT_LAW, place.rows, (flow,), (-1.0, self.R))
        stamps.law(SOURCE_LAW, place.rows, (), (-1.0, self.Pd, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindkesselOutlet:
    """A Windkessel of three elements; its capacitor is left out while the steady start is sought.

        P o--[ Rp ]--+ P_c --[ Rd ]--o Pd        P - Rp Q = P_c
                     |
                    === C                        Rd C P_c' = Rd Q - P_c + Pd
                     |

    Source: Vignon-Clementel & Taylor 2004, DOI 10.1016/j.wavemoti.2003.12.009.

    Attributes:
        Rp: Proximal resistance.
        C: Compliance.
        Rd: Distal resistance.
        Pd: Pressure behind it.
    """

    Rp: float = number(least=0.0)
    C: float = number(least=0.0)
    Rd: float = number(least=0.0)
    Pd: float = number(0.0)

    INTERNAL: ClassVar[tuple[str, ...]] = ("pressure_c",)
    ENDS: ClassVar[Ends] = (1, 0)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 2

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        drop, filling = place.rows
        pressure, flow = place.end
        (capacitor,) = place.internal
        stamps.linear(drop, pressure, value=1.0)
        stamps.linear(drop, flow, value=-self.Rp)
        stamps.linear(drop, capacitor, value=-1.0)
        stamps.linear(filling, flow, value=self.Rd)
        stamps.linear(filling, capacitor, value=-1.0, rate=0.0 if stamps.steady else -self.Rd * self.C)
        stamps.law(SOURCE_LAW, (filling,), (), (1.0, self.Pd, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoopWindkessel:
    """A Windkessel between two parts of a closed circuit; its capacitor is left out in the steady start.

        P_in o--[ Rp ]--+ P_c --[ Rd ]--o P_out    P_in - Rp Q_in = P_c,    P_c - Rd Q_out = P_out
        Q_in ->         |       Q_out ->
                       === C                       C P_c' = Q_in - Q_out
                        |

    Attributes:
        Rp: Proximal resistance.
        C: Compliance.
        Rd: Distal resistance.
        closed_loop_outlet: Whether it leads to the heart.
    """

    Rp: float = number(least=0.0)
    C: float = number(least=0.0)
    Rd: float = number(least=0.0)
    closed_loop_outlet: bool | None = ignored()
    unsteady: Any = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("P_c",)
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        filling, proximal, distal = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        (capacitor,) = place.internal
        stamps.linear(filling, q_in, value=-1.0)
        stamps.linear(filling, q_out, value=1.0)
        stamps.linear(filling, capacitor, rate=0.0 if stamps.steady else self.C)
        stamps.linear(proximal, p_in, value=1.0)
        stamps.linear(proximal, q_in, value=-self.Rp)
        stamps.linear(proximal, capacitor, value=-1.0)
        stamps.linear(distal, p_out, value=-1.0)
        stamps.linear(distal, q_out, value=-self.Rd)
        stamps.linear(distal, capacitor, value=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpedanceOutlet:
    """The impedance of a vascular tree as a convolution over one period of the flow.

    P(t) = Pd + z_0 Q(t) + sum over m >= 1 of z_m Q(t - m dt)

    The sum begins when a whole period of flow is known. Its flows are those at the ends of time steps, while P and Q
    stand within a step where the method of integration weighs them: as in svZeroDSolver, the sum is ahead by a third of
    a time step, and so of first order. Source: Olufsen 1999, DOI 10.1152/ajpheart.1999.276.1.H257.

    Attributes:
        z: Weights of the convolution, one for each time step of a period.
        Pd: Pressure behind the tree.
        convolution_mode: 'exact', or 'truncated' to the first `num_kernel_terms` weights.
        num_kernel_terms: See `convolution_mode`.
    """

    z: tuple[float, ...] = numbers()
    Pd: float = number(0.0)
    convolution_mode: str | None = ignored()
    num_kernel_terms: int | None = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ()
    ENDS: ClassVar[Ends] = (1, 0)

    @property
    def _mode(self) -> str:
        return str(self.convolution_mode or "exact").lower()

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations.

        Raises:
            CaseError: There are no weights, or the way to truncate them is unknown.
        """
        mode, terms = self._mode, self.num_kernel_terms
        if mode not in ("exact", "truncated"):
            raise CaseError("unknown 'convolution_mode'", value=mode, expected="'exact' or 'truncated'")
        if mode == "truncated" and (not isinstance(terms, int) or not 1 <= terms <= len(self.z)):
            raise CaseError(
                "'num_kernel_terms' does not fit",
                value=terms,
                expected=f"a whole number from 1 to {len(self.z)}",
            )
        return 1

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equation.

        Raises:
            CaseError: A period does not have one time step for each weight.
        """
        pressure, flow = place.end
        if len(self.z) != stamps.steps_per_period and not stamps.steady:
            raise CaseError(
                "'z' does not have one weight for each time step of a period",
                value=f"{len(self.z)} weights",
                expected=f"{stamps.steps_per_period or 'a period of whole time steps, and as many weights'}",
            )
        kept = self.num_kernel_terms if self._mode == "truncated" else len(self.z)
        stamps.linear(place.rows[0], pressure, value=1.0)
        stamps.linear(place.rows[0], flow, value=-self.z[0])
        if stamps.steady:
            stamps.law(SOURCE_LAW, place.rows, (), (-1.0, self.Pd, 0.0))
        else:
            weights = tuple(z if m < (kept or 0) else 0.0 for m, z in enumerate(self.z))
            stamps.memory(place.rows[0], flow, self.Pd, weights)
