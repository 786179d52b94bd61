"""The report on a closed circulation: a table of 3D beside 0D, pressure–volume loops, waveforms at openings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from hemoplan.case import Case, ClosedCirculation
from hemoplan.patch import Role
from hemoplan.results import PortHistory
from planning.closed_loop.figures import PortCurves, draw_loops, draw_port_waveforms
from planning.closed_loop.history import port_flows
from planning.closed_loop.outputs import LoopOutputs, read_outputs, shown, telling_outputs, unit_of
from planning.run_folder import RunFolder, require_file
from planning.stages.closed_loop import LoopBeats, read_beats

_SOLVE = "run `hemoplan solve CASE`"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRow:
    """One output of the circulation: for each variant the value of the 3D simulation, and that of 0D alone."""

    label: str
    unit: str
    digits: int
    cells: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSection:
    """What the report says of a closed circulation.

    Attributes:
        rows: Of the table.
        loops: Pressure–volume loops of the ventricles.
        waveforms: Pressure and flow at the openings.
    """

    rows: tuple[LoopRow, ...]
    loops: Figure
    waveforms: Figure


def read_circulations(run: RunFolder, case: Case) -> dict[str, LoopOutputs] | None:
    """What the circulation does in each variant; None of a case without a closed one.

    Raises:
        HemoplanError: A variant has not been solved, or its file is damaged.
    """
    if case.circulation is None:
        return None
    paths = {each.name: run.variant(each.name).circulation_outputs for each in case.variants}
    return {name: read_outputs(require_file(path, remedy=_SOLVE)) for name, path in paths.items()}


def describe_loop(
    run: RunFolder, case: Case, source: ClosedCirculation, cycles: Mapping[str, PortHistory]
) -> LoopSection:
    """The section of a run.

    Args:
        run: With the results of all variants.
        case: That was run.
        source: Its closed circulation.
        cycles: The last cycle at the openings, by variant.

    Raises:
        HemoplanError: A file is missing or damaged.
    """
    beats = {name: read_beats(run, source, name) for name in cycles}
    outputs = read_circulations(run, case) or {}
    inlets = [opening.name for opening in case.openings if opening.role is Role.INLET]
    names = list(next(iter(cycles.values())).ports)
    return LoopSection(
        rows=tabulate_outputs(outputs),
        loops=draw_loops(
            {name: each.coupled for name, each in beats.items()},
            {name: each.alone for name, each in beats.items()},
        ),
        waveforms=draw_port_waveforms(
            {name: _of_history(cycle) for name, cycle in cycles.items()},
            {name: _of_beat(each, names) for name, each in beats.items()},
            inlets=inlets,
        ),
    )


def tabulate_outputs(outputs: Mapping[str, LoopOutputs]) -> tuple[LoopRow, ...]:
    """A row for each output that tells something."""
    return tuple(
        LoopRow(
            label=wanted.label,
            unit=unit_of(outputs, wanted.key),
            digits=wanted.digits,
            cells=tuple(
                (shown(each.coupled, wanted.key), shown(each.alone, wanted.key)) for each in outputs.values()
            ),
        )
        for wanted in telling_outputs(outputs)
    )


def _of_history(cycle: PortHistory) -> PortCurves:
    return PortCurves(
        times=cycle.times,
        pressures={name: cycle.pressure(name) for name in cycle.ports},
        flows={name: cycle.flow(name) for name in cycle.ports},
    )


def _of_beat(beats: LoopBeats, openings: Sequence[str]) -> PortCurves:
    """What 0D alone gives in the place of the openings: the pressure of the compartment that each meets."""
    flows = port_flows(beats.loop, beats.alone)
    return PortCurves(
        times=beats.alone.times,
        pressures={name: beats.alone.pressure(beats.loop.ports[name]) for name in openings},
        flows={name: flows[name] for name in openings},
    )
