"""The respiratory system as resistances and compliances, with one lung compartment or several.

```text
                            R1      C1
  P_aw   tube   R0       .--/\\/\\--o--||--.
   o-----====--/\\/\\--o--|                 o--||--.   pleura
                       '--/\\/\\--o--||--'   Cw    |
                            R2      C2            o  P_mus
```

Each compartment k has a volume v_k above relaxation, a lung compliance C_k and an airway R_k; they share the chest wall
Cw, the central airway R0 and the tube. With Q the flow at the airway opening and q_k = dv_k/dt:

    P_aw - P_tube(Q) - R0 Q - R_k q_k = v_k / C_k + sum(v) / Cw - P_mus,    Q = sum(q_k)
    P_pleural = P_pleural at rest + sum(v) / Cw - P_mus

P_mus, the pressure of the inspiratory muscles, counts as positive. For one compartment and no muscle this is the
textbook's V' R + V / C = P with C = 1 / (1/C_1 + 1/Cw) and R = R0 + R_1. Several compartments with different time
constants exchange gas with each other (pendelluft): Otis et al., J. Appl. Physiol. 8, 1956.

| symbol | name                    | unit    | clinical unit |
|--------|-------------------------|---------|---------------|
| C      | `compliance`            | m³/Pa   | mL/cmH2O      |
| R      | `resistance`            | Pa s/m³ | cmH2O s/L     |
| v      | `volume`                | m³      | mL            |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError
from lumped.gas.parameters import check_parameters, parameter

CMH2O = 98.0665
"""One centimetre of water in pascal, for defaults and tests of this room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LungCompartment:
    """A part of the lungs that fills through one airway.

    Attributes:
        compliance: Of the lung alone [m³/Pa].
        resistance: Of its airway and tissue [Pa s/m³].

    Raises:
        CaseError: A value is outside its limits.
    """

    compliance: float = parameter("mL/cmH2O", 1e-3, 200.0)
    resistance: float = parameter("cmH2O*s/L", 1e-3, 5000.0)

    def __post_init__(self) -> None:
        check_parameters(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RespiratorySystem:
    """Lungs and chest wall; equations and drawing in the module's docstring.

    Attributes:
        compartments: One or more.
        chest_wall_compliance: Cw [m³/Pa].
        central_resistance: R0 of what the compartments share [Pa s/m³].
        functional_residual_capacity: Gas in the lungs at relaxation [m³].
        dead_space: Anatomical, without equipment [m³].
        resting_pleural_pressure: At relaxation [Pa].

    Raises:
        CaseError: A value is outside its limits, or there is no compartment.
    """

    compartments: tuple[LungCompartment, ...]
    chest_wall_compliance: float = parameter("mL/cmH2O", 1e-2, 1000.0)
    functional_residual_capacity: float = parameter("mL", 1.0, 6000.0)
    dead_space: float = parameter("mL", 0.0, 500.0)
    central_resistance: float = parameter("cmH2O*s/L", 0.0, 5000.0, default=0.0)
    resting_pleural_pressure: float = parameter("cmH2O", -20.0, 5.0, default=-2.0 * CMH2O)

    def __post_init__(self) -> None:
        check_parameters(self)
        if not self.compartments:
            raise CaseError(
                "lungs without a compartment",
                where="respiratory system",
                expected="one lung compartment or more",
            )

    @property
    def lung_compliance(self) -> float:
        """Compliance of all compartments together [m³/Pa]."""
        return sum(each.compliance for each in self.compartments)

    @property
    def compliance(self) -> float:
        """Static compliance of lungs and chest wall in series [m³/Pa]."""
        return 1.0 / (1.0 / self.lung_compliance + 1.0 / self.chest_wall_compliance)

    @property
    def resistance(self) -> float:
        """Resistance at high frequency: central, and the airways of the compartments in parallel [Pa s/m³]."""
        return self.central_resistance + 1.0 / sum(1.0 / each.resistance for each in self.compartments)

    @property
    def transmission(self) -> float:
        """Share of a static airway pressure that reaches the pleura, C_lung / (C_lung + Cw)."""
        return self.lung_compliance / (self.lung_compliance + self.chest_wall_compliance)

    def elastance_matrix(self) -> FloatArray:
        """(n, n) recoil pressure of compartment k per volume of compartment j [Pa/m³]."""
        own = np.diag([1.0 / each.compliance for each in self.compartments])
        return own + 1.0 / self.chest_wall_compliance

    def resistance_matrix(self, added: float = 0.0) -> FloatArray:
        """(n, n) pressure drop to compartment k per flow into compartment j, with `added` in series [Pa s/m³]."""
        own = np.diag([each.resistance for each in self.compartments])
        return own + self.central_resistance + added


def one_compartment(
    *,
    compliance: float,
    resistance: float,
    chest_wall_compliance: float,
    functional_residual_capacity: float,
    dead_space: float,
) -> RespiratorySystem:
    """A system with one compartment from what is measured at the airway: the compliance of lungs and wall together.

    Raises:
        CaseError: The compliance of the whole is not below that of the chest wall, or a value is outside its limits.
    """
    if not 0.0 < compliance < chest_wall_compliance:
        raise CaseError(
            "the compliance of lungs and chest wall together must be below that of the chest wall",
            where="respiratory system",
            value=f"{compliance:.4g} and {chest_wall_compliance:.4g} m³/Pa",
            expected="two positive numbers, the first the smaller",
        )
    lung = 1.0 / (1.0 / compliance - 1.0 / chest_wall_compliance)
    return RespiratorySystem(
        compartments=(LungCompartment(compliance=lung, resistance=resistance),),
        chest_wall_compliance=chest_wall_compliance,
        functional_residual_capacity=functional_residual_capacity,
        dead_space=dead_space,
    )


def inflated_volume(pressure: float, duration: float, *, compliance: float, resistance: float) -> float:
    """Volume that a step of pressure brings into one compartment at rest: C dP (1 - exp(-t / (R C))) [m³].

    Args:
        pressure: dP, pressure above the start [Pa].
        duration: t [s].
        compliance: C [m³/Pa].
        resistance: R [Pa s/m³].
    """
    return -compliance * pressure * math.expm1(-duration / (resistance * compliance))
