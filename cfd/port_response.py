"""Implicit coupling of the ports to a 0D circuit at no 3D cost.

In the pressure step the port flows depend linearly on the port pressures, with a constant matrix: with psi_l
the harmonic field that is one on port l and zero on the other ports,

    Q = Q_0 - s R P,    R_kl = integral of the conormal derivative of psi_l over port k,    s = 2 dt / (3 rho),

where Q_0 are the flows for zero port pressures. R comes from one Poisson solve per port at start-up; each
time step then needs one Poisson solve and a Newton iteration on the n port pressures. A port that is driven by flow
answers with its pressure, one that is driven by pressure with its flow; both residuals are pressures,

    F_k = P_k - p_k(d),    F_k = -(Q_k - q_k(d)) / (s R_kk),    d_k = Q_k or P_k as port k is driven,

the second being the change of P_k that would let the 3D domain pass the flow that the circuit takes. P_k is the static
pressure; where the circuit's is the total one of entering blood (`cfd.open_boundary`), P_k + c_k Q_k² for Q_k < 0 takes
its place in F_k and d_k. Nothing divides by what the circuit does, so a closed valve behind a port of either kind
leaves the equations regular. A Newton step is halved where it does not bring the residual down, as where a valve snaps
from open to closed.

Source of the stability question that this answers: Bertoglio, Caiazzo & Fernández, SIAM J. Sci. Comput. 35
(2013), DOI 10.1137/120874412.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from hemoplan.arrays import FloatArray
from hemoplan.circuit import Circuit, DrivenCircuit, PortStep
from hemoplan.errors import BoundaryError, DivergenceError, HemoplanError

MAX_ITERATIONS = 50
MAX_HALVINGS = 12
RELATIVE_TOLERANCE = 1e-10
"""Where the iteration stops: largest residual over the largest pressure."""
ACCEPTED_RESIDUAL = 1e-8
"""What is accepted where round-off in the circuit leaves no smaller one."""
SUFFICIENT_FALL = 1e-4
SMALLEST_PRESSURE = 1.0
"""Pressures below this are not resolved further [Pa]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSolution:
    """Where circuit and 3D domain agree, for n ports and m states.

    Attributes:
        pressures: (n,) P, static [Pa].
        flows: (n,) out of the 3D domain [m³/s].
        state: (m,) of the circuit at the end of the step.
        residual: Largest residual over the largest pressure.
        iterations: Newton steps.
    """

    pressures: FloatArray
    flows: FloatArray
    state: FloatArray
    residual: float
    iterations: int


def solve_port_pressures(
    comm: MPI.Intracomm,
    circuit: Circuit,
    state: FloatArray,
    free_flows: FloatArray,
    response: FloatArray,
    *,
    kinetic: FloatArray,
    guess: FloatArray,
    t: float,
    dt: float,
) -> PortSolution:
    """Find the port pressures P at which circuit and 3D domain exchange the same flows. Collective.

    Evaluated on rank 0 and broadcast, so that ranks cannot drift apart. Flows are positive out of the 3D domain.

    Args:
        comm: Communicator.
        circuit: The 0D circuit.
        state: (m,) circuit state at t - dt.
        free_flows: (n,) flows at zero port pressures [m³/s].
        response: (n, n) s R [m³/(s Pa)].
        kinetic: (n,) c [Pa s²/m⁶], zero at ports of the static pressure.
        guess: (n,) pressures to start from [Pa].
        t, dt: End and length of the step [s].

    Raises:
        DivergenceError: No convergence, or the circuit has no answer; names the port or block, the time and the state.
    """
    found: PortSolution | HemoplanError | None = None
    if comm.rank == 0:
        try:
            found = _Coupling(circuit, state, free_flows, response, kinetic, t, dt).solve(guess)
        except HemoplanError as error:
            found = error
    found = comm.bcast(found)
    if isinstance(found, HemoplanError):
        raise found
    assert found is not None
    return found


def answer(circuit: Circuit, state: FloatArray, drives: FloatArray, t: float, dt: float) -> PortStep:
    """What a circuit of either kind answers to its drives: flows [m³/s] or pressures [Pa]."""
    if isinstance(circuit, DrivenCircuit):
        return circuit.advance(state, drives, t, dt)
    step = circuit.step(state, drives, t, dt)
    return PortStep(step.pressures, step.dp_dq, step.state)


def driven_by_pressure(circuit: Circuit) -> FloatArray:
    """(n,) one for each port that is driven by pressure, zero for each that is driven by flow."""
    drives = circuit.drives if isinstance(circuit, DrivenCircuit) else ("flow",) * len(circuit.ports)
    return np.array([float(drive == "pressure") for drive in drives])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Iterate:
    """One guess (n,): pressures, flows, the circuit's answer, the residual [Pa] and its size."""

    pressures: FloatArray
    flows: FloatArray
    answer: PortStep
    residual: FloatArray
    size: float


