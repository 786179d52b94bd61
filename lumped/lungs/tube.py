"""Pressure loss of an endotracheal tube, from its geometry and the gas.

Friction in a smooth, gently bent tube (Darcy factor f, mean velocity u, bend radius b to the axis):

    dP = f (L / d) rho u² / 2
    laminar    f = 64 / Re · g,    g = 21.5 De / (1.56 + log10 De)^5.73 where De = Re sqrt(d / (2 b)) > 13.5
    turbulent  f = 0.3164 / Re^0.25

and the greater of the two holds. Jarreau et al. (J. Appl. Physiol. 87, 1999, DOI 10.1152/jappl.1999.87.1.36) measured
tubes of 2.5 to 7 mm: those of 2.5–3.5 mm follow Ito's laminar law for bent tubes (g; Trans. ASME J. Basic Eng. 81,
1959) over the flows of newborns, wider ones that of Blasius beyond transition. What a connector or the tube's end adds
can be given as a loss coefficient K on rho u² / 2.

For the equation of motion the curve is fitted by Rohrer's K1 Q + K2 |Q| Q over the flows that matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lumped.gas.parameters import check_parameters, check_value, parameter

AIR_DENSITY = 1.14
"""Air at 37 °C [kg/m³]."""
AIR_VISCOSITY = 1.8e-5
"""Air between room and body temperature [Pa s]; 1.90e-5 at 37 °C if dry."""

_STRAIGHT = 13.5  # Dean number below which a bend does not matter
_SAMPLES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EndotrachealTube:
    """A tube and the gas in it; equations in the module's docstring.

    Attributes:
        inner_diameter: d [m].
        length: L [m].
        bend_radius: b, curvature of the axis [m]; 140 mm as tubes are sold (ISO 5361).
        end_loss: K of connector and outlet.
        density: rho of the gas [kg/m³].
        viscosity: mu of the gas [Pa s].

    Raises:
        CaseError: A value is outside its limits.
    """

    inner_diameter: float = parameter("mm", 1.5, 12.0)
    length: float = parameter("mm", 20.0, 400.0, default=0.12)
    bend_radius: float = parameter("mm", 30.0, 300.0, default=0.14)
    end_loss: float = parameter("1", 0.0, 5.0, default=0.0)
    density: float = parameter("kg/m^3", 0.1, 2.5, default=AIR_DENSITY)
    viscosity: float = parameter("Pa*s", 5e-6, 5e-5, default=AIR_VISCOSITY)

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def poiseuille_resistance(self) -> float:
        """128 mu L / (pi d⁴), the least that any flow meets [Pa s/m³]."""
        return 128.0 * self.viscosity * self.length / (math.pi * self.inner_diameter**4)

    @property
    def inertance(self) -> float:
        """rho L / A with the momentum factor 4/3 of a parabolic profile [Pa s²/m³]."""
        return 4.0 / 3.0 * self.density * self.length / (0.25 * math.pi * self.inner_diameter**2)

    @property
    def volume(self) -> float:
        """Gas in the tube, a dead space [m³]."""
        return 0.25 * math.pi * self.inner_diameter**2 * self.length

    def reynolds_number(self, flow: float) -> float:
        """4 rho |Q| / (pi mu d)."""
        return 4.0 * self.density * abs(flow) / (math.pi * self.viscosity * self.inner_diameter)


@dataclass(frozen=True, slots=True, kw_only=True)
class RohrerTube:
    """Pressure loss K1 Q + K2 |Q| Q.

    Attributes:
        linear: K1 [Pa s/m³].
        quadratic: K2 [Pa s²/m⁶].
        inertance: [Pa s²/m³]; matters at the frequencies of oscillation only, and is left out elsewhere.

    Raises:
        CaseError: A coefficient is negative or not a number.
    """

    linear: float = parameter("cmH2O*s/L", 0.0, 1e4)
    quadratic: float = parameter("cmH2O*s^2/L^2", 0.0, 1e5, default=0.0)
    inertance: float = parameter("cmH2O*s^2/L", 0.0, 100.0, default=0.0)

    def __post_init__(self) -> None:
        check_parameters(self)

    def pressure_loss(self, flow: float) -> float:
        """Loss [Pa] at a flow [m³/s], of the sign of the flow."""
        return (self.linear + self.quadratic * abs(flow)) * flow


NO_TUBE = RohrerTube(linear=0.0)


def pressure_loss(tube: EndotrachealTube, flow: float) -> float:
    """Pressure loss over the tube [Pa] at a steady flow [m³/s], of the sign of the flow."""
    reynolds = tube.reynolds_number(flow)
    if reynolds == 0.0:
        return 0.0
    dean = reynolds * math.sqrt(tube.inner_diameter / (2.0 * tube.bend_radius))
    bend = 1.0
    if dean > _STRAIGHT:
        bend = max(1.0, 21.5 * dean / math.pow(1.56 + math.log10(dean), 5.73))
    friction = max(64.0 / reynolds * bend, 0.3164 / math.sqrt(math.sqrt(reynolds)))
    velocity = flow / (0.25 * math.pi * tube.inner_diameter**2)
    losses = friction * tube.length / tube.inner_diameter + tube.end_loss
    return 0.5 * losses * tube.density * abs(velocity) * velocity


def rohrer(tube: EndotrachealTube, greatest_flow: float) -> RohrerTube:
    """K1 and K2 of a tube by least squares of its pressure loss over flows from zero to `greatest_flow` [m³/s].

    Raises:
        CaseError: The flow is outside 0.1 to 120 L/min.
    """
    check_value("endotracheal tube", "greatest flow", greatest_flow, "L/min", 0.1, 120.0)
    flows = np.linspace(0.0, greatest_flow, _SAMPLES + 1)[1:]
    losses = np.array([pressure_loss(tube, float(flow)) for flow in flows])
    share = flows / greatest_flow
    table = np.column_stack([share, share**2])
    linear, quadratic = np.linalg.lstsq(table, losses, rcond=None)[0]
    return RohrerTube(
        linear=max(float(linear), 0.0) / greatest_flow,
        quadratic=max(float(quadratic), 0.0) / greatest_flow**2,
        inertance=tube.inertance,
    )
