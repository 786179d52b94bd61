"""A step that has been taken, and the forces that its momentum balance was made of."""

from __future__ import annotations

from dataclasses import dataclass

from cfd.flow_state import FlowState, StepReport
from hemoplan.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenStep:
    """A step that has been taken, for those who ask where its momentum and energy went.

    Attributes:
        before, after: The states around it.
        tentative: (n, d) u*, the solution of the momentum balance [m/s].
        report: What it reported.
    """

    before: FlowState
    after: FlowState
    tentative: FloatArray
    report: StepReport


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumForces:
    """The terms of the momentum balance of a step, tested with the basis: (n, d) each, of this rank's cells alone [N].

    Summed over terms and ranks, they vanish where the velocity is not prescribed, to the tolerance of the solver;
    elsewhere they are the force that holds the prescribed velocity.

    Attributes:
        inertia: rho (a0 u* - a1 u^n + a2 u^(n-1)) / dt.
        convection: Of u* by w, with its stabilisation.
        viscosity: Of u*; where viscosity depends on the shear rate, with the part of the stress that is explicit.
        backflow: The backflow term of the outlets.
        pressure: Gradient of the driving pressure.
    """

    inertia: FloatArray
    convection: FloatArray
    viscosity: FloatArray
    backflow: FloatArray
    pressure: FloatArray
