"""Fitting a 0D circulation to a child, for the terminal."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hemoplan.errors import CaseError
from lumped.bedside.calibrate import calibrate
from lumped.bedside.calibration_file import write_calibration
from lumped.bedside.file import read_bedside
from lumped.bedside.words import report
from lumped.circulation.file import write_circulation
from planning.lumped.models import PeerModel, open_model
from planning.wording import duration


def calibrate_model(model: str, bedside: Path, *, out: Path | None, console: Console) -> None:
    """Fit, print what was found and what was not, and write the fitted circulation."""
    opened = open_model(model)
    if isinstance(opened, PeerModel):
        raise CaseError(
            "a bedside fit is for circulations, not for svZeroDSolver's models", where=str(opened.path)
        )
    known = read_bedside(bedside)
    folder = out or Path("runs") / "lumped" / bedside.stem
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with console.status(f"fitting {escape(opened.name)} to {escape(known.name)}"):
        found = calibrate(opened, known)
    for line in report(found):
        console.print(escape(line), highlight=False, soft_wrap=True)
    write_calibration(folder / "calibration.json", found)
    write_circulation(folder / "circulation.toml", found.circulation)
    console.print(
        f"\n{found.evaluations} beats in {duration(time.perf_counter() - began)}\n"
        f"circulation: {folder / 'circulation.toml'}\ncalibration: {folder / 'calibration.json'}",
        highlight=False,
        soft_wrap=True,
    )
