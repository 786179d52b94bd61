"""What the blood behind the ports of a 3D domain carries: oxygen, carbon dioxide, tracers.

The 3D domain tells how much of each tracer left it through each port in a step, and asks which concentration enters it
where blood comes back. Flow and amounts are positive out of the 3D domain, as in `hemoplan.circuit`. A concentration
may have any unit; an amount is a concentration times m³.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hemoplan.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The blood that a circuit exchanged in one time step, for p ports.

    Attributes:
        t, dt: End and length of the step [s].
        flows: (p,) means over the step [m³/s].
        before, after: State of the circuit at both ends.
    """

    t: float
    dt: float
    flows: FloatArray
    before: FloatArray
    after: FloatArray


class PortTracer(Protocol):
    """What k tracers do behind p ports; pure, so that a step may be tried first and then be taken."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the patches."""
        ...

    @property
    def tracers(self) -> tuple[str, ...]:
        """Names of what is carried."""
        ...

    def initial_state(self) -> FloatArray:
        """(m,) state at t = 0."""
        ...

    def contents(self, state: FloatArray, circuit: FloatArray) -> FloatArray:
        """(p, k) concentrations of the blood behind each port, in a state of the tracers and one of the circuit."""
        ...

    def amounts(self, state: FloatArray) -> FloatArray:
        """(k,) what the circuit holds of each."""
        ...

    def step(self, state: FloatArray, leaving: FloatArray, interval: Interval) -> FloatArray:
        """(m,) the state at the end of an interval in which (p, k) amounts per second left the 3D domain."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedContents:
    """Blood of the same concentrations behind the ports, whatever comes: a `PortTracer` without a state.

    Attributes:
        ports: (p,) names of the patches.
        tracers: (k,) names of what is carried.
        values: (p, k) concentrations; zero if not given.
    """

    ports: tuple[str, ...]
    tracers: tuple[str, ...]
    values: FloatArray | None = None

    def initial_state(self) -> FloatArray:
        """No state."""
        return np.zeros(0)

    def contents(self, state: FloatArray, circuit: FloatArray) -> FloatArray:
        """(p, k) the same at all times."""
        return np.zeros((len(self.ports), len(self.tracers))) if self.values is None else self.values

    def amounts(self, state: FloatArray) -> FloatArray:
        """(k,) zero: what is behind the ports is not counted."""
        return np.zeros(len(self.tracers))

    def step(self, state: FloatArray, leaving: FloatArray, interval: Interval) -> FloatArray:
        """No state."""
        return state
