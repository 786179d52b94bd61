"""What the 0D circulation costs: time a beat and its error, beside SciPy and what peers were measured to need."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from scipy.integrate import solve_ivp

from hemoplan.arrays import FloatArray
from hemoplan.units import MMHG
from lumped.circulation.file import load_anatomy
from lumped.engine.build import build
from lumped.engine.ensemble import run_ensemble
from lumped.engine.evaluation import evaluate
from lumped.engine.marching import march
from lumped.engine.measures import Measure
from lumped.engine.model import Model
from lumped.engine.network import workspace
from lumped.engine.periodic import periodic
from lumped.engine.sensitivity import PERIOD, sensitivity

REFERENCE_STEPS = 3200
STEP_CHOICES = (100, 200, 400, 1000)
BEATS = 50
REPEATS = 3
MEMBERS = 400
COLUMNS = ("", "what", "ms a beat (CPU, one thread)", "largest error of a pressure")
PREFACE = (
    "Made by `hemoplan lumped benchmark`. Errors are the largest difference of any pressure at any time to a beat of "
    f"{REFERENCE_STEPS} steps. The peers' figures were measured earlier, on a machine of this kind that did nothing "
    "else."
)
PEER_MODELS = (
    "closedLoopHeart_singleVessel",
    "coupledBlock_closedLoopHeart_singleVessel",
    "closed_loop_two_hill",
    "valve_tanh",
    "pulsatileFlow_R_coronary",
)
"""Models of svZeroDSolver's own tests with a heart or an inner pressure."""
PEERS = (
    ("svZeroDSolver", "37-compartment newborn, 221 unknowns, 400 steps", "70–75"),
    ("svZeroDSolver", "36–48 unknowns", "10–13"),
    ("Explain (JavaScript, explicit)", "its own newborn, about 60 components", "about 130"),
    ("circulation (Python)", "adult closed loop", "214"),
)
"""Milliseconds a beat, measured by us on a machine of two cores like this one, quiet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: who, what with, CPU milliseconds a beat, and the error."""

    what: str
    detail: str
    milliseconds: str
    error: str = ""


def machine() -> str:
    """Processor, cores and how busy it is."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{name}, {len(os.sched_getaffinity(0))} cores, load {load:.1f} at the start"


def write_benchmark(
    names: Sequence[str], peer_models: Path | None, out: Path | None, console: Console
) -> None:
    """Measure anatomies and, if a folder of them is given, svZeroDSolver's models; print the table and write it."""
    where = machine()
    with console.status("measuring") as status:
        rows = [row for name in names for row in measure(name, lambda text: status.update(escape(text)))]
        if peer_models is not None:
            rows += measure_peer_models(peer_models, lambda text: status.update(escape(text)))
    rows += peers()
    table = Table(title=where, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column)
    for row in rows:
        table.add_row(row.what, row.detail, row.milliseconds, row.error)
    console.print(table)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(
            f"# What the 0D circulation costs\n\n{PREFACE}\n\n{where}.\n\n{as_markdown(rows)}\n",
            encoding="utf-8",
        )


def measure(anatomy: str, progress: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Time an anatomy that ships with hemoplan; the fastest of some repeats, CPU time of one thread.

    Args:
        anatomy: Its name.
        progress: Called with what is done next.
    """
    model = build(load_anatomy(anatomy))
    states = int(model.network.unknowns["is_rate"].sum())
    name = f"{anatomy}, {states} states"
    progress(f"{name}: compiling and reference")
    reference = periodic(model, steps=REFERENCE_STEPS).history
    start = periodic(model).history.unknowns[0]
    rows = []
    for steps in STEP_CHOICES:
        progress(f"{name}: {steps} steps a beat")
        seconds = _fastest(partial(march, model, beats=BEATS, steps=steps, start=start))
        error = _error(periodic(model, steps=steps).history.pressures, reference.pressures)
        rows.append(
            Row("hemoplan, marching", f"{name}, {steps} steps", f"{seconds / BEATS * 1e3:.2f}", error)
        )
    progress(f"{name}: periodic beat")
    found = periodic(model)
    seconds = _fastest(lambda: periodic(model))
    waiting = beats_of_waiting(model)
    rows.append(
        Row(
            "hemoplan, periodic beat",
            f"{name}: work of {found.work:.1f} beats; waiting takes {waiting}",
            f"{seconds * 1e3:.1f} in all",
            f"change over a beat {found.residual:.0e}",
        )
    )
    parameters = [*_resistances(model)[:20], PERIOD]
    seconds = _fastest(lambda: sensitivity(found.history, parameters))
    rows.append(
        Row("hemoplan, derivatives", f"{name}, {len(parameters)} parameters", f"{seconds * 1e3:.1f} in all")
    )
    rows += _ensembles(model, name, progress)
    if all(each.has_rate for each in model.unknowns):
        rows += _scipy(model, name, reference.pressures, start, progress)
    return rows


def measure_peer_models(folder: Path, progress: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Time models of svZeroDSolver, by the rules of their files; those that are in the folder."""
    from lumped.svzerod import read_model, run

    rows = []
    for name in PEER_MODELS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        progress(f"{name}: by svZeroDSolver's rules")
        model = read_model(path)
        result = run(model)
        seconds = _fastest(partial(run, model))
        detail = f"{name}, {len(result.unknowns)} unknowns, {result.cycles} cycles"
        rows.append(Row("hemoplan, svZeroDSolver's scheme", detail, f"{seconds / result.cycles * 1e3:.2f}"))
    return rows


def beats_of_waiting(model: Model, *, tolerance: float = 1e-6, most: int = 2000) -> str:
    """Beats until no state changes by more than a share of its size over a beat, marching from the start."""
    scale = model.network.unknowns["scale"]
    y = model.start
    for done in range(10, most + 1, 10):
        y = march(model, beats=9, start=y).unknowns[-1]
        end = march(model, start=y).unknowns[-1]
        if np.abs((end - y) / scale).max() <= tolerance:
            return f"{done} beats to {tolerance:.0e}"
        y = end
    return f"more than {most} beats to {tolerance:.0e}"


def peers() -> list[Row]:
    """What others were measured to need."""
    return [Row(f"{who}, marching", what, figure) for who, what, figure in PEERS]


def as_markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.what} | {r.detail} | {r.milliseconds} | {r.error} |" for r in rows)])


