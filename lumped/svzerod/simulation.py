"""Running a model of svZeroDSolver: the steady start, the heart cycles, and which states are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, DivergenceError
from lumped.svzerod.elimination import find_undetermined, plan_elimination
from lumped.svzerod.kernel import DONE, LOST, UNSTABLE, Elimination, march
from lumped.svzerod.network import Network, build_network
from lumped.svzerod.parameters import COMMENT, read_number
from lumped.svzerod.result import Result
from lumped.svzerod.schema import SimulationParameters, SvzerodModel
from lumped.svzerod.signals import Signal
from lumped.svzerod.stamps import Start
from lumped.svzerod.system import Layout, System, assemble, lay_out

START_OF_ALL = {"pressure_all": ("pressure:", "P_c:"), "flow_all": ("flow:",)}
"""Names in 'initial_condition' that stand for all unknowns whose names begin so."""

STEADY_STEPS = 31
STEADY_STEPS_PER_PERIOD = 10
MOST_EXTRA_CYCLES = 1000
MOST_ORDERS = 200
"""Orders of elimination that are tried in one march before the circuit counts as singular."""


def run(model: SvzerodModel, where: str = "model") -> Result:
    """Run a model.

    The start is the given state or, with `steady_initial`, what 31 steps of a tenth of a period lead to from there,
    with signals at their mean and without the capacitors of Windkessels. With `use_cycle_to_cycle_error` the number of
    cycles is that of Pfaller et al. 2021, DOI 10.1007/s10439-021-02796-x, equation 21, where there are Windkessels;
    else, cycles are added until the mean flow and pressure at the caps agree between two in a row.

    Args:
        model: What `read_model` gives.
        where: File, for messages.

    Raises:
        CaseError: The model is contradictory or incomplete, see `build_network`.
        DivergenceError: The equations are singular, or Newton's method does not converge.
    """
    return Simulation(model, where).run()


class _March:
    """The state of a system in time."""

    def __init__(
        self, system: System, layout: Layout, start: Start, dt: float, options: SimulationParameters
    ) -> None:
        self.system, self.layout, self.dt, self.options = system, layout, dt, options
        self.y, self.rates = start.y.copy(), start.rates.copy()
        self._elimination: Elimination | None = None
        self._orders = 0
        self._parameters = system.parameters.copy()
        self._jacobian = np.zeros(system.circuit.slot_row.size)
        self._residual = np.zeros(self.y.size)
        self._history = np.zeros(system.circuit.memory_weights.size)
        self._unconverged = np.zeros(1, dtype=np.int64)
        self._counters = np.zeros(system.circuit.memory_column.size, dtype=np.int64)

    @property
    def unconverged(self) -> int:
        """Steps that were taken without convergence."""
        return int(self._unconverged[0])

    def advance(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Take steps from (m,) times.

        Returns:
            Unknowns (m, n) and rates (m, n) at the end of the steps.
        """
        rho = self.options.rho_infty
        drivers = self.system.drive(times + self.dt / (1.0 + rho))
        ys, rates = np.empty((times.size, self.y.size)), np.empty((times.size, self.y.size))
        elimination = self._elimination or self._first_order(rho)
        step = 0
        while True:
            status, step = march(
                self.system.circuit,
                elimination,
                self._parameters,
                self.system.driven,
                drivers,
                self.y,
                self.rates,
                self.dt,
                rho,
                self.options.absolute_tolerance,
                self.options.maximum_nonlinear_iterations,
                self.options.max_iter_error_to_warning or self.options.max_iter_warning,
                step,
                ys,
                rates,
                self._history,
                self._counters,
                self._jacobian,
                self._residual,
                self._unconverged,
            )
            if status == DONE:
                self._elimination = elimination
                return ys, rates
            if status != UNSTABLE:
                raise self._explain(status, times[step] + self.dt)
            elimination = self._order(self._jacobian)

    def _first_order(self, rho: float) -> Elimination:
        """An order for the linear part alone, which the march replaces where the laws matter."""
        circuit = self.system.circuit
        alpha_m, alpha_f = 0.5 * (3.0 - rho) / (1.0 + rho), 1.0 / (1.0 + rho)
        weight = alpha_f * (0.5 + alpha_m - alpha_f) * self.dt
        linear = alpha_m * circuit.rates + weight * circuit.values
        guess = np.where(linear == 0.0, weight, linear)
        n = self.y.size
        for values in (linear, guess):
            plan = plan_elimination(n, circuit.slot_row, circuit.slot_column, values)
            if plan is not None:
                return plan
        raise self._singular()

    def _order(self, jacobian: FloatArray) -> Elimination:
        self._orders += 1
        circuit = self.system.circuit
        plan = plan_elimination(self.y.size, circuit.slot_row, circuit.slot_column, jacobian)
        if plan is None or self._orders > MOST_ORDERS:
            raise self._singular()
        return plan

    def _singular(self) -> DivergenceError:
        circuit = self.system.circuit
        active = (self._jacobian != 0.0) | (circuit.rates != 0.0) | (circuit.values != 0.0)
        rows, columns = find_undetermined(self.y.size, circuit.slot_row[active], circuit.slot_column[active])
        blocks = sorted({self.layout.equations[row].name for row in rows})
        names = [self.layout.unknowns[column] for column in columns]
        return DivergenceError(
            "the equations are singular",
            where=", ".join(blocks),
            value=f"not determined: {', '.join(names[:5])}" if names else None,
            expected="a pressure reference that every part of the circuit is connected to, and flows that are not "
            "prescribed twice",
            remedy="check connections, boundary conditions and parameters that are zero",
        )

    def _explain(self, status: int, time: float) -> DivergenceError:
        size = np.abs(self._residual)
        worst = int(np.flatnonzero(~np.isfinite(size))[0]) if status == LOST else int(size.argmax())
        member = self.layout.equations[worst]
        if status == LOST:
            return DivergenceError(
                f"the solution of '{member.name}' is not finite at t = {time:.6g}",
                where=member.where,
                remedy="use more time points per cycle, or check the parameters' units",
            )
        return DivergenceError(
            f"no convergence at t = {time:.6g}, worst in '{member.name}'",
            where=member.where,
            value=f"residual {size[worst]:.3g} after {self.options.maximum_nonlinear_iterations} iterations",
            expected=f"less than {self.options.absolute_tolerance:g}",
            remedy="use more time points per cycle, a larger 'absolute_tolerance' or 'max_iter_error_to_warning'",
        )


