"""The coupling of 3D domain and 0D circuit: how few beats until they repeat, how stable, and how exact.

    scripts/benchmark_coupling           all tables; writes docs/coupling.md and its pictures
    scripts/benchmark_coupling --quick   the beats of the Windkessels alone, printed

The cases are those of tests/verification (few_beats, tuning, duct_tuning, coupling, test_impedance, test_backflow),
coarse enough that a beat takes a fraction of a second: what counts here is the number of beats. All takes about five
minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from benchmark_coupling_pictures import plot_distances, plot_first_beats

from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError
from planning.calibration import MET
from tests.verification import coupling, duct_tuning, test_backflow, test_coupling, test_impedance, tuning
from tests.verification.few_beats import Case, Course, closed_loop, narrow_loop, run, windkessels

DOCS = Path(__file__).resolve().parents[1] / "docs"
CASES: Mapping[str, Callable[[], Case]] = {
    "windkessels": windkessels,
    "wide": closed_loop,
    "narrow": narrow_loop,
}
MANY, FEW = 20, 6
"""Beats of plain and of corrected courses."""
PAIRS = ("P1-P1", "P2-P1")


def courses_of(case: Case) -> tuple[dict[str, Course], FloatArray]:
    """Courses from either start, plain and corrected, and the (s, k) pressures of the periodic beat."""
    settled = run(case, case.near, beats=MANY // 2, accelerated=True)
    found = {
        "plain": run(case, case.wrong, beats=MANY, accelerated=False),
        "acceleration": run(case, case.wrong, beats=FEW, accelerated=True),
        "0D start": run(case, case.near, beats=2 * FEW, accelerated=False),
        "0D start + acceleration": run(case, case.near, beats=FEW, accelerated=True),
    }
    return found, settled.pressures(settled.beats)


def beats_table(
    cases: Mapping[str, Case],
    courses: Mapping[str, Mapping[str, Course]],
    periodic: Mapping[str, FloatArray],
) -> str:
    """Beats until they repeat, and until they are the periodic one, with the CPU seconds of the latter."""
    names = list(next(iter(courses.values())))
    lines = [
        "| case | left by a plain beat | " + " | ".join(names) + " |",
        "|---" * (2 + len(names)) + "|",
    ]
    for key, case in cases.items():
        cells = []
        for name in names:
            course = courses[key][name]
            arrived = course.arrived(periodic[key])
            seconds = "" if arrived is None else f", {course.seconds * arrived / course.beats:.1f} s"
            cells.append(f"{_beat(course.settled(), course)} / {_beat(arrived, course)}{seconds}")
        lines.append(f"| {case.name} | {case.beat_map.slowest:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _beat(number: int | None, course: Course) -> str:
    return f"> {course.beats}" if number is None else str(number)


def tuning_table() -> str:
    """Largest relative miss of a target, by round."""
    rows = {
        "narrow duct, three Windkessels: cuff at the inlet (systolic, diastolic, mean), flow shares of three outlets": (
            tuning.tune(2).misses
        ),
        "patent duct in a closed loop: mean aortic pressure, Qp/Qs": tuple(duct_tuning.tune(2).misses),
    }
    lines = ["| case | tuned in 0D alone | after one beat of correction | after two |", "|---|---|---|---|"]
    lines += [
        f"| {name} | " + " | ".join(f"{100 * miss:.2f} %" for miss in misses) + " |"
        for name, misses in rows.items()
    ]
    return "\n".join(lines)


def stability_table() -> str:
    """Residual of the coupling and error of the flow at the end, for circuits that break explicit schemes."""
    lines = [
        "| circuit | "
        + " | ".join(f"{pair}: residual, flow" for pair in PAIRS)
        + " | flow of the last step instead |",
        "|---|---|---|---|",
    ]
    for name, element in coupling.CIRCUITS.items():
        cells = []
        for pair in PAIRS:
            course = coupling.run(pair, element)
            error = course.flows[-1, 1] / test_coupling.expected(name) - 1.0
            cells.append(f"{course.residual:.0e}, {100 * error:+.2f} %")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {_explicit(element)} |")
    return "\n".join(lines)


def _explicit(element: coupling.Element) -> str:
    try:
        coupling.run("P1-P1", element, lagged=True)
    except DivergenceError:
        return "diverges"
    return "runs"


def impedance_table() -> str:
    """Errors of amplitude and phase against the exact impedance, the order in time, and the energy that is nowhere."""
    lines = [
        "| elements | flow: amplitude, phase | pressure: amplitude, phase | order in time | energy lost |",
        "|---|---|---|---|---|",
    ]
    for pair, across in (("P1-P1", 24), ("P2-P1", 12)):
        found = test_impedance.harmonics(pair, across, 80)
        cells = [
            f"{100 * (abs(one / exact) - 1.0):+.2f} %, {1e3 * np.angle(one / exact):+.1f} mrad"
            for one, exact in zip(found, test_impedance.exact(), strict=True)
        ]
        coarse, middle, fine = (test_impedance.harmonics(pair, 6, steps) for steps in (20, 40, 80))
        orders = [np.log2(abs(a - b) / abs(b - c)) for a, b, c in zip(coarse, middle, fine, strict=True)]
        leak = test_impedance.energy_leak(pair, 80)
        order = ", ".join(f"{value:.2f}" for value in orders)
        lines.append(f"| {pair} | {cells[0]} | {cells[1]} | {order} | {100 * abs(leak):.3f} % |")
    return "\n".join(lines)


def backflow_table() -> str:
    """Strong reverse flow with and without the term, and what half of it changes in a viscous flow."""
    lines = ["| elements | beta = 0 | beta = 1: largest speed over Bernoulli's |", "|---|---|---|"]
    for pair, steps, amplitude in (("P1-P1", 100, 400.0), ("P2-P1", 400, 100.0)):
        flows = test_backflow.swing(pair, backflow=1.0, steps=steps, amplitude=amplitude)
        speed = np.abs(flows).max() / test_backflow.AREA / np.sqrt(2.0 * amplitude / 1060.0)
        try:
            test_backflow.swing(pair, backflow=0.0, steps=steps, amplitude=amplitude)
            without = "runs"
        except DivergenceError:
            without = "diverges"
        lines.append(f"| {pair} | {without} | {speed:.2f} |")
    whole, half = (
        test_backflow.swing("P1-P1", backflow=beta, steps=100, amplitude=100.0, viscosity=0.04)
        for beta in (1.0, 0.5)
    )
    change = np.abs(whole - half).max() / np.abs(whole).max()
    return (
        "\n".join(lines)
        + f"\n\nIn a viscous flow that swings, half of the term changes the flow by {100 * change:.1f} %."
    )


def page(beats: str) -> str:
    """docs/coupling.md."""
    notes = (DOCS / "coupling_notes.md").read_text(encoding="utf-8")
    return f"""# Coupling of the 3D domain and the 0D circuit