class _Coupling:
    """The equations of one step, on rank 0."""

    def __init__(
        self,
        circuit: Circuit,
        state: FloatArray,
        free_flows: FloatArray,
        response: FloatArray,
        kinetic: FloatArray,
        t: float,
        dt: float,
    ) -> None:
        self.circuit, self.state, self.t, self.dt = circuit, state, t, dt
        self.free_flows, self.response, self.kinetic = free_flows, response, kinetic
        self.by_pressure = driven_by_pressure(circuit)
        self.own_response = np.diag(response)

    def solve(self, guess: FloatArray) -> PortSolution:
        here = self._first(guess)
        iterations = 0
        while here.size > RELATIVE_TOLERANCE and iterations < MAX_ITERATIONS:
            better = self._improved(here)
            if better is None:
                break
            here = better
            iterations += 1
        if not here.size <= ACCEPTED_RESIDUAL:
            raise self._disagreement(here)
        return PortSolution(
            pressures=here.pressures,
            flows=here.flows,
            state=here.answer.state,
            residual=here.size,
            iterations=iterations,
        )

    def _at(self, pressures: FloatArray) -> _Iterate:
        flows = self.free_flows - self.response @ pressures
        own = pressures + self.kinetic * np.minimum(flows, 0.0) ** 2
        drives = np.where(self.by_pressure > 0.0, own, flows)
        done = answer(self.circuit, self.state, drives, self.t, self.dt)
        residual = np.where(
            self.by_pressure > 0.0,
            (done.response - flows) / self.own_response,
            own - done.response,
        )
        scale = np.abs(pressures).max(initial=0.0) + SMALLEST_PRESSURE
        finite = np.isfinite(residual).all() and np.isfinite(done.state).all()
        size = float(np.abs(residual).max(initial=0.0)) / float(scale) if finite else np.inf
        return _Iterate(pressures=pressures, flows=flows, answer=done, residual=residual, size=size)

    def _first(self, guess: FloatArray) -> _Iterate:
        """The guess; where the circuit has no answer to it, the pressures that let least flow through the ports."""
        failure: BoundaryError | None = None
        for attempt in range(2):
            pressures = guess
            if attempt:
                flows = self.free_flows - self.response @ guess
                pressures = guess + np.linalg.lstsq(self.response, flows)[0]
            try:
                here = self._at(pressures)
            except BoundaryError as error:
                failure = error
                continue
            if here.size < np.inf:
                return here
        if failure is None:
            raise self._disagreement(here)
        raise DivergenceError(
            f"the 0D circuit has no answer to the 3D flow: {failure.what}",
            where=f"t = {self.t:.5g} s, {failure.where}",
            value=self._state_in_words(guess, self.free_flows - self.response @ guess),
            remedy=failure.remedy or "check the circuit's parameters, or choose a smaller solver.time_step",
        ) from failure

    def _improved(self, here: _Iterate) -> _Iterate | None:
        """The iterate after a Newton step, as far along it as the residual falls; None where it does not."""
        n = len(here.pressures)
        by_pressure = self.by_pressure[:, None] > 0.0
        own = np.eye(n) - (2.0 * self.kinetic * np.minimum(here.flows, 0.0))[:, None] * self.response
        drives = np.where(by_pressure, own, -self.response)
        answers = here.answer.tangent @ drives
        slope = np.where(
            by_pressure,
            (answers + self.response) / self.own_response[:, None],
            own - answers,
        )
        try:
            update = -np.linalg.solve(slope, here.residual)
        except np.linalg.LinAlgError:
            return None
        share = 1.0
        for _ in range(MAX_HALVINGS):
            try:
                there = self._at(here.pressures + share * update)
            except BoundaryError:
                share *= 0.5
                continue
            if there.size < (1.0 - SUFFICIENT_FALL * share) * here.size:
                return there
            share *= 0.5
        return None

    def _disagreement(self, here: _Iterate) -> DivergenceError:
        worst = int(np.abs(np.nan_to_num(here.residual, nan=np.inf)).argmax())
        return DivergenceError(
            "the 0D circuit and the 3D flow do not agree",
            where=f"t = {self.t:.5g} s, port {self.circuit.ports[worst]}",
            value=f"{here.residual[worst]:.3g} Pa, a residual of {here.size:.3g}, at "
            + self._state_in_words(here.pressures, here.flows),
            expected=f"a relative residual below {ACCEPTED_RESIDUAL:g}",
            remedy="check the circuit's parameters, or choose a smaller solver.time_step",
        )

    def _state_in_words(self, pressures: FloatArray, flows: FloatArray) -> str:
        return "; ".join(
            f"{port}: {pressure:.5g} Pa, {flow:.4g} m³/s"
            for port, pressure, flow in zip(self.circuit.ports, pressures, flows, strict=True)
        )
