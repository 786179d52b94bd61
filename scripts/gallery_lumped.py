"""Makes docs/anatomies.md: every anatomy in its steady state, with its numbers, its curves and the published values."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from hemoplan.errors import HemoplanError
from lumped.circulation.file import load_anatomy
from lumped.circulation.library import anatomies
from lumped.physiology import Physiology, steady
from lumped.physiology.comparisons import markdown
from lumped.physiology.landmarks import landmark
from planning.lumped.beat_figures import draw_beat
from planning.wording import plain

CHECKOUT = Path(__file__).resolve().parents[1]
ORDER = (
    "term_newborn",
    "preterm_28_weeks",
    "fetus_term",
    "patent_duct_small",
    "patent_duct",
    "patent_duct_large",
    "atrial_septal_defect",
    "ventricular_septal_defect",
    "coarctation",
    "coarctation_with_duct",
    "interrupted_arch",
    "pulmonary_stenosis",
    "pulmonary_atresia_intact_septum",
    "tetralogy_of_fallot",
    "transposition",
    "hypoplastic_left_heart",
    "norwood_bt",
    "norwood_sano",
    "hybrid",
    "glenn",
    "assisted_glenn",
    "fontan",
    "fontan_fenestrated",
)
"""The story that the page tells; what is not named here comes at its end."""

COLUMNS = (
    ("heart rate [/min]", "heart_rate", 0),
    ("aorta [mmHg]", "pressure.@aorta", 0),
    ("pulmonary artery [mmHg]", "pressure.@pulmonary_artery", 0),
    ("right / left atrium [mmHg]", "atria", 0),
    ("Qs [mL/kg/min]", "systemic_flow", 0),
    ("Qp/Qs", "qp_over_qs", 2),
    ("SpO2 pre/postductal [%]", "saturations", 0),
    ("SvO2 [%]", "saturation.mixed_venous", 0),
    ("O2 delivery [mL/kg/min]", "oxygen_delivery", 1),
    ("coronary perfusion [mmHg]", "coronary_perfusion_pressure", 0),
)


def main() -> None:
    """Run every anatomy and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", help="names of anatomies; all by default, and only then the page"
    )
    parser.add_argument(
        "--out", type=Path, default=CHECKOUT / "docs", help="folder of the page (default: docs)"
    )
    options = parser.parse_args()
    known = anatomies()
    names = options.only or [*(n for n in ORDER if n in known), *(n for n in known if n not in ORDER)]
    states: dict[str, Physiology] = {}
    seconds: dict[str, float] = {}
    pictures = options.out / "anatomies"
    pictures.mkdir(parents=True, exist_ok=True)
    for name in names:
        began = time.perf_counter()
        try:
            states[name] = steady(load_anatomy(name))
        except HemoplanError as error:
            raise SystemExit(f"{name}: {error}") from None
        seconds[name] = time.perf_counter() - began
        state = states[name]
        figure = draw_beat(state.beat.history, title=state.circulation.name, saturations=state.saturations())
        figure.savefig(pictures / f"{name}.png", dpi=80)
        print(f"{name}: {seconds[name]:.2f} s")
    if not options.only:
        (options.out / "anatomies.md").write_text(page(states), encoding="utf-8")
        print(f"page: {options.out / 'anatomies.md'}")


def page(states: Mapping[str, Physiology]) -> str:
    """The page."""
    lines = [
        "# Anatomies of the 0D circulation",
        "",
        "Made by `scripts/gallery_lumped`. Every anatomy is a file in `lumped/circulation/anatomies`, which says where",
        "its numbers come from; `hemoplan lumped run NAME` runs it, `hemoplan lumped edit NAME --do …` operates on it.",
        "Shown is the state in which beat, reflexes and blood gases agree. None is a patient: they are starting",
        "points that `hemoplan lumped calibrate` fits to one.",
        "",
        *table(states),
        "",
        *comparisons(),
    ]
    for name, state in states.items():
        text = " ".join(state.circulation.description.split())
        lines += [
            "",
            f"## {state.circulation.name}",
            "",
            f"`{name}`. {text}",
            "",
            f"![{name}](anatomies/{name}.png)",
        ]
    return "\n".join(lines) + "\n"


def table(states: Mapping[str, Physiology]) -> list[str]:
    """One row an anatomy."""
    rows = [
        "| anatomy | " + " | ".join(label for label, _, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for name, state in states.items():
        cells = [cell(state, key, digits) for _, key, digits in COLUMNS]
        rows.append(f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return rows


def cell(state: Physiology, key: str, digits: int) -> str:
    """A number of an anatomy, or nothing."""
    nodes = state.beat.history.model.nodes
    if key.startswith("pressure.@"):
        node = landmark(key.removeprefix("pressure.@"), nodes)
        parts = [f"pressure.{node}.{each}" for each in ("systolic", "diastolic", "mean")]
        if node is None:
            return ""
        high, low, mean = (plain(state.shown(part), digits) for part in parts)
        return f"{high}/{low} ({mean})"
    if key == "atria":
        sides = [landmark(f"{side}_atrium", nodes) for side in ("right", "left")]
        return " / ".join(plain(state.shown(f"pressure.{node}.mean"), 0) for node in sides if node)
    if key == "saturations":
        values = [f"saturation.{side}" for side in ("preductal", "postductal")]
        return " / ".join(plain(state.shown(value), 0) for value in values if value in state.outputs)
    if key not in state.outputs:
        return ""
    per_weight = key in ("systemic_flow", "oxygen_delivery")
    return plain(state.shown(key) / (state.circulation.weight if per_weight else 1.0), digits)


def comparisons() -> list[str]:
    """What is published, and what ours give, from the file that the tests read."""
    return [
        "## Against published values",
        "",
        "What deviates by more than 15 % is in bold and says why. *Tuned* marks what parameters were fitted to: that",
        "it agrees proves the tuning, not the model.",
        "",
        *markdown(),
    ]


if __name__ == "__main__":
    main()
