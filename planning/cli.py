"""The command line `hemoplan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from rich.panel import Panel

import hemoplan
from hemoplan.errors import HemoplanError
from planning.lumped.cli import lumped_app
from planning.terminal import open_console

DEFECT_CODE = 70
"""Exit code of an error that is hemoplan's own (EX_SOFTWARE of sysexits.h)."""

app = typer.Typer(
    name="hemoplan",
    help="From a scan to compared operations: blood flow before and after, for congenital heart surgery.\n\n"
    "Start with: hemoplan run cases/neonatal_coarctation",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.add_typer(lumped_app, name="lumped")

CaseArgument = Annotated[
    Path, typer.Argument(metavar="CASE", help="Case file, or the folder that holds a case.toml.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results; runs/<name of the case> by default."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help='Change the case, such as mesh.size="0.6 mm"; may be repeated.'
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Apply the table \\[profiles.NAME] of the case file."),
]
RanksOption = Annotated[
    int | None,
    typer.Option(
        "--ranks", min=1, max=4096, help="MPI processes of the solver; by default the cores, at most 4."
    ),
]
VariantOption = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="NAME", help="Only this variant and the baseline; may be repeated."),
]
RestartOption = Annotated[bool, typer.Option("--restart", help="Ignore the results of an earlier run.")]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"hemoplan {hemoplan.__version__}")
        raise typer.Exit


@app.command()
def run(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    ranks: RanksOption = None,
    variant: VariantOption = None,
    restart: RestartOption = False,
) -> None:
    """Do everything: from the scan to the report.

    The same command again resumes where it was stopped, and does only what a changed case asks for.

    Examples:

      hemoplan run cases/neonatal_coarctation

      hemoplan run cases/neonatal_coarctation --profile fine --ranks 8

      hemoplan run cases/neonatal_coarctation --variant stent --set variants.stent.diameter="6 mm" --out runs/stent6
    """
    _run_to("REPORT", case, out, set_, profile, ranks, variant, restart)


@app.command()
def segment(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    restart: RestartOption = False,
) -> None:
    """From the scan to the labelled surface and its centrelines.

    Example:

      hemoplan segment cases/neonatal_coarctation --set segmentation.lower=170
    """
    _run_to("SEGMENT", case, out, set_, profile, None, None, restart)


@app.command()
def mesh(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    variant: VariantOption = None,
    restart: RestartOption = False,
) -> None:
    """As far as the tetrahedra of every variant.

    Example:

      hemoplan mesh cases/neonatal_coarctation --set mesh.size="0.6 mm"
    """
    _run_to("MESH", case, out, set_, profile, None, variant, restart)


@app.command()
def solve(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    ranks: RanksOption = None,
    variant: VariantOption = None,
    restart: RestartOption = False,
) -> None:
    """As far as the simulated flow of every variant, the boundary circuits tuned to the child.

    Example:

      hemoplan solve cases/neonatal_coarctation --ranks 2 --set solver.cycles=4
    """
    _run_to("SOLVE", case, out, set_, profile, ranks, variant, restart)


@app.command()
def compare(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    ranks: RanksOption = None,
    variant: VariantOption = None,
    restart: RestartOption = False,
) -> None:
    """As far as the table of the variants, which is also printed.

    Example:

      hemoplan compare cases/neonatal_coarctation
    """
    _run_to("COMPARE", case, out, set_, profile, ranks, variant, restart)


@app.command()
def report(
    case: CaseArgument,
    out: OutOption = None,
    set_: SetOption = None,
    profile: ProfileOption = None,
    ranks: RanksOption = None,
    variant: VariantOption = None,
    restart: RestartOption = False,
) -> None:
    """As far as the report: the same as `run`, to make the report again after a change.

    Example:

      hemoplan report cases/neonatal_coarctation --out runs/neonatal_coarctation
    """
    _run_to("REPORT", case, out, set_, profile, ranks, variant, restart)


@app.command()
def view(
    source: Annotated[
        Path,
        typer.Argument(metavar="CASE_OR_RUN", help="Run folder, or the case whose results lie in runs/."),
    ],
    variant: Annotated[
        str | None, typer.Option("--variant", help="Its name; the baseline by default.")
    ] = None,
    field: Annotated[str, typer.Option("--field", help="pressure, velocity, tawss or osi.")] = "pressure",
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            help="What lies before the flow: segmentation, surface, openings, measurements or mesh.",
        ),
    ] = None,
    screenshot: Annotated[
        Path | None,
        typer.Option("--screenshot", metavar="PNG", help="Write a picture instead of opening a window."),
    ] = None,
) -> None:
    """Look at what a run made in 3D, in a window or as a picture: the flow, or a stage before it.

    Examples:

      hemoplan view runs/neonatal_coarctation --field tawss

      hemoplan view runs/neonatal_coarctation --variant stent --field velocity --screenshot stent.png

      hemoplan view runs/neonatal_coarctation --stage segmentation
    """
    from planning.viewing import view_results

    written = view_results(source, variant=variant, field=field, stage=stage, screenshot=screenshot)
    if written is not None:
        typer.echo(f"picture: {written}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of case files, for editors that complete and check TOML.

    Example:

      hemoplan schema > case.schema.json
    """
    from hemoplan.case_file import case_schema

    sys.stdout.write(case_schema())


@app.command()
def doctor() -> None:
    """Check the installation: what is there, what works, what is missing and what to do.

    Example:

      hemoplan doctor
    """
    from planning.doctor import examine, show

    findings = examine()
    show(findings, open_console())
    if any(finding.needed and not finding.fine for finding in findings):
        raise typer.Exit(code=8)


def main() -> NoReturn:
    """Run the command line; errors for the user go to stderr with an exit code of their kind, and no traceback."""
    try:
        app(prog_name="hemoplan")
    except HemoplanError as error:
        _show_error("", str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _show_error("This is a defect of hemoplan", _describe_defect(error))
        sys.exit(DEFECT_CODE)
    sys.exit(0)


def _run_to(
    goal_name: str,
    case: Path,
    out: Path | None,
    overrides: list[str] | None,
    profile: str | None,
    ranks: int | None,
    variants: list[str] | None,
    restart: bool,
) -> None:
    from planning.display import TerminalDisplay
    from planning.pipeline import RunOptions, run_case
    from planning.plan import Goal
    from planning.report.summary import show_summary
    from planning.solver.launch import default_ranks

    console = open_console()
    goal = Goal[goal_name]
    options = RunOptions(
        case=case,
        overrides=tuple(overrides or ()),
        profile=profile,
        folder=out,
        ranks=ranks or default_ranks(),
        variants=tuple(variants or ()),
        restart=restart,
    )
    with TerminalDisplay(console) as display:
        plan = run_case(options, goal, display)
    show_summary(plan, goal, console)


def _show_error(title: str, text: str) -> None:
    console = open_console(stderr=True)
    if console.is_terminal:
        console.print(Panel(escape(text), title=title or "hemoplan", title_align="left", border_style="red"))
    else:
        print(f"hemoplan: {title + ': ' if title else ''}{text}", file=sys.stderr)


def _describe_defect(error: Exception) -> str:
    notes = getattr(error, "__notes__", [])
    where = f"The traceback is in {notes[-1]}." if notes else "Add --debug to see the traceback."
    return f"{type(error).__name__}: {error}. {where} Please report it with the case file."
