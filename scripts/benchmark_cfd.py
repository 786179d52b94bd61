"""Speed, memory and accuracy of the flow solver on the stenosed tube, in one run.

    scripts/benchmark_cfd --data FOLDER           all rows; writes docs/benchmark.md and its picture
    scripts/benchmark_cfd --data FOLDER --quick   a few steps of the small meshes, printed alone

FOLDER holds the tube's meshes (coarct_40k.msh, coarct_100k.msh, coarct_400k.msh) and reference_axisymmetric.csv. The
problem is that of the peers' figures: one cycle of 0.5 s from rest, see tests/verification/stenosed_tube.py. Times are
CPU seconds over all ranks, so that they can be compared where the machine does other work too; the memory bandwidth is
measured by a triad in the same process. All rows take about twenty minutes on a quiet machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
WORKER = Path(__file__).with_name("benchmark_cfd_worker.py")

ROWS: tuple[tuple[str, str, float, int, int | None], ...] = (
    ("40k", "P1-P1", 1e-3, 1, None),
    ("100k", "P1-P1", 1e-3, 1, None),
    ("100k", "P1-P1", 5e-4, 1, None),
    ("placed", "P1-P1", 1e-3, 1, None),
    ("400k", "P1-P1", 1e-3, 1, 60),
    ("400kx8", "P1-P1", 2.5e-4, 1, 8),
    ("40k", "P2-P1", 1e-3, 1, None),
    ("100k", "P2-P1", 1e-3, 1, None),
    ("100k", "P2-P1", 5e-4, 1, None),
    ("placed", "P2-P1", 1e-3, 1, None),
    ("400k", "P2-P1", 5e-4, 1, 20),
    ("40k", "P1-P1", 1e-3, 2, 120),
    ("100k", "P1-P1", 1e-3, 2, 120),
    ("400k", "P1-P1", 1e-3, 2, 60),
    ("100k", "P2-P1", 1e-3, 2, 60),
    ("400k", "P2-P1", 5e-4, 2, 20),
)
"""Mesh, elements, dt [s], ranks, steps (None: the whole cycle)."""

QUICK = (
    ("40k", "P1-P1", 1e-3, 1, 60),
    ("100k", "P1-P1", 1e-3, 1, 40),
    ("40k", "P2-P1", 1e-3, 1, 20),
    ("40k", "P1-P1", 1e-3, 2, 60),
)

PEERS: tuple[tuple[str, str, float, float | None], ...] = (
    ("Oasis", "P1–P1, 100k, 0.5 ms", 590.0, -13.4),
    ("oasisx", "P2–P1, 100k, 1 ms", 1600.0, -7.7),
    ("Oasis", "P2–P1, 100k, 1 ms", 2200.0, None),
    ("OpenFOAM", "finite volumes, 100k, 0.2 ms", 1390.0, None),
    ("svMultiPhysics", "P1–P1 VMS, 100k, 1 ms", 4800.0, None),
)
"""Peer, what was run, CPU s per simulated s and error of the mean pressure drop [%], on two cores of the same kind."""

HEADER = (
    "mesh", "elements", "ranks", "dt [ms]", "unknowns", "CPU s/step", "momentum", "velocity", "pressure", "wall s/step",
    "CPU s per s", "iterations", "Courant", "set-up [steps]", "B per cell", "ns per cell", "bandwidth", "drop [%]",
    "rms [%]", "u 50 mm [%]",
)  # fmt: skip


def run(data: Path, row: tuple[str, str, float, int, int | None]) -> dict[str, Any]:
    """Run one row in its own processes."""
    mesh, elements, dt, ranks, steps = row
    request = json.dumps({"data": str(data), "mesh": mesh, "elements": elements, "dt": dt, "steps": steps})
    command = [sys.executable, str(WORKER), request]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"{mesh} {elements} on {ranks} ranks failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return result


def cells_of(result: dict[str, Any]) -> tuple[str, ...]:
    """The columns of one row."""
    cpu, errors = result["cpu"], result.get("errors")
    per_second = cpu["step"] / result["dt"]
    return (
        f"{result['mesh']} ({result['cells']:,})",
        result["elements"],
        str(result["ranks"]),
        f"{1e3 * result['dt']:g}",
        f"{result['velocity_dofs'] + result['pressure_dofs']:,}",
        f"{cpu['step']:.3f}",
        f"{cpu['momentum']:.3f}",
        f"{cpu['velocity']:.3f}",
        f"{cpu['pressure']:.3f}",
        f"{result['wall']['step']:.3f}",
        f"{per_second:.0f}",
        "{:.1f}, {:.1f}".format(*result["iterations"]),
        f"{result['courant']:.1f}",
        f"{result['setup_cpu'] / cpu['step']:.0f}",
        f"{result['bytes_per_cell']:.0f}",
        f"{result['kernel_ns']:.0f}",
        f"{100 * result['bandwidth_share']:.0f} %",
        *(("–",) * 3 if errors is None else (f"{100 * value:.1f}" for value in errors)),
    )


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Cost against error, ours beside the peers'."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for elements, colour in (("P1-P1", "#0072b2"), ("P2-P1", "#d55e00")):
        chosen = [r for r in results if r["elements"] == elements and r["ranks"] == 1]
        for r in chosen:
            if "errors" in r:
                cost, error = r["cpu"]["step"] / r["dt"], 100 * abs(r["errors"][0])
                left.plot(cost, error, "o", color=colour)
                left.annotate(
                    f"{r['mesh']}, {1e3 * r['dt']:g} ms",
                    (cost, error),
                    (5, 4),
                    textcoords="offset points",
                    fontsize=8,
                )
        chosen.sort(key=lambda r: r["cells"])
        right.loglog(
            [r["cells"] for r in chosen],
            [r["cpu"]["step"] for r in chosen],
            "o",
            color=colour,
            label=elements,
        )
    for name, what, cost, peer_error in PEERS:
        if peer_error is not None:
            left.plot(cost, abs(peer_error), "s", color="0.4")
            left.annotate(
                f"{name}\n{what}",
                (cost, abs(peer_error)),
                (0, -26),
                textcoords="offset points",
                fontsize=8,
                ha="center",
            )
    left.plot([], [], "o", color="#0072b2", label="hemoplan P1–P1")
    left.plot([], [], "o", color="#d55e00", label="hemoplan P2–P1")
    left.plot([], [], "s", color="0.4", label="peers")
    left.set(
        xscale="log",
        xlim=(8, 4000),
        ylim=(0, None),
        xlabel="CPU seconds per simulated second",
        ylabel="error of the mean pressure drop [%]",
    )
    left.legend(fontsize=8, loc="lower left")
    low, high = right.get_xlim()
    reference = min(r["cpu"]["step"] / r["cells"] for r in results if r["elements"] == "P1-P1")
    right.plot([low, high], [reference * low, reference * high], ":", color="0.5", label="linear")
    right.set(xlabel="tetrahedra", ylabel="CPU seconds a step, one rank")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def table(results: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    lines += ["| " + " | ".join(cells_of(result)) + " |" for result in results]
    return "\n".join(lines)


def page(results: list[dict[str, Any]]) -> str:
    """docs/benchmark.md."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    triads = [result["triad"] / 1e9 for result in results]
    bandwidths = f"{min(triads):.0f} to {max(triads):.0f}"
    peers = "\n".join(
        f"| {name} | {what} | {cost:,.0f} | {'–' if error is None else f'{error:.1f} %'} |"
        for name, what, cost, error in PEERS
    )
    text = (DOCS / "benchmark_notes.md").read_text(encoding="utf-8")
    return f"""# Speed, memory and accuracy of the flow solver

Written by `scripts/benchmark_cfd`. Processor: {processor}, {os.cpu_count()} cores; triad {bandwidths}
GB/s (all ranks of a row together).

The problem is the stenosed tube of `tests/verification/stenosed_tube.py`: one cycle of 0.5 s, errors after 0.1 s
against the axisymmetric reference (mean and rms of the pressure drop, rms of the velocity on the axis at 50 mm).
`placed` has as many cells as `100k`, on rings that follow the wall and layers that are thin in the throat; `400kx8` is
the 400k mesh refined once. Seconds are CPU seconds over all ranks. `bandwidth` is the share of the triad's bandwidth
that momentum balance and velocity solver attain, if every array is moved once a pass. `B per cell` is the growth of the
peak memory since the start. Rows without errors ran a few steps only.

{table(results)}

![cost and error](benchmark.png)

## Peers on the same problem

Measured on two cores of the same kind, CPU seconds per simulated second, one rank.

| code | elements, mesh, time step | CPU s per s | error of the mean drop |
|---|---|---|---|
{peers}

{text}"""


def main() -> None:
    """Run the rows, print the table, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the tube's meshes and reference")
    parser.add_argument("--quick", action="store_true", help="a few steps of the small meshes")
    arguments = parser.parse_args()
    if not (arguments.data / "reference_axisymmetric.csv").is_file():
        parser.error(
            f"--data: {arguments.data} holds no reference_axisymmetric.csv; expected the folder of the stenosed tube"
        )
    results = []
    for row in QUICK if arguments.quick else ROWS:
        results.append(run(arguments.data.resolve(), row))
        print(
            " | ".join(f"{name} {value}" for name, value in zip(HEADER, cells_of(results[-1]), strict=True)),
            flush=True,
        )
    print("\n" + table(results))
    if not arguments.quick:
        plot(results, DOCS / "benchmark.png")
        (DOCS / "benchmark.md").write_text(page(results), encoding="utf-8")
        print(f"\nwritten: {DOCS / 'benchmark.md'}")


if __name__ == "__main__":
    main()
