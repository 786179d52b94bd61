"""A 0D stand-in for the 3D domain: one inlet with a prescribed flow, and a branch to every outlet.

```text
                         R_1, K_1, L_1
               p_j  +---/\\/\\---<>---mmm---o P_1  -> Q_1
    p_in        |   |
  Q_in o--trunk-+---+---/\\/\\---<>---mmm---o P_2  -> Q_2
                    |
                    +---   …             o P_n  -> Q_n
```

Governing equations, with p the static pressure and Q_in the flow into the domain (positive in systole):

    p_in - p_j = R_0 Q_in + L_0 dQ_in/dt - D_0 |Q_in| Q_in
    p_j  - P_k = R_k Q_k + K_k |Q_k| Q_k + L_k dQ_k/dt
    Q_1 + … + Q_n = Q_in(t)

| symbol   | name         | unit     | meaning                                                     |
|----------|--------------|----------|-------------------------------------------------------------|
| R_0, R_k | `resistance` | Pa s/m³  | viscous loss, integral of 8 mu / (pi r⁴)                     |
| L_0, L_k | `inertance`  | Pa s²/m³ | integral of rho / (pi r²)                                    |
| K_k      | `loss`       | Pa s²/m⁶ | loss of a narrowing, and the dynamic pressure at the outlet  |
| D_0      | `dynamic`    | Pa s²/m⁶ | dynamic pressure that the inlet brings in, rho / (2 A²)      |

The star is exact where the vessels part at one place. In an arch they part in turn; what lies between the
partings then counts to each branch with that branch's flow alone, which underestimates its share of the drop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError

YOUNG_TSAI_TURBULENCE = 1.52
"""Kt of the loss behind a narrowing, DOI 10.1016/0021-9290(73)90099-7."""


def _require_physical(part: object, where: str, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(part, name)
        if not (math.isfinite(value) and value >= 0.0):
            raise BoundaryError(
                f"the {name} of a {where} is impossible",
                where="surrogate",
                value=f"{value:g} (SI)",
                expected="zero or a positive number",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """The vessel that all of the inflow passes: R_0, L_0 and D_0 of the module's docstring.

    Raises:
        BoundaryError: A value is negative or not finite.
    """

    resistance: float = 0.0
    inertance: float = 0.0
    dynamic: float = 0.0

    def __post_init__(self) -> None:
        _require_physical(self, "trunk", ("resistance", "inertance", "dynamic"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The way from the parting to one outlet: R_k, K_k and L_k of the module's docstring.

    Raises:
        BoundaryError: A value is negative or not finite.
    """

    resistance: float
    loss: float = 0.0
    inertance: float = 0.0

    def __post_init__(self) -> None:
        _require_physical(self, "branch", ("resistance", "loss", "inertance"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """The whole star.

    Attributes:
        inlet: Name of the inlet.
        outlets: Names of the n outlets.
        branches: One for each outlet.
        trunk: What comes before the parting; nothing by default.
    """

    inlet: str
    outlets: tuple[str, ...]
    branches: tuple[Branch, ...]
    trunk: Trunk = Trunk()

    def __post_init__(self) -> None:
        names = (self.inlet, *self.outlets)
        if len(self.outlets) != len(self.branches) or not self.outlets or len(set(names)) != len(names):
            raise BoundaryError(
                "a surrogate needs one branch for each outlet, and names that differ",
                where="surrogate",
                value=f"{', '.join(names)}; {len(self.branches)} branches",
            )

    def __getitem__(self, outlet: str) -> Branch:
        """The branch to an outlet."""
        return self.branches[self.outlets.index(outlet)]

    @property
    def parameters(self) -> FloatArray:
        """(3, n) rows R, K, L in SI units."""
        rows = [(branch.resistance, branch.loss, branch.inertance) for branch in self.branches]
        return np.ascontiguousarray(np.array(rows, dtype=np.float64).T)


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselPath:
    """A way through the lumen from the inlet to an outlet.

    Attributes:
        arc_length: (m,) increasing distance from the inlet along the centreline [m].
        radius: (m,) positive radius of the lumen [m].
    """

    arc_length: FloatArray
    radius: FloatArray

    def __post_init__(self) -> None:
        s, r = self.arc_length, self.radius
        if s.ndim != 1 or s.shape != r.shape or s.size < 2:
            raise BoundaryError(
                "a vessel needs as many radii as arc lengths, and at least two",
                where="surrogate",
                value=f"{s.shape} arc lengths, {r.shape} radii",
            )
        if not ((np.diff(s) > 0.0).all() and np.isfinite(r).all() and (r > 0.0).all()):
            raise BoundaryError(
                "the arc length of a vessel must increase and its radius be positive",
                where="surrogate",
                value=f"least step {np.diff(s).min():g} m, least radius {r.min():g} m",
            )


def surrogate_from_paths(
    inlet: str,
    paths: Mapping[str, VesselPath],
    *,
    density: float,
    viscosity: float,
    trunk_length: float = 0.0,
    turbulence: float = YOUNG_TSAI_TURBULENCE,
) -> Surrogate:
    """The surrogate of a vessel tree, from the radius along the way to each outlet.

    Args:
        inlet: Name of the inlet.
        paths: The way from the inlet to each outlet.
        density: rho [kg/m³].
        viscosity: mu [Pa s].
        trunk_length: How far all ways run together from the inlet [m].
        turbulence: Kt of the loss behind a narrowing.
    """
    branches = {}
    for outlet, path in paths.items():
        end = float(path.arc_length[-1])
        own = clip(path, min(trunk_length, 0.999 * end), end)
        exit_dynamic = dynamic_coefficient(float(path.radius[-1]), density)
        branches[outlet] = Branch(
            resistance=poiseuille_resistance(own, viscosity),
            loss=exit_dynamic + narrowing_loss(own, density, turbulence),
            inertance=inertance(own, density),
        )
    first = next(iter(paths.values()))
    trunk = Trunk(dynamic=dynamic_coefficient(float(first.radius[0]), density))
    if trunk_length > 0.0:
        shared = clip(first, 0.0, min(trunk_length, float(first.arc_length[-1])))
        trunk = Trunk(
            resistance=poiseuille_resistance(shared, viscosity),
            inertance=inertance(shared, density),
            dynamic=trunk.dynamic,
        )
    return Surrogate(inlet=inlet, outlets=tuple(branches), branches=tuple(branches.values()), trunk=trunk)


def clip(path: VesselPath, start: float, end: float) -> VesselPath:
    """The part of a path between two arc lengths [m], with its ends interpolated."""
    inside = (path.arc_length > start) & (path.arc_length < end)
    s = np.concatenate([[start], path.arc_length[inside], [end]])
    return VesselPath(arc_length=s, radius=np.interp(s, path.arc_length, path.radius))


def poiseuille_resistance(path: VesselPath, viscosity: float) -> float:
    """Integral of 8 mu / (pi r⁴) ds, exact for a radius that is linear between the points [Pa s/m³]."""
    a, b = path.radius[:-1], path.radius[1:]
    cones = np.diff(path.arc_length) * (a * a + a * b + b * b) / (3.0 * (a * b) ** 3)
    return 8.0 * viscosity / math.pi * float(cones.sum())


def inertance(path: VesselPath, density: float) -> float:
    """Integral of rho / (pi r²) ds, exact for a radius that is linear between the points [Pa s²/m³]."""
    a, b = path.radius[:-1], path.radius[1:]
    return density / math.pi * float((np.diff(path.arc_length) / (a * b)).sum())


def dynamic_coefficient(radius: float, density: float) -> float:
    """rho / (2 A²): dynamic pressure over flow squared in a section with a flat profile [Pa s²/m⁶]."""
    return 0.5 * density / (math.pi * radius**2) ** 2


def narrowing_loss(path: VesselPath, density: float, turbulence: float = YOUNG_TSAI_TURBULENCE) -> float:
    """What the narrowest place of a path loses; zero where the path narrows to its end [Pa s²/m⁶].

    The reference area is the median of the areas behind the throat, so that a short dilation does not count.
    """
    throat = int(np.argmin(path.radius))
    areas = math.pi * path.radius**2
    return stenosis_loss(float(areas[throat]), float(np.median(areas[throat:])), density, turbulence)


def stenosis_loss(
    throat_area: float,
    reference_area: float,
    density: float,
    turbulence: float = YOUNG_TSAI_TURBULENCE,
) -> float:
    """Loss coefficient of a sudden widening, K = Kt rho / 2 (1 / A_throat - 1 / A_reference)² [Pa s²/m⁶].

    Kt = 1 is Borda and Carnot's loss; Young and Tsai measured 1.52 behind stenoses (J. Biomech. 6, 1973,
    DOI 10.1016/0021-9290(73)90099-7).

    Args:
        throat_area: Area of the narrowest section [m²].
        reference_area: Area behind it [m²].
        density: rho [kg/m³].
        turbulence: Kt.
    """
    return 0.5 * turbulence * density * (1.0 / throat_area - 1.0 / reference_area) ** 2
