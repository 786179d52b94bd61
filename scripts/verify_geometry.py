"""Makes docs/geometry.md: accuracy of segmentation, centrelines and measurements, times of all steps, and pictures."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from verify_geometry_accuracy import (
    CENTERLINES,
    MEASUREMENTS,
    SEGMENTATION,
    Row,
    centerline_rows,
    measurement_rows,
    segmentation_rows,
)
from verify_geometry_pictures import draw_gallery
from verify_geometry_speed import Lap, time_chain

from hemoplan.case_file import load_case
from hemoplan.errors import HemoplanError

CHECKOUT = Path(__file__).resolve().parents[1]
CASE = CHECKOUT / "cases" / "neonatal_coarctation"
PARTS = ("segmentation", "centrelines", "measurements", "speed", "pictures")
HEAD = """# From a scan to a mesh

Made by `scripts/verify_geometry`. The anatomies are made in code (`geometry/idealised`), so that every radius is known;
what is measured on them is compared with that. `scripts/sweep_meshing` runs the same chain over hundreds of surfaces:
[meshing.md](meshing.md)."""

TEXTS = {
    "segmentation": """## Segmentation

Signed distance of the extracted surface to the exact anatomy, positive where the vessel comes out too wide, away from
the ends. The contrast is 260 HU. Seconds of segmentation and extraction.""",
    "centrelines": """## Centrelines

Distance of the points to the exact centreline, and radius of the largest inscribed sphere against its exact value
there, away from junctions, on exact surfaces with edges of 0.35 mm.""",
    "measurements": """## Measurements

Diameters at anatomical stations, found from the centrelines and the openings' names alone.""",
    "speed": f"""## Time

One process on {platform.machine()}, Python {platform.python_version()}; wall clock and CPU seconds.""",
    "pictures": "## Pictures",
}


def main() -> None:
    """Measure, draw, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="parts; the page needs all")
    parser.add_argument(
        "--out", type=Path, default=CHECKOUT / "docs", help="folder of the page (default: docs)"
    )
    options = parser.parse_args()
    try:
        sections = [section(part, options.out) for part in PARTS if part in options.only]
    except HemoplanError as error:
        raise SystemExit(str(error)) from None
    if set(options.only) == set(PARTS):
        page = options.out / "geometry.md"
        page.write_text("\n\n".join([HEAD, *sections]) + "\n", encoding="utf-8")
        print(f"page: {page}")


def section(part: str, out: Path) -> str:
    """One part of the page."""
    print(part, flush=True)
    return f"{TEXTS[part]}\n\n{content(part, out)}"


def content(part: str, out: Path) -> str:
    """Tables and pictures of a part."""
    match part:
        case "segmentation":
            return table(SEGMENTATION, segmentation_rows())
        case "centrelines":
            return table(CENTERLINES, centerline_rows())
        case "measurements":
            return table(MEASUREMENTS, measurement_rows())
        case "speed":
            laps = time_chain(load_case(CASE), CASE / "anatomy.toml")
            return table(("step", "result", "wall [s]", "CPU [s]"), lap_rows(laps))
        case _:
            pictures = draw_gallery(CASE, out / "geometry")
            return "\n\n".join(f"{caption}\n\n![{caption}](geometry/{name})" for name, caption in pictures)


def lap_rows(laps: Sequence[Lap]) -> Iterable[Row]:
    """The steps, and their sum."""
    for lap in laps:
        yield Row(cells=(lap.step, lap.result, f"{lap.wall:.1f}", f"{lap.cpu:.1f}"))
    whole = (sum(lap.wall for lap in laps), sum(lap.cpu for lap in laps))
    yield Row(cells=("**all**", "", f"**{whole[0]:.1f}**", f"**{whole[1]:.1f}**"))


def table(head: Sequence[str], rows: Iterable[Row]) -> str:
    """A Markdown table; its rows are printed as they come."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        lines.append(f"| {' | '.join(row.cells)} |")
        print("  " + " | ".join(row.cells), flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
