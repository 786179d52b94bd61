"""Running and editing 0D circulations for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hemoplan.errors import CaseError, ResourceError
from lumped.circulation.file import write_circulation
from lumped.circulation.operations import forms
from lumped.engine.build import build
from lumped.engine.marching import march
from lumped.physiology import Physiology, steady
from planning.lumped.beat_figures import draw_beat, draw_comparison
from planning.lumped.beat_tables import compartments, connections, summary
from planning.lumped.models import PeerModel, open_model, operated, write_beat, write_outputs
from planning.lumped.peer_models import run_peer_model
from planning.report.figures import save_figure


def run_model(
    model: str, *, out: Path | None, steps: int, beats: int, details: bool, console: Console
) -> None:
    """Run a model, print it and write its curves."""
    opened = open_model(model)
    folder = _folder(out, model)
    if isinstance(opened, PeerModel):
        run_peer_model(opened.path, folder, console)
        return
    if beats:
        history, saturations = march(build(opened), beats=beats, steps=steps), {}
        details = True
    else:
        state = steady(opened, steps=steps)
        history, saturations = state.beat.history, state.saturations()
        console.print(f"[bold]{escape(opened.name)}[/bold], steady: {_how(state)}", highlight=False)
        console.print(summary({opened.name: state}))
        write_outputs(folder / "outputs.csv", {opened.name: state})
    if details:
        console.print(compartments(history))
        console.print(connections(history))
    write_beat(folder / "beat.csv", history)
    picture = save_figure(draw_beat(history, title=opened.name, saturations=saturations), folder, "beat")
    console.print(f"curves: {folder / 'beat.csv'}\nfigure: {picture}", highlight=False, soft_wrap=True)


def edit_model(
    model: str, do: Sequence[str], *, out: Path | None, steps: int, details: bool, console: Console
) -> None:
    """Operate on a circulation, print what changes, and write it."""
    opened = open_model(model)
    if isinstance(opened, PeerModel):
        raise CaseError(
            "operations are for circulations, not for svZeroDSolver's models", where=str(opened.path)
        )
    if not do:
        known = "; ".join(forms())
        raise CaseError("nothing to do", where="--do", expected=f"one of: {known}")
    before = steady(opened, steps=steps)
    changed = operated(opened, do, before.beat.history)
    after = steady(changed, steps=steps)
    console.print(summary({"before": before, "after": after}))
    if details:
        console.print(compartments(after.beat.history, before.beat.history))
        console.print(connections(after.beat.history, before.beat.history))
    folder = _folder(out, model)
    write_beat(folder / "before.csv", before.beat.history)
    write_beat(folder / "after.csv", after.beat.history)
    write_outputs(folder / "outputs.csv", {"before": before, "after": after})
    write_circulation(folder / "circulation.toml", changed)
    title = f"{opened.name}: {'; '.join(do)}"
    beats = {"before": before.beat.history, "after": after.beat.history}
    picture = save_figure(draw_comparison(beats, title=title), folder, "edit")
    console.print(
        f"circulation: {folder / 'circulation.toml'}\nfigure: {picture}", highlight=False, soft_wrap=True
    )


def _how(state: Physiology) -> str:
    """How the steady state was found."""
    text = f"beat periodic to {state.beat.residual:.0e}"
    if state.factors:
        text += f", reflexes settled to {state.residual:.0e} over {state.beats} beats"
    return text


def _folder(out: Path | None, model: str) -> Path:
    folder = out or Path("runs") / "lumped" / Path(model).stem
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError("cannot make the folder of the results", where=str(folder), value=error) from None
    return folder
