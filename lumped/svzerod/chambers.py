"""Chambers of the heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.svzerod.activations import Activation
from lumped.svzerod.laws import ELASTANCE_LAW, EXPONENTIAL_LAW, EXPONENTIAL_WALL, MOONEY_RIVLIN, SPHERE_LAW
from lumped.svzerod.parameters import ignored, number
from lumped.svzerod.stamps import Ends, Place, Stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class ElastanceChamber:
    """A chamber of varying elastance and unstressed volume, with the inertia of what leaves it.

        P_in o--+--( L )--o P_out       P_in = E (V - V0),    E = Emin + (Emax - Emin) A(t)
        Q_in -> |     Q_out ->          V0 = Vrs + (Vrd - Vrs) (1 - A(t))
               === E(t)                 P_in - P_out = L Q_out',    V' = Q_in - Q_out
                |

    Source: Kerckhoffs et al. 2007, DOI 10.1007/s10439-006-9212-7, equations 1 and 2; the inertance of
    Sankaran et al. 2012, DOI 10.1007/s10439-012-0579-3.

    Attributes:
        Emax: Largest elastance [pressure / volume].
        Emin: Least elastance.
        Vrd: Unstressed volume at rest.
        Vrs: Unstressed volume of the contracted chamber.
        Impedance: L, inertance [pressure time² / volume].
        activation: A(t).
    """

    Emax: float = number(least=0.0)
    Emin: float = number(least=0.0)
    Vrd: float = number()
    Vrs: float = number()
    Impedance: float = number(least=0.0)
    activation: Activation = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("Vc",)
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        _stamp_chamber(stamps, place, self.Impedance)
        parameters = (self.Emax, self.Emin, self.Vrd, self.Vrs, self.activation)
        stamps.law(ELASTANCE_LAW, place.rows[:1], place.internal, parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialChamber:
    """A chamber that is stiff in diastole beyond its unstressed volume.

    P_in = A Emax (V - Vaso) + (1 - A) Kxp (exp(Kxv (V - Vaso)) - 1);    the rest is as in `ElastanceChamber`.

    Source: Sankaran et al. 2012, DOI 10.1007/s10439-012-0579-3 (atria).

    Attributes:
        Emax: Elastance of the contracted chamber [pressure / volume].
        Kxp: Scale of the passive pressure.
        Kxv: Scale of the passive volume [1 / volume].
        Vaso: Unstressed volume.
        Impedance: L, inertance [pressure time² / volume].
        activation: A(t).
    """

    Impedance: float = number(least=0.0)
    Emax: float = number(least=0.0)
    Kxp: float = number(least=0.0)
    Kxv: float = number(least=0.0)
    Vaso: float = number()
    activation: Activation = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("Vc",)
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        _stamp_chamber(stamps, place, self.Impedance)
        parameters = (self.Emax, self.Kxp, self.Kxv, self.Vaso, self.activation)
        stamps.law(EXPONENTIAL_LAW, place.rows[:1], place.internal, parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearElastanceChamber:
    """A chamber of varying elastance without inertia.

        P_in o--+--o P_out     P_in = P_out = E (V - Vrest),    E = Epass + Emax A(t),    V' = Q_in - Q_out
               === E(t)
                |

    Source: Regazzoni et al. 2022, DOI 10.1016/j.jcp.2022.111083.

    Attributes:
        Emax: What the contraction adds to the elastance [pressure / volume].
        Epass: Elastance at rest.
        Vrest: Unstressed volume.
        activation: A(t).
    """

    Emax: float = number(least=0.0)
    Epass: float = number(least=0.0)
    Vrest: float = number()
    activation: Activation = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("Vc",)
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 3

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        _stamp_chamber(stamps, place, 0.0)
        parameters = (self.Epass + self.Emax, self.Epass, self.Vrest, self.Vrest, self.activation)
        stamps.law(ELASTANCE_LAW, place.rows[:1], place.internal, parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class MooneyRivlin:
    """Elastic stress 4 (1 - C^-3) (W1 + C W2) of a sphere's wall.

    Attributes:
        W1: First stiffness.
        W2: Second stiffness.
    """

    W1: float = number()
    W2: float = number()

    def constants(self) -> tuple[float, float, float, float, float]:
        """What the law of `SphereChamber` reads."""
        return MOONEY_RIVLIN, self.W1, self.W2, 0.0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialWall:
    """Elastic stress 8 C0 C1 (1 - C^-3) I exp(C1 I²) + 4 C2 C3 J exp(C3 J²), I = 2 C + C^-2 - 3 and J = C - 1.

    It follows from the energy C0 exp(C1 I²) + C2 exp(C3 J²), whose form is that of Holzapfel & Ogden 2009,
    DOI 10.1098/rsta.2009.0091.

    Attributes:
        C0: Stiffness of the matrix.
        C1: How fast it stiffens.
        C2: Stiffness of the fibres.
        C3: How fast they stiffen.
    """

    C0: float = number()
    C1: float = number()
    C2: float = number()
    C3: float = number()

    def constants(self) -> tuple[float, float, float, float, float]:
        """What the law of `SphereChamber` reads."""
        return EXPONENTIAL_WALL, self.C0, self.C1, self.C2, self.C3


type Material = MooneyRivlin | ExponentialWall

MATERIALS: dict[str, type[Material]] = {"mooney_rivlin": MooneyRivlin, "exponential": ExponentialWall}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction:
    """Rate of the active stress of `SphereChamber`, a = alpha_max f + alpha_min (1 - f): |a|, or a where positive.

    Attributes:
        activation: f(t).
        alpha_max: See there.
        alpha_min: See there.
        positive: Whether it is a where that is positive and else 0, rather than |a|.
    """

    activation: Activation
    alpha_max: float
    alpha_min: float
    positive: bool

    def at(self, times: FloatArray, period: float) -> FloatArray:
        """Values at (m,) times."""
        share = self.activation.at(times, period)
        rate = self.alpha_max * share + self.alpha_min * (1.0 - share)
        return np.asarray(np.maximum(rate, 0.0) if self.positive else np.abs(rate))

    def settle(self, period: float) -> Self:
        """A contraction goes on while the steady start is sought."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SphereChamber:
    """A ventricle as a thick-walled sphere of radius r0 + r, with active and viscous stress.

    With C = (1 + r / r0)²:

        rho d0 v' + (d0 / r0) (1 + r / r0) S - P_out C = 0            momentum of the wall
        S = tau + S_el(C) + eta C' (1 + 2 C^-6)                       stress; for S_el, see the materials
        V' = 4 pi r0² C v,    r' = v                                  volume and velocity of the wall
        tau' + |a| tau = sigma_max max(a, 0)                          active stress; for a, see `Contraction`
        V' = Q_in - Q_out,    P_in = P_out

    Source: Caruel et al. 2014, DOI 10.1007/s10237-013-0544-6, equations 13; the active stress of
    Pfaller et al. 2019, DOI 10.1007/s10237-018-1098-4, equations 12 to 16.

    Attributes:
        rho: Density of the wall.
        thick0: d0, its thickness without load.
        radius0: r0, radius without load.
        eta: Viscosity of the wall.
        sigma_max: Largest active stress.
        alpha_max: Rate of activation.
        alpha_min: Rate of relaxation, negative.
        activation: f(t).
        material: Elastic stress of the wall.
    """

    rho: float = number(least=0.0)
    thick0: float = number(above=0.0)
    radius0: float = number(above=0.0)
    eta: float = number(least=0.0)
    sigma_max: float = number(least=0.0)
    alpha_max: float = number()
    alpha_min: float = number()
    activation: Activation = ignored()
    material: Material = ignored()

    INTERNAL: ClassVar[tuple[str, ...]] = ("radius", "velo", "stress", "tau", "volume")
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 7

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations."""
        momentum, stressing, swelling, activating, moving, mass, equality = place.rows
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        radius, velocity, stress, tension, volume = place.internal
        stamps.linear(momentum, velocity, rate=self.rho * self.thick0)
        stamps.linear(stressing, stress, value=-1.0)
        stamps.linear(stressing, tension, value=1.0)
        stamps.linear(swelling, volume, rate=-1.0)
        stamps.linear(activating, tension, rate=1.0)
        stamps.linear(moving, radius, rate=1.0)
        stamps.linear(moving, velocity, value=-1.0)
        stamps.linear(mass, q_in, value=1.0)
        stamps.linear(mass, q_out, value=-1.0)
        stamps.linear(mass, volume, rate=-1.0)
        stamps.linear(equality, p_in, value=1.0)
        stamps.linear(equality, p_out, value=-1.0)
        size, part = (
            Contraction(
                activation=self.activation,
                alpha_max=self.alpha_max,
                alpha_min=self.alpha_min,
                positive=positive,
            )
            for positive in (False, True)
        )
        wall = (self.thick0, self.radius0, self.eta, self.sigma_max)
        columns = (p_out, radius, velocity, stress, tension)
        rows = (momentum, stressing, swelling, activating)
        stamps.law(SPHERE_LAW, rows, columns, (*wall, size, part, *self.material.constants()))


def _stamp_chamber(stamps: Stamps, place: Place, inertance: float) -> None:
    elastic, drop, mass = place.rows
    (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
    stamps.linear(elastic, p_in, value=1.0)
    stamps.linear(drop, p_in, value=1.0)
    stamps.linear(drop, p_out, value=-1.0)
    stamps.linear(drop, q_out, rate=-inertance)
    stamps.linear(mass, q_in, value=1.0)
    stamps.linear(mass, q_out, value=-1.0)
    stamps.linear(mass, place.internal[0], rate=-1.0)