Written by `scripts/benchmark_coupling`; the tests in `tests/verification` hold the same cases to bounds.

## Beats until the coupled system repeats itself

First number: the beat from which no port's pressure changes by more than 1 % of its own range from beat to beat.
Second: the beat from which every pressure is within 1 % of the periodic one, and the CPU seconds until its end.
`plain` and `acceleration` begin from a wrong state: empty capacitors; a fifth of the venous blood in the left lung; the
state of the wide isthmus for the narrow one. `left by a plain beat` is the largest eigenvalue of M.

{beats}

![distance from the periodic beat](coupling/convergence.png)

Pressures from the wrong start, where the corrected beats meet the periodic ones without a peak:

![first beats](coupling/first_beats.png)

## Targets met with the 3D domain in the loop

Largest miss of any target, as a share of it, in the 3D beat that follows the tuning; {100 * MET:g} % are asked for.

{tuning_table()}

## Stability

A tube between a pressure and a circuit, at a Courant number of one: a resistance 100 times the vessel's, no compliance
between two resistances, an inertance 100 times the blood's, a valve that closes (1e4 times the resistance). Largest
relative residual of the coupling over all steps, and the flow at the end against the exact one.

{stability_table()}

## A pulsatile tube with a Windkessel, against the exact impedance

Womersley's tube and a Windkessel of the same impedance in a row, 80 steps a cycle; orders of flow and pressure from 20,
40 and 80 (`tests/verification/test_impedance.py`).

{impedance_table()}

## Reverse flow at openings

A tube whose far pressure swings, so that blood enters through either end for half of the time.

{backflow_table()}

{notes}"""


def main() -> None:
    """Run the cases, print the table, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the Windkessels alone, printed")
    arguments = parser.parse_args()
    chosen = ("windkessels",) if arguments.quick else tuple(CASES)
    cases = {key: CASES[key]() for key in chosen}
    found = {key: courses_of(case) for key, case in cases.items()}
    courses = {key: each[0] for key, each in found.items()}
    periodic = {key: each[1] for key, each in found.items()}
    beats = beats_table(cases, courses, periodic)
    print(beats, flush=True)
    if not arguments.quick:
        folder = DOCS / "coupling"
        folder.mkdir(exist_ok=True)
        plot_distances(cases, courses, periodic, folder / "convergence.png")
        plot_first_beats(cases, courses, periodic, folder / "first_beats.png")
        (DOCS / "coupling.md").write_text(page(beats), encoding="utf-8")
        print(f"\nwritten: {DOCS / 'coupling.md'}")


if __name__ == "__main__":
    main()
