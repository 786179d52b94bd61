"""What a time step starts from, what it reports, and the coefficients of the time discretisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemoplan.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """All that a time step needs from the past; node arrays include ghosts.

    Attributes:
        time: [s].
        dt: Length of the step that led here [s]; 0 before the first step.
        velocity, previous_velocity: (n, d) at `time` and one step before, at the velocity's nodes [m/s].
        pressure: (m,) at the vertices [Pa].
        memory: Further arrays of the stepper, by name: (m, …) at the vertices.
        circuit: State of the 0D circuit.
        port_pressures: (k,) P at the outlets, of entering blood the total pressure [Pa].
        port_offsets: (k,) by which the static pressure there differs from P, see `cfd.open_boundary` [Pa].
    """

    time: float
    dt: float
    velocity: FloatArray
    previous_velocity: FloatArray
    pressure: FloatArray
    memory: Mapping[str, FloatArray]
    circuit: FloatArray
    port_pressures: FloatArray
    port_offsets: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What one step did.

    Attributes:
        pressures: (i + k,) mean pressure over each inlet, and pressure of each outlet (see `cfd.open_boundary`) [Pa].
        flows: (i + k,) flow out of the domain through each inlet and outlet [m³/s]: the flows that the pressure
            step balances and that the circuit receives.
        uncorrected_flows: (i + k,) the surface integrals of the velocity field before it was made to agree [m³/s].
        velocity_iterations, pressure_iterations: Krylov iterations.
    """

    pressures: FloatArray
    flows: FloatArray
    uncorrected_flows: FloatArray
    velocity_iterations: int
    pressure_iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeScheme:
    """Backward differences of second order with variable steps, and extrapolation; first order for the first step.

    With r the ratio of the new step to the last one:

        du/dt = (a0 u^(n+1) - a1 u^n + a2 u^(n-1)) / dt,   a0 = (1 + 2 r)/(1 + r), a1 = 1 + r, a2 = r²/(1 + r)
        u^(n+1) = (1 + r) u^n - r u^(n-1)   (extrapolated)

    Attributes:
        dt: The new step [s].
        a0, a1, a2: Coefficients of the derivative.
        ratio: r of the extrapolation; 0 in the first step.
    """

    dt: float
    a0: float
    a1: float
    a2: float
    ratio: float


def time_scheme(dt: float, last_dt: float) -> TimeScheme:
    """Coefficients of a step of length dt [s] after one of length last_dt [s] (0: there was none)."""
    if last_dt == 0.0:
        return TimeScheme(dt=dt, a0=1.0, a1=1.0, a2=0.0, ratio=0.0)
    r = dt / last_dt
    return TimeScheme(dt=dt, a0=(1.0 + 2.0 * r) / (1.0 + r), a1=1.0 + r, a2=r * r / (1.0 + r), ratio=r)
