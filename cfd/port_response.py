"""Implicit coupling of the ports to a 0D circuit at no 3D cost.

In the pressure step the port flows depend linearly on the port pressures, with a constant matrix: with psi_l
the harmonic field that is one on port l and zero on the other ports,

    Q = Q_0 - s R P,    R_kl = integral of the conormal derivative of psi_l over port k,    s = 2 dt / (3 rho),

where Q_0 are the flows for zero port pressures. R comes from one Poisson solve per port at start-up; each
time step then needs one Poisson solve and a Newton iteration on n equations, P = circuit(Q(P)).

Source of the stability question that this answers: Bertoglio, Caiazzo & Fernández, SIAM J. Sci. Comput. 35
(2013), DOI 10.1137/120874412.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from hemoplan.arrays import FloatArray
from hemoplan.circuit import BoundaryCircuit, CircuitStep
from hemoplan.errors import DivergenceError

MAX_ITERATIONS = 20
RELATIVE_TOLERANCE = 1e-10


def solve_port_pressures(
    comm: MPI.Intracomm,
    circuit: BoundaryCircuit,
    state: FloatArray,
    free_flows: FloatArray,
    response: FloatArray,
    *,
    guess: FloatArray,
    t: float,
    dt: float,
) -> CircuitStep:
    """Find the port pressures P at which circuit and 3D domain exchange the same flows. Collective.

    Newton on F(P) = P - circuit(free_flows - response P), evaluated on rank 0 and broadcast, so that ranks
    cannot drift apart. Flows are positive out of the 3D domain.

    Args:
        comm: Communicator.
        circuit: The 0D circuit.
        state: (m,) circuit state at t - dt.
        free_flows: (n,) flows at zero port pressures [m³/s].
        response: (n, n) s R [m³/(s Pa)].
        guess: (n,) pressures to start from [Pa].
        t, dt: End and length of the step [s].

    Raises:
        DivergenceError: No convergence, or the circuit answers with values that are not finite.
    """
    answer: CircuitStep | DivergenceError | None = None
    if comm.rank == 0:
        try:
            answer = _newton(circuit, state, free_flows, response, guess, t, dt)
        except DivergenceError as error:
            answer = error
    answer = comm.bcast(answer)
    if isinstance(answer, DivergenceError):
        raise answer
    assert answer is not None
    return answer


def _newton(
    circuit: BoundaryCircuit,
    state: FloatArray,
    free_flows: FloatArray,
    response: FloatArray,
    guess: FloatArray,
    t: float,
    dt: float,
) -> CircuitStep:
    pressures = guess
    for _ in range(MAX_ITERATIONS):
        step = circuit.step(state, free_flows - response @ pressures, t, dt)
        residual = pressures - step.pressures
        if not np.isfinite(residual).all():
            break
        if np.abs(residual).max(initial=0.0) <= RELATIVE_TOLERANCE * (
            np.abs(step.pressures).max(initial=0.0) + 1.0
        ):
            return step
        pressures = pressures - np.linalg.solve(np.eye(len(guess)) + step.dp_dq @ response, residual)
    raise DivergenceError(
        "the 0D circuit and the 3D flow do not agree",
        where=f"t = {t:.5g} s",
        value=f"port pressures {pressures} Pa",
        remedy="check the circuit's parameters, or choose a smaller solver.time_step",
    )
