"""Convergence of the flow solver against exact solutions and published values.

    scripts/verify_cfd            all flows on all levels; writes docs/verification.md and its plots
    scripts/verify_cfd --quick    the coarse levels, printed alone
    scripts/verify_cfd --only womersley taylor-green
    scripts/verify_cfd --only nozzle --write    these sections anew, the others of the page as they are

Prints a table for each flow: cells, mesh size, time step, relative errors, the orders between neighbouring levels, and
seconds. All levels take about forty minutes on one core, the quick ones about two.
"""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import dataclass
from pathlib import Path

from verify_cfd_benchmarks import benchmarks
from verify_cfd_plots import plot_study, plot_womersley

from hemoplan.errors import HemoplanError
from tests.verification.convergence import Row, observed_orders
from tests.verification.studies import Study, studies

INTRODUCTION = """\
# Verification of the flow solver

Flows with an exact solution, and benchmarks with published values. `scripts/verify_cfd` makes this page; the tests in
`tests/verification` hold the coarser levels to the orders of theory (± 0.15) and to bounds of the errors. Errors are
relative, in L2 norms by quadrature, at the end of the run where nothing else is said; `wall shear` is the viscous
traction of the walls, from the residual of the discrete momentum balance. h is the distance of two vertices, in the
units of the problem. The sources of the exact solutions stand in the modules of the same names.

Speed, and the stenosed tube beside other solvers: [benchmark.md](benchmark.md).

## Orders of convergence

Between the two finest levels of each study below.

| flow | pair or way | quantity | theory | found | |
| --- | --- | --- | ---: | ---: | --- |"""
PROFILES = """
## Womersley profiles

Velocity over the radius of P2–P1 with 6 cells along it, ten harmonics of the aortic waveform, beside the exact one.

![Profiles at alpha 4](verification/womersley-4-profiles.png)

![Profiles at alpha 8](verification/womersley-8-profiles.png)"""

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verification.md"
PICTURES = PAGE.parent / "verification"
QUANTITIES = {"velocity": "velocity", "pressure": "pressure", "wall_shear": "wall shear"}
TOLERANCE = 0.15
"""Of an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A study that has run: its rows by curve, and what stopped a curve before its end."""

    study: Study
    curves: dict[str, list[Row]]
    failures: dict[str, str]


def run(study: Study, *, quick: bool) -> Outcome:
    """Solve the levels of a study, and print its tables."""
    print(f"\n{study.title}", flush=True)
    curves: dict[str, list[Row]] = {}
    failures: dict[str, str] = {}
    for name, levels in study.levels.items():
        rows = curves[name] = []
        try:
            for solve in levels[: study.quick] if quick else levels:
                rows.append(solve())
        except HemoplanError as error:
            failures[name] = str(error)
        print("\n".join(["", *section(study, name, rows, failures)]), flush=True)
    return Outcome(study=study, curves=curves, failures=failures)


def section(study: Study, name: str, rows: list[Row], failures: dict[str, str]) -> list[str]:
    """The table of a curve under its name, in Markdown."""
    lines = [f"{name}:", "", *(table(study, rows) if rows else [])]
    return lines + (["", f"**Stopped:** {failures[name]}"] if name in failures else [])


