"""Running and editing 0D circulations for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hemoplan.errors import CaseError, ResourceError
from lumped.circulation.file import write_circulation
from lumped.circulation.graph import Circulation
from lumped.circulation.operations import forms
from lumped.engine.build import build
from lumped.engine.marching import History, march
from lumped.engine.periodic import periodic
from planning.beat_figures import draw_beat, draw_comparison
from planning.beat_tables import compartments, connections
from planning.figures import save_figure
from planning.lumped_models import PeerModel, open_model, operated, write_beat


def run_model(model: str, *, out: Path | None, steps: int, beats: int, console: Console) -> None:
    """Run a model, print it and write its curves."""
    opened = open_model(model)
    folder = _folder(out, model)
    if isinstance(opened, PeerModel):
        _run_peer_model(opened.path, folder, console)
        return
    history = _beat(opened, steps, beats, console)
    console.print(compartments(history))
    console.print(connections(history))
    write_beat(folder / "beat.csv", history)
    picture = save_figure(draw_beat(history, title=opened.name), folder, "beat")
    console.print(f"curves: {folder / 'beat.csv'}\nfigure: {picture}", highlight=False, soft_wrap=True)


def edit_model(model: str, do: Sequence[str], *, out: Path | None, steps: int, console: Console) -> None:
    """Operate on a circulation, print what changes, and write it."""
    opened = open_model(model)
    if isinstance(opened, PeerModel):
        raise CaseError(
            "operations are for circulations, not for svZeroDSolver's models", where=str(opened.path)
        )
    if not do:
        known = "; ".join(forms())
        raise CaseError("nothing to do", where="--do", expected=f"one of: {known}")
    before = periodic(build(opened), steps=steps).history
    changed = operated(opened, do, before)
    after = periodic(build(changed), steps=steps).history
    console.print(compartments(after, before))
    console.print(connections(after, before))
    folder = _folder(out, model)
    write_beat(folder / "before.csv", before)
    write_beat(folder / "after.csv", after)
    write_circulation(folder / "circulation.toml", changed)
    title = f"{opened.name}: {'; '.join(do)}"
    picture = save_figure(draw_comparison({"before": before, "after": after}, title=title), folder, "edit")
    console.print(
        f"circulation: {folder / 'circulation.toml'}\nfigure: {picture}", highlight=False, soft_wrap=True
    )


def _beat(circulation: Circulation, steps: int, beats: int, console: Console) -> History:
    """The periodic beat, or the last of some beats from the start."""
    model = build(circulation)
    if beats == 0:
        found = periodic(model, steps=steps)
        console.print(
            f"{escape(circulation.name)}: heart rate {60.0 / model.period:.0f} /min, "
            f"periodic to {found.residual:.0e} after the work of {found.work:.1f} beats",
            highlight=False,
        )
        return found.history
    return march(model, beats=beats, steps=steps)


def _run_peer_model(path: Path, folder: Path, console: Console) -> None:
    """By the rules of svZeroDSolver's file."""
    from lumped.svzerod import read_model, run, write_csv

    result = run(read_model(path), where=str(path))
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "result.csv", result)
    console.print(
        f"{escape(path.name)}: {result.cycles} cycles of {result.period:g}, {len(result.unknowns)} unknowns",
        highlight=False,
    )
    if result.unconverged:
        console.print(f"[yellow]{result.unconverged} time steps did not converge[/yellow]")
    if result.unused:
        names = escape(", ".join(result.unused))
        console.print(f"[yellow]no unknown bears these names of 'initial_condition': {names}[/yellow]")
    console.print(f"table: {folder / 'result.csv'}", highlight=False, soft_wrap=True)


def _folder(out: Path | None, model: str) -> Path:
    folder = out or Path("runs") / "lumped" / Path(model).stem
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError("cannot make the folder of the results", where=str(folder), value=error) from None
    return folder
