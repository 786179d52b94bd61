"""Blood: density and viscosity."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CarreauYasuda:
    """Shear-thinning viscosity mu(g) = mu + (mu_0 - mu) (1 + (lambda g)^a)^((n - 1) / a), with mu that of the fluid.

    g = sqrt(2 e(u):e(u)) is the shear rate [1/s]. The defaults are the usual fit to blood: mu_0 = 0.056 Pa s,
    lambda = 3.313 s, n = 0.3568, a = 2 (Cho & Kensey, Biorheology 28 (1991), DOI 10.3233/BIR-1991-283-415), whose
    mu is 0.00345 Pa s.

    Attributes:
        rest_viscosity: mu_0, at rest [Pa s].
        time: lambda [s].
        power: n.
        transition: a.
    """

    rest_viscosity: float = 0.056
    time: float = 3.313
    power: float = 0.3568
    transition: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fluid:
    """Density rho [kg/m³] and dynamic viscosity mu [Pa s], which is that at high shear where the fluid thins.

    Attributes:
        density: rho.
        viscosity: mu.
        thinning: How the viscosity depends on the shear rate; None for a Newtonian fluid.
    """

    density: float
    viscosity: float
    thinning: CarreauYasuda | None = None

    def oscillatory_layer(self, period: float) -> float:
        """Thickness sqrt(nu / omega) of the boundary layer of a flow that pulsates with a period [s], in metres."""
        return math.sqrt(self.viscosity / self.density * period / (2.0 * math.pi))
