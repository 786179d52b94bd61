"""Table, picture and page of the meshing sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from sweep_meshing_chain import STAGES, Record
from sweep_meshing_subjects import FORMS

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

INTRODUCTION = """\
# From a surface to a mesh, over many surfaces

`scripts/sweep_meshing` makes this page: random anatomies of newborns and infants in forms from clean to poor, and
surfaces in files, each through openings, conditioning, centrelines and tetrahedra with three boundary layers. `meshed`
passed all checks; what an error refused is listed with its reason. Times are medians in seconds with one core for each.
Dihedral angle and radius ratio are the smallest of all cells behind the layers, of all meshes of the group.

![Times and qualities](meshing.png)
"""


def table(records: Sequence[Record]) -> list[str]:
    """Lines of Markdown: by family, by form, and the failures."""
    lines = [
        "## By anatomy",
        "",
        *_counts(records, "family"),
        "",
        "## By form",
        "",
        *_counts(records, "form"),
        "",
    ]
    lines += [f"- `{form}`: {meaning}" for form, meaning in FORMS.items()]
    lines += ["", "## Not meshed", ""]
    failures = [record for record in records if record.outcome != "meshed"]
    if not failures:
        return [*lines, "None."]
    lines += ["| surface | outcome | stage | reason |", "| --- | --- | --- | --- |"]
    for record in failures:
        reason = record.reason.replace("|", "/").replace("\n", " ")
        lines.append(f"| {record.name} | {record.outcome} | {record.stage} | {reason} |")
    return lines


def _counts(records: Sequence[Record], key: str) -> list[str]:
    head = [
        key,
        "surfaces",
        "meshed",
        *STAGES,
        "all",
        "cells",
        "dihedral angle",
        "radius ratio",
        "volume error",
    ]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    groups = list(dict.fromkeys(getattr(record, key) for record in records))
    for name in [*groups, ""]:
        group = [record for record in records if not name or getattr(record, key) == name]
        good = [record for record in group if record.outcome == "meshed"]
        cells = [name or "**all**", f"{len(group)}", f"{100.0 * len(good) / len(group):.1f} %"]
        times = [[record.seconds.get(stage, 0.0) for record in good] for stage in STAGES]
        cells += [f"{np.median(part):.1f}" if good else "" for part in times]
        cells.append(f"{np.median(np.sum(times, axis=0)):.1f}" if good else "")
        for number, shown, gather in (
            ("cells", "{:,.0f}", np.median),
            ("core_dihedral", "{:.1f}°", np.min),
            ("core_radius_ratio", "{:.2f}", np.min),
            ("volume_error", "{:.1e}", np.max),
        ):
            cells.append(
                shown.format(float(gather([record.numbers[number] for record in good]))) if good else ""
            )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def draw(records: Sequence[Record], path: Path) -> None:
    """Histograms of time, cells and quality of what was meshed."""
    good = [record for record in records if record.outcome == "meshed"]
    figure, axes = plt.subplots(2, 2, figsize=(10.0, 6.4), constrained_layout=True)
    bottom = np.zeros(24)
    edges = np.linspace(0.0, max((sum(record.seconds.values()) for record in good), default=1.0), 25)
    colours = dict(zip(STAGES, ("#9aa5b1", "#5b8db8", "#2f5d8a", "#e0a458", "#b8504b"), strict=True))
    totals = np.array([sum(record.seconds.values()) for record in good])
    which = np.clip(np.digitize(totals, edges) - 1, 0, 23)
    # The bar of a bin is divided as the time of its subjects is.
    for stage in STAGES:
        share = np.array([record.seconds.get(stage, 0.0) for record in good]) / np.maximum(totals, 1e-9)
        height = np.bincount(which, weights=share, minlength=24) if len(good) else np.zeros(24)
        axes[0, 0].bar(
            edges[:-1], height, np.diff(edges), bottom=bottom, align="edge", color=colours[stage], label=stage
        )
        bottom += height
    axes[0, 0].set(xlabel="seconds from surface to mesh", ylabel="surfaces")
    axes[0, 0].legend(frameon=False, fontsize=8)
    for axis, number, label, unit in (
        (axes[0, 1], "cells", "thousand cells", 1e-3),
        (axes[1, 0], "core_dihedral", "smallest dihedral angle behind the layers [degrees]", 1.0),
        (axes[1, 1], "core_radius_ratio", "smallest radius ratio behind the layers", 1.0),
    ):
        axis.hist([unit * record.numbers[number] for record in good], bins=24, color="#2f5d8a")
        axis.set(xlabel=label, ylabel="surfaces")
    for axis in axes.ravel():
        axis.spines[["top", "right"]].set_visible(False)
    share = 100.0 * len(good) / max(len(records), 1)
    figure.suptitle(f"{len(good)} of {len(records)} surfaces meshed ({share:.1f} %)")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_page(records: Sequence[Record], folder: Path) -> None:
    """Write meshing.md and meshing.png into a folder."""
    draw(records, folder / "meshing.png")
    (folder / "meshing.md").write_text(
        INTRODUCTION + "\n" + "\n".join(table(records)) + "\n", encoding="utf-8"
    )
