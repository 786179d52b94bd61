"""Running svZeroDSolver's models for the terminal: a table, curves as CSV in that program's columns, a figure."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lumped.svzerod import Result, SvzerodModel, calibrate, read_model, run, write_csv, write_model
from planning.report.figures import STYLE, save_figure

SHOWN = 12
"""Vessels that the table and the figure show."""


def run_peer_model(path: Path, folder: Path, console: Console) -> None:
    """Run a model by the rules of its file; or fit it, if it is one to fit."""
    model = read_model(path)
    folder.mkdir(parents=True, exist_ok=True)
    if model.simulation_parameters is None and model.calibration_parameters is not None:
        _fit(model, path, folder, console)
        return
    result = run(model, where=str(path))
    console.print(
        f"{escape(path.name)}: {result.cycles} cycles of {result.period:g}, {len(result.unknowns)} unknowns; "
        "all numbers in the file's own units",
        highlight=False,
    )
    if result.unconverged:
        console.print(f"[yellow]{result.unconverged} time steps did not converge[/yellow]")
    if result.unused:
        names = escape(", ".join(result.unused))
        console.print(f"[yellow]no unknown bears these names of 'initial_condition': {names}[/yellow]")
    console.print(_table(result))
    write_csv(folder / "result.csv", result)
    console.print(f"table: {folder / 'result.csv'}", highlight=False, soft_wrap=True)
    if result.times.size > 1 and result.vessels:
        picture = save_figure(draw_vessels(result, title=path.stem), folder, "result")
        console.print(f"figure: {picture}", highlight=False, soft_wrap=True)


def draw_vessels(result: Result, *, title: str) -> Figure:
    """Pressure into and flow through the first vessels, over time."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.2), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        left, right = figure.subplots(1, 2)
        for index, (name, (flow_in, _, pressure_in, _)) in enumerate(result.vessels[:SHOWN]):
            colour = mpl.colormaps["tab20"](index % 20)
            left.plot(result.times, result.y[:, pressure_in], color=colour, label=name)
            right.plot(result.times, result.y[:, flow_in], color=colour, label=name)
        left.set(title="pressure in", xlabel="time")
        right.set(title="flow in", xlabel="time")
        right.legend(fontsize=7, ncols=2)
    return figure


def _fit(model: SvzerodModel, path: Path, folder: Path, console: Console) -> None:
    found = calibrate(model, where=str(path))
    state = "converged" if found.converged else "[yellow]not converged[/yellow]"
    console.print(
        f"{escape(path.name)}: fitted in {found.iterations} iterations, {state}, residual {found.residual:.2g}",
        highlight=False,
    )
    write_model(folder / "fitted.json", found.model)
    console.print(f"model: {folder / 'fitted.json'}", highlight=False, soft_wrap=True)


def _table(result: Result) -> Table:
    """Mean and range of pressure and flow at the start of the first vessels."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("vessel", "pressure in, mean", "lowest to highest", "flow in, mean", "lowest to highest"):
        table.add_column(title, justify="right" if title != "vessel" else "left")
    for name, (flow_in, _, pressure_in, _) in result.vessels[:SHOWN]:
        cells = [name]
        for column in (pressure_in, flow_in):
            curve = result.y[:, column]
            cells += [f"{np.mean(curve):.4g}", f"{curve.min():.4g} to {curve.max():.4g}"]
        table.add_row(*cells)
    if len(result.vessels) > SHOWN:
        table.caption = f"and {len(result.vessels) - SHOWN} more vessels in the table"
    return table