class Simulation:
    """A model that is ready to run."""

    def __init__(self, model: SvzerodModel, where: str = "model") -> None:
        if model.simulation_parameters is None:
            raise CaseError("the model has no 'simulation_parameters'", where=where)
        self.options = model.simulation_parameters
        self.network = build_network(model, where)
        try:
            self.layout = lay_out(self.network)
        except CaseError as error:
            place = error.where or where
            raise CaseError(
                error.what, where=place, value=error.value, expected=error.expected, remedy=error.remedy
            ) from None
        self.given = _read_start(model, self.layout, where)
        known = {*self.layout.unknowns, *START_OF_ALL}
        named = {**model.initial_condition, **model.initial_condition_d}
        self.unused = tuple(name for name in named if name not in known and not name.startswith(COMMENT))
        self.points, self.cycles, self.dt = _plan_steps(self.options, self.network)
        _check_coverage(self.network, self.dt * (self.points - 1) * self.cycles)

    def run(self) -> Result:
        """Run it; see `run`."""
        start = self._settle() if self.options.steady_initial else self.given
        per_period = self.network.period / self.dt
        whole = round(per_period) if abs(per_period - round(per_period)) < 1e-8 else None
        system = assemble(self.network, self.layout, start=start, steps_per_period=whole)
        march = _March(system, self.layout, start, self.dt, self.options)
        clock: FloatArray = np.asarray(self.dt * np.arange(self.points), dtype=np.float64)
        cycles = [_Cycle.begin_at(start)]
        extra = 0
        for number in range(self.cycles):
            steps = np.arange(number * (self.points - 1), (number + 1) * (self.points - 1) + 1)
            times: FloatArray = np.asarray(self.dt * steps, dtype=np.float64)
            cycles.append(cycles[-1].follow(march, times[:-1], times[1:]))
            if not self.options.output_all_cycles:
                del cycles[:-2]
        if self.options.use_cycle_to_cycle_error and self.network.windkessel_time is None:
            while not self._agree(*cycles[-2:]):
                begins = np.concatenate((cycles[-1].times[-1:], clock[1:-1]))
                cycles.append(cycles[-1].follow(march, begins, clock[1:]))
                extra += 1
                if extra == MOST_EXTRA_CYCLES:
                    raise DivergenceError(
                        f"flow and pressure at the caps still change after {extra} more cycles",
                        remedy="raise 'sim_cycle_to_cycle_percent_error'",
                    )
        return self._keep(cycles, self.cycles + extra, march.unconverged)

    def _keep(self, cycles: list[_Cycle], count: int, unconverged: int) -> Result:
        """Choose the states that the tables show, from the start or from the last cycle."""
        last = cycles[-1]
        kept = cycles if self.options.output_all_cycles else [last.with_begin()]
        interval = self.options.output_interval
        times = np.concatenate([each.times for each in kept])[::interval]
        return Result(
            times=times if self.options.output_all_cycles else times - times[0],
            unknowns=self.layout.unknowns,
            y=np.concatenate([each.y for each in kept])[::interval],
            rates=np.concatenate([each.rates for each in kept])[::interval],
            vessels=tuple((name, self._columns(name)) for name in self.network.vessels),
            period=self.network.period,
            cycles=count,
            unconverged=unconverged,
            unused=self.unused,
            by_unknown=self.options.output_variable_based,
            means=self.options.output_mean_only,
            with_rates=self.options.output_derivative,
        )

    def _columns(self, vessel: str) -> tuple[int, int, int, int]:
        place = self.layout.places[vessel]
        (p_in, q_in), (p_out, q_out) = place.inlets[0], place.outlets[0]
        return q_in, q_out, p_in, p_out

    def _settle(self) -> Start:
        """The steady start."""
        system = assemble(self.network, self.layout, start=None)
        dt = self.network.period / STEADY_STEPS_PER_PERIOD
        march = _March(system, self.layout, self.given, dt, self.options)
        ys, rates = march.advance(np.asarray(dt * np.arange(STEADY_STEPS), dtype=np.float64))
        return Start(y=ys[-1], rates=rates[-1], settled=True)

    def _agree(self, before: _Cycle, last: _Cycle) -> bool:
        """Whether the mean flow and pressure at each cap are the same in two cycles in a row."""
        columns = [2 * cap + k for cap in self.network.caps for k in (0, 1)]
        old, new = (each.with_begin().y[:, columns].mean(axis=0) for each in (before, last))
        limit = self.options.sim_cycle_to_cycle_percent_error / 100.0
        return bool(np.all(np.abs(new - old) <= limit * np.abs(old)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cycle:
    """States at the ends of the steps of a cycle.

    Attributes:
        times: (m,)
        y: (m, n)
        rates: (m, n)
        begin: Time, unknowns and rates before the first step.
    """

    times: FloatArray
    y: FloatArray
    rates: FloatArray
    begin: tuple[float, FloatArray, FloatArray]

    @classmethod
    def begin_at(cls, start: Start) -> _Cycle:
        return cls(
            times=np.zeros(1), y=start.y[None], rates=start.rates[None], begin=(0.0, start.y, start.rates)
        )

    def follow(self, march: _March, begins: FloatArray, ends: FloatArray) -> _Cycle:
        """The cycle after this one."""
        y, rates = march.advance(begins)
        return _Cycle(times=ends, y=y, rates=rates, begin=(float(begins[0]), self.y[-1], self.rates[-1]))

    def with_begin(self) -> _Cycle:
        """The same, with the state before the first step in front."""
        time, y, rates = self.begin
        return _Cycle(
            times=np.concatenate(([time], self.times)),
            y=np.concatenate((y[None], self.y)),
            rates=np.concatenate((rates[None], self.rates)),
            begin=self.begin,
        )


def _plan_steps(options: SimulationParameters, network: Network) -> tuple[int, int, float]:
    """Points of a cycle, cycles and time step."""
    if options.coupled_simulation:
        points = options.number_of_time_pts or 2
        return points, 1, options.external_step_size / (points - 1)
    points, cycles = options.number_of_time_pts_per_cardiac_cycle or 2, options.number_of_cardiac_cycles or 1
    if options.use_cycle_to_cycle_error and network.windkessel_time is not None:
        decay = -math.log(options.sim_cycle_to_cycle_percent_error / 100.0)
        cycles = max(1, math.ceil(network.windkessel_time / network.period * decay))
    return points, cycles, network.period / (points - 1)


def _check_coverage(network: Network, duration: float) -> None:
    """Samples that do not repeat must last as long as the run."""
    for member in network.members:
        for name in (each.name for each in fields(member.block)):  # type: ignore[arg-type]
            signal = getattr(member.block, name)
            if isinstance(signal, Signal) and not signal.periodic and not signal.is_constant:
                first, last = signal.times[0], signal.times[-1]
                if first > 0.0 or last < duration * (1.0 - 1e-9):
                    raise CaseError(
                        f"the samples of '{name}' do not cover the run",
                        where=member.where,
                        value=f"t from {first:g} to {last:g}",
                        expected=f"from 0 to {duration:g}",
                    )


def _read_start(model: SvzerodModel, layout: Layout, where: str) -> Start:
    """The given state; 'pressure_all' and 'flow_all' stand for what is not named."""
    y, rates = np.zeros(len(layout.unknowns)), np.zeros(len(layout.unknowns))
    given = {
        key: read_number(value, key, f"{where}: initial_condition")
        for key, value in model.initial_condition.items()
        if not key.startswith(COMMENT)
    }
    given_rates = {
        key: read_number(value, key, f"{where}: initial_condition_d")
        for key, value in model.initial_condition_d.items()
        if not key.startswith(COMMENT)
    }
    for column, name in enumerate(layout.unknowns):
        default = 0.0
        for every, begins in START_OF_ALL.items():
            if name.startswith(begins):
                default = given.get(every, 0.0)
        y[column] = given.get(name, default)
        rates[column] = given_rates.get(name, 0.0)
    return Start(y=y, rates=rates, settled=False)