def _ensembles(model: Model, name: str, progress: Callable[[str], None]) -> list[Row]:
    """Throughput of an ensemble on one thread and on all."""
    draw = np.random.default_rng(1)
    varied = _resistances(model)
    sets = [
        {
            key: model.blocks[key[0]].values[key[1]] * float(np.exp(0.2 * draw.standard_normal()))
            for key in varied
        }
        for _ in range(MEMBERS)
    ]
    cores = len(os.sched_getaffinity(0))
    rows, rates = [], []
    for threads in sorted({1, cores}):
        progress(f"{name}: {MEMBERS} parameter sets on {threads} threads")
        began = time.perf_counter()
        done = run_ensemble(model, sets, [Measure(quantity="pressure", of=model.nodes[0])], threads=threads)
        rates.append(done.beats / (time.perf_counter() - began))
        rows.append(
            Row(
                f"hemoplan, {MEMBERS} parameter sets",
                f"{name}, {threads} threads, {len(done.failures)} failed",
                f"{1e3 / rates[-1]:.2f} (wall), {rates[-1]:.0f} beats/s",
                f"{rates[-1] / rates[0]:.2f} times one thread" if threads > 1 else "",
            )
        )
    return rows


def _scipy(
    model: Model,
    name: str,
    reference: FloatArray,
    start: FloatArray,
    progress: Callable[[str], None],
) -> list[Row]:
    """LSODA on the same compiled rates."""
    w, none = workspace(model.network), np.zeros(len(model.inputs))
    n, T = len(model.unknowns), model.period

    def rates(t: float, y: FloatArray) -> FloatArray:
        evaluate(model.network, model.parameters, T, t / T, none, y, w)
        return w.f[:n].copy()

    rates(0.0, start)  # compiled before the clock runs
    rows = []
    for tolerance in (1e-4, 1e-6):
        progress(f"{name}: SciPy LSODA at {tolerance:.0e}")
        times = np.arange(REFERENCE_STEPS + 1) * T / REFERENCE_STEPS
        scale = model.network.unknowns["scale"]
        began = time.process_time()
        solution = solve_ivp(
            rates, (0.0, T), start, "LSODA", t_eval=times, rtol=tolerance, atol=tolerance * scale
        )
        seconds = time.process_time() - began
        pressures = np.empty_like(reference)
        for k, y in enumerate(solution.y.T):
            evaluate(model.network, model.parameters, T, times[k] / T, none, np.ascontiguousarray(y), w)
            pressures[k] = w.pressure
        rows.append(
            Row(
                f"SciPy LSODA, rtol {tolerance:.0e}",
                f"{name}, the same compiled rates",
                f"{seconds * 1e3:.1f}",
                _error(pressures, reference),
            )
        )
    return rows


def _error(pressures: FloatArray, reference: FloatArray) -> str:
    stride = (reference.shape[0] - 1) // (pressures.shape[0] - 1)
    if (reference.shape[0] - 1) % (pressures.shape[0] - 1):
        places = np.linspace(0.0, 1.0, pressures.shape[0])
        known = np.linspace(0.0, 1.0, reference.shape[0])
        same = np.column_stack([np.interp(places, known, column) for column in reference.T])
    else:
        same = reference[::stride]
    return f"{np.abs(pressures - same).max() / MMHG:.3f} mmHg"


def _resistances(model: Model) -> list[tuple[str, str]]:
    return [(name, "resistance") for name, block in model.blocks.items() if "resistance" in block.values]


def _fastest(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest repeat."""
    work()
    best = np.inf
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return float(best)
