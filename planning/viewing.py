"""Looking at results: finding the run that a user means, and handing it to the 3D scene."""

from __future__ import annotations

from pathlib import Path

from hemoplan.case_file import load_case
from hemoplan.errors import HemoplanError
from planning.pictures.windows import view_stage
from planning.plan import baseline_of
from planning.report.scene import view_run
from planning.run_folder import RunFolder


def find_run(source: Path) -> RunFolder:
    """The run folder that a user means by a run folder or by a case.

    Raises:
        HemoplanError: There is none.
    """
    if (source / ".stages").is_dir():
        return RunFolder(source)
    run = RunFolder(Path("runs") / load_case(source).name)
    if not run.variants.is_dir():
        raise HemoplanError(
            "there are no results of this case",
            where=str(run.path),
            remedy=f"run `hemoplan run {source}`, or name the run folder",
        )
    return run


def view_results(
    source: Path, *, variant: str | None, field: str, stage: str | None = None, screenshot: Path | None
) -> Path | None:
    """Open a window on the results, or write a picture.

    Returns:
        The path of the picture, if one was asked for.

    Raises:
        HemoplanError: There are no results, or the names are unknown.
    """
    run = find_run(source)
    chosen = variant or _baseline_name(run)
    if stage is None:
        view_run(run, variant=chosen, field=field, screenshot=screenshot)
    else:
        view_stage(run, stage, variant=chosen, screenshot=screenshot)
    return screenshot


def _baseline_name(run: RunFolder) -> str:
    return baseline_of(load_case(run.case)).name
