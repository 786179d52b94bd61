"""The one place where a 3D domain and a 0D circuit meet.

Sign convention, everywhere in hemoplan: **flow is positive out of the 3D domain**, so a flow at an outlet is
positive when blood leaves the 3D domain and enters the circuit. Pressures are relative to the atmosphere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from hemoplan.arrays import FloatArray

type Drive = Literal["flow", "pressure"]
"""What a port is told by the 3D domain: the flow out of it, or the pressure at the patch. It answers with the other."""


@dataclass(frozen=True, slots=True)
class CircuitStep:
    """What a circuit answers to the flows of one time step, for n ports and m states.

    Attributes:
        pressures: (n,) port pressures at the end of the step [Pa].
        dp_dq: (n, n) derivative of the pressures with respect to the flows at the end of the step [Pa s/m³].
        state: (m,) state at the end of the step.
    """

    pressures: FloatArray
    dp_dq: FloatArray
    state: FloatArray


class BoundaryCircuit(Protocol):
    """A lumped circuit with n ports: a Windkessel (1 port) or a closed loop with a heart (n ports)."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the patches that the ports connect to."""
        ...

    def initial_state(self) -> FloatArray:
        """(m,) state at t = 0."""
        ...

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        """Advance from t - dt to t with the flows [m³/s] at t. Pure: a step may be retried with other flows."""
        ...


@dataclass(frozen=True, slots=True)
class PortStep:
    """What a circuit answers to its drives at the end of a step, for n ports and m states.

    Attributes:
        response: (n,) pressure of a port that is driven by flow [Pa], flow out of the 3D domain of one that is
            driven by pressure [m³/s].
        tangent: (n, n) derivative of the responses with respect to the drives.
        state: (m,) state at the end of the step.
    """

    response: FloatArray
    tangent: FloatArray
    state: FloatArray


@runtime_checkable
class DrivenCircuit(Protocol):
    """A lumped circuit some of whose ports may be driven by pressure, and answer with their flow."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the patches that the ports connect to."""
        ...

    @property
    def drives(self) -> tuple[Drive, ...]:
        """What each port is told."""
        ...

    def initial_state(self) -> FloatArray:
        """(m,) state at t = 0."""
        ...

    def initial_drives(self) -> FloatArray:
        """(n,) flows [m³/s] or pressures [Pa] at t = 0, as each port is driven."""
        ...

    def advance(self, state: FloatArray, drives: FloatArray, t: float, dt: float) -> PortStep:
        """Advance from t - dt to t with the drives at t. Pure: a step may be retried with other drives."""
        ...


type Circuit = BoundaryCircuit | DrivenCircuit


@dataclass(frozen=True, slots=True)
class FixedPressures:
    """Ports at constant pressures, such as an opening to the atmosphere.

    Attributes:
        ports: (n,) names of the ports.
        pressures: (n,) [Pa]; zero if not given.
    """

    ports: tuple[str, ...] = ()
    pressures: tuple[float, ...] | None = None

    def initial_state(self) -> FloatArray:
        """No state."""
        return np.zeros(0)

    def step(self, state: FloatArray, flows: FloatArray, t: float, dt: float) -> CircuitStep:
        """The same pressures whatever the flows."""
        n = len(self.ports)
        pressures = np.zeros(n) if self.pressures is None else np.array(self.pressures)
        return CircuitStep(pressures, np.zeros((n, n)), state)
