"""The commands `hemoplan lumped …`: the 0D circulation from the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.terminal import open_console

lumped_app = typer.Typer(
    help="The 0D circulation: run an anatomy, operate on it, fit it to a child.\n\n"
    "Start with: hemoplan lumped run term_newborn",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="An anatomy (see `list`), a circulation's TOML or JSON, or svZeroDSolver's JSON.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results; runs/lumped/NAME by default."),
]
StepsOption = Annotated[int, typer.Option("--steps", min=8, max=100_000, help="Time steps a beat.")]
DetailsOption = Annotated[bool, typer.Option("--details", help="Print every compartment and connection too.")]
DoOption = Annotated[
    list[str] | None,
    typer.Option(
        "--do", metavar="STEP", help='An operation, such as "ligate ductus_arteriosus"; may be repeated.'
    ),
]


@lumped_app.command("list")
def list_() -> None:
    """Name the anatomies that ship with hemoplan, what can be done to them, and what they are made of.

    Example:

      hemoplan lumped list
    """
    from planning.lumped.listing import show_listing

    show_listing(open_console())


@lumped_app.command()
def run(
    model: ModelArgument,
    out: OutOption = None,
    steps: StepsOption = 200,
    beats: Annotated[
        int,
        typer.Option("--beats", min=0, help="March this many beats from the start; 0 for the periodic beat."),
    ] = 0,
    details: DetailsOption = False,
) -> None:
    """Run a circulation to the beat that repeats itself; print it, and write its curves and a figure.

    A model of svZeroDSolver is run by the rules of its own file, and its CSV has that program's columns.

    Examples:

      hemoplan lumped run term_newborn

      hemoplan lumped run my_patient.toml --out runs/my_patient

      hemoplan lumped run closed_loop.json
    """
    from planning.lumped.runs import run_model

    run_model(model, out=out, steps=steps, beats=beats, details=details, console=open_console())


@lumped_app.command()
def edit(
    model: ModelArgument,
    do: DoOption = None,
    out: OutOption = None,
    steps: StepsOption = 200,
    details: DetailsOption = False,
) -> None:
    """Operate on a circulation and compare before and after; the blood stays the same.

    Examples:

      hemoplan lumped edit patent_duct --do "ligate ductus_arteriosus"

      hemoplan lumped edit term_newborn --do "set left_ventricle.systolic_elastance 30 mmHg/mL"
    """
    from planning.lumped.runs import edit_model

    edit_model(model, tuple(do or ()), out=out, steps=steps, details=details, console=open_console())


@lumped_app.command()
def calibrate(
    model: ModelArgument,
    bedside: Annotated[
        Path, typer.Argument(metavar="BEDSIDE", help="What is known of the child: TOML or JSON with units.")
    ],
    out: OutOption = None,
) -> None:
    """Fit a circulation to a child's bedside data, and say what the data do not tell.

    Example:

      hemoplan lumped calibrate patent_duct cases/patent_duct_bedside/bedside.toml
    """
    from planning.lumped.calibration import calibrate_model

    calibrate_model(model, bedside, out=out, console=open_console())


@lumped_app.command()
def benchmark(
    anatomy: Annotated[
        list[str] | None, typer.Option("--anatomy", help="Which to measure; may be repeated.")
    ] = None,
    peer_models: Annotated[
        Path | None,
        typer.Option(
            "--peer-models", metavar="DIR", help="Folder of svZeroDSolver's test models, to time them too."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the table to a file too.")
    ] = None,
) -> None:
    """Measure what the 0D circulation costs, beside SciPy and what peers were measured to need.

    Example:

      hemoplan lumped benchmark --anatomy cc0_neonate --out docs/lumped_benchmark.md
    """
    from planning.lumped.benchmark import write_benchmark

    write_benchmark(tuple(anatomy or ("cc0_neonate", "term_newborn")), peer_models, out, open_console())