def table(study: Study, rows: list[Row]) -> list[str]:
    """Lines of a table in Markdown."""
    shown = {key: word for key, word in QUANTITIES.items() if all(row.error(key) > 0.0 for row in rows)}
    head = ["cells", "h", "dt", *(f"{word} | order" for word in shown.values()), "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + " ---: |" * (4 + 2 * len(shown))]
    orders = {key: [None, *observed_orders(rows, key, against=study.against)] for key in shown}
    for k, row in enumerate(rows):
        cells = [f"{row.cells:,d}", f"{row.h:.3g}", f"{row.dt:.3g}" if row.dt else "steady"]
        for key in shown:
            order = orders[key][k]
            rounding = row.error(key) < 1e-10
            cells += [f"{row.error(key):.2e}", "" if order is None or rounding else f"{order:.2f}"]
        lines.append("| " + " | ".join([*cells, f"{row.seconds:.1f}"]) + " |")
    return lines


def verdicts(outcome: Outcome) -> list[str]:
    """One line for each curve that theory has an order for: the order between its two finest levels."""
    lines = []
    for curve, expected in outcome.study.expected.items():
        stopped = curve in outcome.failures or len(outcome.curves[curve]) < 2
        for quantity, order in expected.items():
            start = f"| {outcome.study.title} | {curve} | {QUANTITIES[quantity]} | {order:g} |"
            if stopped:
                lines.append(f"{start} | **stopped** |")
                continue
            found = observed_orders(outcome.curves[curve], quantity, against=outcome.study.against)[-1]
            word = "reached" if found > order - TOLERANCE else "**missed**"
            lines.append(f"{start} {found:.2f} | {word} |")
    return lines


def write_page(outcomes: list[Outcome], tables: list[str]) -> None:
    """Write docs/verification.md and its plots."""
    lines = [INTRODUCTION]
    for outcome in outcomes:
        lines += verdicts(outcome)
    for outcome in outcomes:
        lines += study_section(outcome)
    for alpha in (4.0, 8.0):
        plot_womersley(alpha, PICTURES / f"womersley-{alpha:g}-profiles.png")
    lines += [PROFILES, *tables]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def study_section(outcome: Outcome) -> list[str]:
    """The section of a study in Markdown, with its plot."""
    study = outcome.study
    lines = ["", f"## {study.title}", "", textwrap.fill(study.text, 118), ""]
    for curve, rows in outcome.curves.items():
        lines += [*section(study, curve, rows, outcome.failures), ""]
    if any(len(rows) > 1 for rows in outcome.curves.values()):
        plot_study(study, outcome.curves, PICTURES / f"{study.name}.png")
        lines.append(f"![{study.title}](verification/{study.name}.png)")
    return lines


def renew_page(outcomes: list[Outcome], tables: list[list[str]]) -> None:
    """Put sections in the place of those of the same title in docs/verification.md, or at its end."""
    _, *old = PAGE.read_text(encoding="utf-8").split("\n## ")
    sections = {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip("\n") for part in old}
    introduction, orders = (part.strip("\n") for part in INTRODUCTION.split("\n## "))
    title, start = orders.split("\n", 1)
    kept = [line for line in sections[title].splitlines() if line.startswith("| ")][2:]
    for outcome in outcomes:
        curves = tuple(f"| {outcome.study.title} | {curve} |" for curve in outcome.curves)
        old_rows = [number for number, line in enumerate(kept) if line.startswith(curves)]
        place = old_rows[0] if old_rows else len(kept)
        kept = [line for line in kept if not line.startswith(curves)]
        kept[place:place] = verdicts(outcome)
    sections[title] = "\n".join([start.strip("\n"), *kept])
    for lines in [*(study_section(outcome) for outcome in outcomes), *tables]:
        name, text = "\n".join(lines).strip("\n").removeprefix("## ").split("\n", 1)
        sections[name] = text.strip("\n")
    parts = [introduction, *(f"## {name}\n\n{text}" for name, text in sections.items())]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Run the studies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the coarse levels, without writing the page")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="studies whose name starts so, without the page"
    )
    parser.add_argument("--write", action="store_true", help="with --only: renew these sections of the page")
    arguments = parser.parse_args()
    if arguments.write and (arguments.quick or not arguments.only):
        parser.error("--write goes with --only, and not with --quick")
    writes = arguments.write or not (arguments.quick or arguments.only)
    if writes:
        PICTURES.mkdir(parents=True, exist_ok=True)
    wanted = tuple(arguments.only or [""])
    chosen = [study for study in studies() if study.name.startswith(wanted)]
    outcomes = [run(study, quick=arguments.quick) for study in chosen]
    tables = []
    for name, make in benchmarks(quick=arguments.quick, folder=PICTURES if writes else None).items():
        if name.startswith(wanted):
            tables.append(make())
            print("\n".join(tables[-1]), flush=True)
    print("\n" + "\n".join(line for outcome in outcomes for line in verdicts(outcome)))
    if arguments.write:
        renew_page(outcomes, tables)
    elif writes:
        write_page(outcomes, [line for lines in tables for line in lines])


if __name__ == "__main__":
    main()
