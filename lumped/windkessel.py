"""Three-element Windkessels behind the outlets of a 3D domain.

```text
    Q  ->    Rp     Pc     Rd
  P o------/\\/\\/\\---o----/\\/\\/\\---o Pd
                     |
                   __|__
                   _____ C
                     |
                     o  atmosphere
```

Governing equations, with P the pressure at the outlet and Q the flow out of the 3D domain:

    P = Rp Q + Pc
    C dPc/dt = Q - (Pc - Pd) / Rd

| symbol | name                  | unit    | clinical unit |
|--------|-----------------------|---------|---------------|
| Rp     | `proximal_resistance` | Pa s/m³ | mmHg s/mL     |
| C      | `compliance`          | m³/Pa   | mL/mmHg       |
| Rd     | `distal_resistance`   | Pa s/m³ | mmHg s/mL     |
| Pd     | `distal_pressure`     | Pa      | mmHg          |

All pressures are relative to the atmosphere. Source: Westerhof, Lankhaar & Westerhof, Med. Biol. Eng. Comput.
47, 2009, DOI 10.1007/s11517-008-0359-2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.circuit import CircuitStep
from hemoplan.errors import BoundaryError
from hemoplan.units import to_unit

_RESISTANCE = ("Pa s/m^3", "mmHg*s/mL")
_COMPLIANCE = ("m^3/Pa", "mL/mmHg")
_PRESSURE = ("Pa", "mmHg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Windkessel:
    """One RCR Windkessel; equations and circuit in the module's docstring.

    Attributes:
        proximal_resistance: Rp >= 0, characteristic resistance of the vessels behind the outlet [Pa s/m³].
        compliance: C > 0 [m³/Pa].
        distal_resistance: Rd > 0, resistance of the small vessels [Pa s/m³].
        distal_pressure: Pd, venous pressure [Pa].

    Raises:
        BoundaryError: A value is not finite, a resistance is negative, or Rd or C is not positive.
    """

    proximal_resistance: float
    compliance: float
    distal_resistance: float
    distal_pressure: float = 0.0

    def __post_init__(self) -> None:
        Rp, C = self.proximal_resistance, self.compliance
        Rd, Pd = self.distal_resistance, self.distal_pressure
        _require("proximal resistance", Rp, _RESISTANCE, Rp >= 0.0, "zero or a positive number")
        _require("compliance", C, _COMPLIANCE, C > 0.0, "a positive number")
        _require("distal resistance", Rd, _RESISTANCE, Rd > 0.0, "a positive number")
        _require("distal pressure", Pd, _PRESSURE, True, "a finite number")

    @property
    def total_resistance(self) -> float:
        """Rp + Rd: mean pressure drop to the veins over mean flow [Pa s/m³]."""
        return self.proximal_resistance + self.distal_resistance

    @property
    def time_constant(self) -> float:
        """Rd C, with which the pressure decays in diastole [s]."""
        return self.distal_resistance * self.compliance

    def impedance(self, angular_frequency: float) -> complex:
        """Z = P/Q of a harmonic of angular frequency omega [1/s]: Rp + Rd / (1 + i omega Rd C) [Pa s/m³]."""
        Rp, Rd = self.proximal_resistance, self.distal_resistance
        return Rp + Rd / (1.0 + 1j * angular_frequency * self.time_constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindkesselBank:
    """n Windkessels behind n outlets, independent of each other: a `hemoplan.circuit.BoundaryCircuit`.

    The flow is taken as linear within a step, and for such a flow the step is exact. With a = dt / (Rd C):

        Pc1 - Pd = e^-a (Pc0 - Pd) + Rd (w0 Q0 + w1 Q1)
        w1 = 1 - (1 - e^-a) / a,    w0 = (1 - e^-a) / a - e^-a

    This is the exponential trapezoidal rule (Hochbruck & Ostermann, Acta Numerica 19, 2010,
    DOI 10.1017/S0962492910000048): second order for a smooth flow, L-stable, and dt may change from step to
    step. The scheme needs the flow at both ends of a step, so the state holds Pc and the last flow:
    `state = [Pc_1 … Pc_n, Q_1 … Q_n]`, (2 n,).

    Attributes:
        ports: Names of the n outlets.
        windkessels: One for each outlet.
        start_pressures: Pc at t = 0 [Pa]; the distal pressures if empty.
        start_flows: Q at t = 0 [m³/s]; zero if empty.

    Raises:
        BoundaryError: A name appears twice, or there are not as many values as outlets.
    """

    ports: tuple[str, ...]
    windkessels: tuple[Windkessel, ...]
    start_pressures: tuple[float, ...] = ()
    start_flows: tuple[float, ...] = ()
    _table: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.ports)) != len(self.ports) or not self.ports:
            raise BoundaryError(
                "every outlet needs one Windkessel",
                where="Windkessels",
                value=", ".join(self.ports) or "no outlet",
                expected="at least one outlet, and each name once",
            )
        pressures = self.start_pressures or tuple(each.distal_pressure for each in self.windkessels)
        flows = self.start_flows or (0.0,) * len(self.ports)
        lists = {"Windkessels": self.windkessels, "start pressures": pressures, "start flows": flows}
        for name, values in lists.items():
            if len(values) != len(self.ports):
                raise BoundaryError(
                    f"the number of {name} is not the number of outlets",
                    where="Windkessels",
                    value=len(values),
                    expected=f"{len(self.ports)}, for {', '.join(self.ports)}",
                )
        object.__setattr__(self, "start_pressures", tuple(float(value) for value in pressures))
        object.__setattr__(self, "start_flows", tuple(float(value) for value in flows))
        rows = [
            (each.proximal_resistance, each.compliance, each.distal_resistance, each.distal_pressure)
            for each in self.windkessels
        ]
        object.__setattr__(self, "_table", np.ascontiguousarray(np.array(rows, dtype=np.float64).T))

    @classmethod
    def of(cls, windkessels: Mapping[str, Windkessel]) -> Self:
        """A bank from a mapping of outlet name to Windkessel, in its order."""
        return cls(ports=tuple(windkessels), windkessels=tuple(windkessels.values()))

    def __getitem__(self, port: str) -> Windkessel:
        """The Windkessel behind an outlet."""
        return self.windkessels[self.ports.index(port)]

    @property
    def parameters(self) -> FloatArray:
        """(4, n) rows Rp, C, Rd, Pd in SI units."""
        return self._table.copy()

    def starting_from(self, state: FloatArray) -> Self:
        """The same Windkessels, with a (2 n,) state as the one at t = 0."""
        n = len(self.ports)
        return type(self)(
            ports=self.ports,
            windkessels=self.windkessels,
            start_pressures=tuple(float(value) for value in state[:n]),
            start_flows=tuple(float(value) for value in state[n:]),
        )

    def reordered(self, ports: tuple[str, ...]) -> Self:
        """The same circuit with its ports in another order.

        Raises:
            BoundaryError: The names are not those of the bank.
        """
        if sorted(ports) != sorted(self.ports):
            raise BoundaryError(
                "the Windkessels are not those of the outlets",
                where="Windkessels",
                value=", ".join(self.ports),
                expected=", ".join(ports),
            )
        order = [self.ports.index(port) for port in ports]
        return type(self)(
            ports=ports,
            windkessels=tuple(self.windkessels[index] for index in order),
            start_pressures=tuple(self.start_pressures[index] for index in order),
            start_flows=tuple(self.start_flows[index] for index in order),
        )

    def initial_state(self) -> FloatArray:
        """(2 n,) capacitor pressures [Pa] and flows [m³/s] at t = 0."""
        return np.array(self.start_pressures + self.start_flows, dtype=np.float64)

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        """Advance from t - dt to t with the flows [m³/s] at t; see `hemoplan.circuit.BoundaryCircuit`."""
        n = len(self.ports)
        if state.shape != (2 * n,) or flows.shape != (n,) or not dt > 0.0:
            got = f"{state.shape}, {flows.shape} and {dt}"
            raise ValueError(f"expected state ({2 * n},), flows ({n},) and dt > 0, not {got}")
        Rp, C, Rd, Pd = self._table
        decay, old_weight, new_weight = exponential_weights(dt / (Rd * C))
        Pc = Pd + decay * (state[:n] - Pd) + Rd * (old_weight * state[n:] + new_weight * flows)
        return CircuitStep(
            pressures=Rp * flows + Pc,
            dp_dq=np.diag(Rp + Rd * new_weight),
            state=np.concatenate([Pc, flows]),
        )


def exponential_weights(a: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The factors e^-a, w0 and w1 of an exponential trapezoidal step of length a = dt / tau > 0.

    Where a is small, w1 cancels and its Taylor series takes over (relative error below 1e-12).
    """
    decay = np.exp(-a)
    rise = -np.expm1(-a)
    series = a * (1 / 2 - a * (1 / 6 - a * (1 / 24 - a * (1 / 120 - a / 720))))
    new_weight = np.where(a < 1e-2, series, 1.0 - rise / a)
    return decay, rise - new_weight, new_weight


def _require(name: str, value: float, units: tuple[str, str], possible: bool, expected: str) -> None:
    """Raise unless a value is finite and possible; the message has it in SI and in the clinical unit."""
    if math.isfinite(value) and possible:
        return
    unit, clinical_unit = units
    raise BoundaryError(
        f"the {name} of a Windkessel is impossible",
        where="Windkessel",
        value=f"{value:g} {unit}, that is {to_unit(value, clinical_unit):g} {clinical_unit}",
        expected=expected,
    )
