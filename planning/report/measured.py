"""The diameters of all variants side by side, as text for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geometry.measurements.definitions import DEFINITIONS
from geometry.measurements.table import MeasurementTable
from geometry.measurements.zscores import ZScore
from hemoplan.errors import HemoplanError
from hemoplan.units import to_unit
from planning.wording import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A station in one variant: its diameter, its z-scores and what a reader must know, as text."""

    diameter: str
    scores: str
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRow:
    """A station: its name, its number in the picture, where it lies, whose level it is, and a cell a variant."""

    label: str
    number: int | None
    definition: str
    source: str
    cells: tuple[Cell | None, ...]


def tabulate_stations(tables: Mapping[str, MeasurementTable], *, pictured: str) -> tuple[StationRow, ...]:
    """A row for every station that was measured in any variant, in the order of the blood's way.

    Args:
        tables: The measurements of each variant.
        pictured: The variant whose sections the picture shows; their numbers stand in the rows.
    """
    rows = []
    numbers = {each.name: number for number, each in enumerate(tables[pictured].measurements, start=1)}
    for name, definition in DEFINITIONS.items():
        cells = tuple(_cell(table, name) for table in tables.values())
        if any(cell is not None for cell in cells):
            rows.append(
                StationRow(
                    label=spoken(name),
                    number=numbers.get(name),
                    definition=definition.sentence,
                    source=definition.source,
                    cells=cells,
                )
            )
    return tuple(rows)


def scores_at(table: MeasurementTable, station: str) -> tuple[ZScore, ...]:
    """z-scores at a station; none where it was not found, or the child is outside of the models."""
    try:
        return table.scores(station)
    except HemoplanError:
        return ()


def write_scores(scores: tuple[ZScore, ...]) -> str:
    """Scores with their models: `-1.2 (Detroit 2008), -1.0 (PHN 2017)`."""
    return ", ".join(f"{score.value:+.1f} ({score.model})".replace("-", "−") for score in scores)


def _cell(table: MeasurementTable, station: str) -> Cell | None:
    found = next((each for each in table.measurements if each.name == station), None)
    if found is None:
        return None
    return Cell(
        diameter=f"{to_unit(found.diameters.equivalent, 'mm'):.1f}",
        scores=write_scores(scores_at(table, station)),
        notes="; ".join(found.notes),
    )
