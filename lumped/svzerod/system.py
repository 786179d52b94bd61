"""From the blocks of a network to the arrays that the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import CaseError
from lumped.svzerod.kernel import Circuit
from lumped.svzerod.laws import SOURCE_LAW, Law
from lumped.svzerod.network import Member, Network
from lumped.svzerod.signals import Driver
from lumped.svzerod.stamps import Place, Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names and order of the unknowns and equations.

    Attributes:
        unknowns: (n,) names: flow and pressure of each node, then the internal unknowns of the blocks.
        equations: (n,) the block that each equation belongs to.
        places: Equations and unknowns of each block, by its name.
    """

    unknowns: tuple[str, ...]
    equations: tuple[Member, ...]
    places: dict[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The equations of a network, ready for the kernel.

    Attributes:
        circuit: What never changes.
        parameters: (p,) parameters of the laws.
        driven: (d,) which of them change in time.
        drivers: (d,) what they follow.
        period: Period of the heart.
    """

    circuit: Circuit
    parameters: FloatArray
    driven: IntArray
    drivers: tuple[Driver, ...]
    period: float

    def drive(self, times: FloatArray) -> FloatArray:
        """Values (m, d) of the driven parameters at (m,) times."""
        values = np.empty((times.size, len(self.drivers)))
        for k, driver in enumerate(self.drivers):
            values[:, k] = driver.at(times, self.period)
        return values


def lay_out(network: Network) -> Layout:
    """Number the unknowns and equations.

    Raises:
        CaseError: The parameters of a block do not fit the number of its ends, or there are more or fewer equations
            than unknowns.
    """
    unknowns = [name for node in network.nodes for name in (f"flow:{node}", f"pressure:{node}")]
    equations: list[Member] = []
    places: dict[str, Place] = {}
    for member in network.members:
        try:
            count = member.block.equations(len(member.inlets), len(member.outlets))
        except CaseError as error:
            raise CaseError(
                error.what, where=member.where, value=error.value, expected=error.expected
            ) from None
        internal = range(len(unknowns), len(unknowns) + len(member.block.INTERNAL))
        places[member.name] = Place(
            rows=tuple(range(len(equations), len(equations) + count)),
            inlets=tuple((2 * node + 1, 2 * node) for node in member.inlets),
            outlets=tuple((2 * node + 1, 2 * node) for node in member.outlets),
            internal=tuple(internal),
        )
        unknowns.extend(f"{name}:{member.name}" for name in member.block.INTERNAL)
        equations.extend([member] * count)
    if len(unknowns) != len(equations):
        raise CaseError(
            "the circuit is not closed",
            value=f"{len(equations)} equations for {len(unknowns)} unknowns",
            expected="as many of both",
            remedy="look for an end of a block without a boundary condition",
        )
    return Layout(unknowns=tuple(unknowns), equations=tuple(equations), places=places)


def assemble(
    network: Network, layout: Layout, *, start: Start | None, steps_per_period: int | None = None
) -> System:
    """Write the equations of all blocks.

    Args:
        network: The blocks.
        layout: Their unknowns and equations.
        start: State that the simulation starts from; None for the equations of the steady start.
        steps_per_period: Time steps in a period, None where that is no whole number.

    Raises:
        CaseError: A block needs another that is not there.
    """
    stamps = _Assembly(network, layout, start, steps_per_period)
    for member in network.members:
        try:
            member.block.stamp(stamps, layout.places[member.name])
        except CaseError as error:
            raise CaseError(
                error.what, where=member.where, value=error.value, expected=error.expected
            ) from None
    return stamps.finish()


@dataclass(slots=True)
class _Lists:
    """What grows while blocks are written down; the starts are those of each law and the end of the last."""

    codes: list[int] = field(default_factory=list)
    parameter_start: list[int] = field(default_factory=list)
    parameters: list[float] = field(default_factory=list)
    row_start: list[int] = field(default_factory=lambda: [0])
    rows: list[int] = field(default_factory=list)
    column_start: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    value_start: list[int] = field(default_factory=lambda: [0])
    values: list[int] = field(default_factory=list)
    rate_start: list[int] = field(default_factory=lambda: [0])
    rates: list[int] = field(default_factory=list)
    driven: list[int] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    memory_columns: list[int] = field(default_factory=list)
    memory_parameters: list[int] = field(default_factory=list)
    memory_start: list[int] = field(default_factory=lambda: [0])
    memory_weights: list[float] = field(default_factory=list)


class _Assembly:
    def __init__(
        self, network: Network, layout: Layout, start: Start | None, steps_per_period: int | None
    ) -> None:
        self.steady = start is None
        self.start = start
        self.period = network.period
        self.steps_per_period = steps_per_period
        self._columns = {name: column for column, name in enumerate(layout.unknowns)}
        self._blocks = {member.name: member.block for member in network.members}
        self._slots: dict[tuple[int, int], int] = {}
        self._linear_values: list[float] = []
        self._linear_rates: list[float] = []
        self._lists = _Lists()

    def linear(self, row: int, column: int, *, value: float = 0.0, rate: float = 0.0) -> None:
        slot = self._slot(row, column)
        self._linear_values[slot] += value
        self._linear_rates[slot] += rate

    def law(
        self, law: Law, rows: Sequence[int], columns: Sequence[int], parameters: Sequence[float | Driver]
    ) -> None:
        lists = self._lists
        lists.codes.append(law.code)
        lists.parameter_start.append(len(lists.parameters))
        for parameter in parameters:
            if not isinstance(parameter, int | float) and self.steady:
                parameter = parameter.settle(self.period)
            if not isinstance(parameter, int | float):
                lists.driven.append(len(lists.parameters))
                lists.drivers.append(parameter)
                parameter = 0.0
            lists.parameters.append(float(parameter))
        lists.rows.extend(rows)
        lists.row_start.append(len(lists.rows))
        lists.columns.extend(columns)
        lists.column_start.append(len(lists.columns))
        lists.values.extend(self._slot(rows[i], columns[j]) for i, j in law.values)
        lists.value_start.append(len(lists.values))
        lists.rates.extend(self._slot(rows[i], columns[j]) for i, j in law.rates)
        lists.rate_start.append(len(lists.rates))

    def memory(self, row: int, flow: int, base: float, kernel: Sequence[float]) -> None:
        lists = self._lists
        lists.memory_columns.append(flow)
        lists.memory_parameters.append(len(lists.parameters) + 1)
        lists.memory_weights.extend(kernel)
        lists.memory_start.append(len(lists.memory_weights))
        self.law(SOURCE_LAW, (row,), (), (-1.0, 0.0, -base))

    def unknown(self, name: str) -> int:
        return self._columns[name]

    def neighbour(self, name: str) -> object | None:
        return self._blocks.get(name)

    def _slot(self, row: int, column: int) -> int:
        slot = self._slots.setdefault((row, column), len(self._slots))
        if slot == len(self._linear_values):
            self._linear_values.append(0.0)
            self._linear_rates.append(0.0)
        return slot

    def finish(self) -> System:
        lists = self._lists
        places = np.array(list(self._slots), dtype=np.int64).reshape(-1, 2)
        circuit = Circuit(
            slot_row=np.ascontiguousarray(places[:, 0]),
            slot_column=np.ascontiguousarray(places[:, 1]),
            rates=np.array(self._linear_rates),
            values=np.array(self._linear_values),
            law_code=_integers(lists.codes),
            law_parameter=_integers(lists.parameter_start),
            row_start=_integers(lists.row_start),
            rows=_integers(lists.rows),
            column_start=_integers(lists.column_start),
            columns=_integers(lists.columns),
            value_start=_integers(lists.value_start),
            value_slots=_integers(lists.values),
            rate_start=_integers(lists.rate_start),
            rate_slots=_integers(lists.rates),
            constant=int(not lists.values and not lists.rates),
            memory_column=_integers(lists.memory_columns),
            memory_parameter=_integers(lists.memory_parameters),
            memory_start=_integers(lists.memory_start),
            memory_weights=np.array(lists.memory_weights, dtype=np.float64),
        )
        return System(
            circuit=circuit,
            parameters=np.array(lists.parameters, dtype=np.float64),
            driven=_integers(lists.driven),
            drivers=tuple(lists.drivers),
            period=self.period,
        )


def _integers(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)
