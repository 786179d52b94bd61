"""The table of measurements: SI inside, millimetres in the CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geometry.measurements.anatomical import MissingStation
from geometry.measurements.definitions import DEFINITIONS
from geometry.measurements.measuring import Measurement
from geometry.measurements.sections import Diameters
from geometry.measurements.zscores import NOMOGRAMS, ZScore, z_scores
from hemoplan.errors import SurfaceError
from hemoplan.spelling import hint

_MM = 1e-3
_DIAMETERS = ("equivalent", "least", "greatest", "inscribed", "hydraulic")
_COLUMNS = (
    "station",
    "vessel",
    "arc_mm",
    "x_mm",
    "y_mm",
    "z_mm",
    "normal_x",
    "normal_y",
    "normal_z",
    "area_mm2",
    "perimeter_mm",
    *(f"{name}_diameter_mm" for name in _DIAMETERS),
    "eccentricity",
    "tilt_deg",
    "body_surface_area_m2",
    *(f"z_{nomogram.name.replace(' ', '_')}" for nomogram in NOMOGRAMS),
    "notes",
    "missing_because",
    "definition",
    "source",
)
_SEPARATOR = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementTable:
    """What was measured in a model, and what was not.

    Attributes:
        measurements: In the order of the stations' definitions.
        missing: Stations that were not found, with the reason.
        surface_area: Body surface area for the z-scores [m²]; None if it is not known.
    """

    measurements: tuple[Measurement, ...]
    missing: tuple[MissingStation, ...]
    surface_area: float | None = None

    def get(self, name: str) -> Measurement:
        """The measurement at a station.

        Raises:
            SurfaceError: It is missing, with the reason, or there is no such station.
        """
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement
        for absent in self.missing:
            if absent.name == name:
                raise SurfaceError("this could not be measured", where=name, value=absent.reason)
        raise SurfaceError("there is no such station", value=name, expected=hint(name, DEFINITIONS))

    def scores(self, name: str) -> tuple[ZScore, ...]:
        """z-scores of a station's area-equivalent diameter.

        There are none without a body surface area or a nomogram, or where the section is cut short or opens into a
        branch.

        Raises:
            HemoplanError: The station is missing, or the child is outside of what the nomograms were made from.
        """
        measurement = self.get(name)
        if self.surface_area is None or measurement.spoilt:
            return ()
        return z_scores(name, measurement.diameters.equivalent, surface_area=self.surface_area)


def write_table(path: Path, table: MeasurementTable) -> None:
    """Write a CSV file: a row for every station, with its definition, and for missing ones the reason."""
    rows = [_row(table, measurement) for measurement in table.measurements]
    rows += [{"station": absent.name, "missing_because": absent.reason} for absent in table.missing]
    order = list(DEFINITIONS)
    rows.sort(key=lambda row: order.index(row["station"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            definition = DEFINITIONS[row["station"]]
            writer.writerow({**row, "definition": definition.sentence, "source": definition.source})


def read_table(path: Path) -> MeasurementTable:
    """Read what `write_table` wrote; outlines are not in it.

    Raises:
        SurfaceError: The file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no station in it")
        measured = [row for row in rows if not row["missing_because"]]
        areas = {float(row["body_surface_area_m2"]) for row in measured if row["body_surface_area_m2"]}
        return MeasurementTable(
            measurements=tuple(_measurement(row) for row in measured),
            missing=tuple(
                MissingStation(name=row["station"], reason=row["missing_because"])
                for row in rows
                if row["missing_because"]
            ),
            surface_area=areas.pop() if areas else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SurfaceError(
            "cannot read the table of measurements",
            where=str(path),
            value=error,
            expected=f"a CSV file with the columns {', '.join(_COLUMNS[:4])} …",
            remedy="measure the model again",
        ) from error


def _row(table: MeasurementTable, measurement: Measurement) -> dict[str, str]:
    x, y, z = measurement.centre / _MM
    row = {
        "station": measurement.name,
        "vessel": measurement.vessel,
        "arc_mm": f"{measurement.arc / _MM:.3f}",
        "x_mm": f"{x:.3f}",
        "y_mm": f"{y:.3f}",
        "z_mm": f"{z:.3f}",
        "area_mm2": f"{measurement.area / _MM**2:.4f}",
        "perimeter_mm": f"{measurement.perimeter / _MM:.3f}",
        "eccentricity": f"{measurement.diameters.eccentricity:.4f}",
        "tilt_deg": f"{np.degrees(measurement.tilt):.2f}",
        "notes": _SEPARATOR.join(measurement.notes),
    }
    for axis, component in zip("xyz", measurement.normal, strict=True):
        row[f"normal_{axis}"] = f"{component:.6f}"
    for name in _DIAMETERS:
        row[f"{name}_diameter_mm"] = f"{getattr(measurement.diameters, name) / _MM:.4f}"
    if table.surface_area is not None:
        row["body_surface_area_m2"] = f"{table.surface_area:.4f}"
    for score in table.scores(measurement.name):
        row[f"z_{score.model.replace(' ', '_')}"] = f"{score.value:.2f}"
    return row


def _measurement(row: dict[str, str]) -> Measurement:
    return Measurement(
        name=row["station"],
        vessel=row["vessel"],
        arc=float(row["arc_mm"]) * _MM,
        centre=np.array([float(row[f"{axis}_mm"]) for axis in "xyz"]) * _MM,
        normal=np.array([float(row[f"normal_{axis}"]) for axis in "xyz"]),
        area=float(row["area_mm2"]) * _MM**2,
        perimeter=float(row["perimeter_mm"]) * _MM,
        diameters=Diameters(
            **{name: float(row[f"{name}_diameter_mm"]) * _MM for name in _DIAMETERS},
            eccentricity=float(row["eccentricity"]),
        ),
        tilt=float(np.radians(float(row["tilt_deg"]))),
        outline=np.empty((0, 3)),
        notes=tuple(note for note in row["notes"].split(_SEPARATOR) if note),
    )
