"""Everything that is measured in a model: sections at the stations, narrowing, duct, arch, and the lengths between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.measurements.anatomical import MissingStation, Stations
from geometry.measurements.arch_shape import ArchShape, measure_arch_shape
from geometry.measurements.curvature import DuctShape, duct_shape, measure_course
from geometry.measurements.finding import find_stations
from geometry.measurements.measuring import Measurement, measure_station
from geometry.measurements.profile import Narrowing, compare_narrowing
from geometry.measurements.slicing import index_surface
from geometry.measurements.table import MeasurementTable
from geometry.surfaces.surface import Surface
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All measurements of a model.

    Attributes:
        table: Sections at the anatomical stations.
        narrowing: The aorta's narrowest place against the distal arch, or without one the nearest station before it
            (proximal), and the diaphragm's level or the lowest section, beyond any dilation (distal); None if one of
            them is missing.
        duct: Shape of the duct between its two ends; None if there is none.
        arch: Height and width of the arch; None if the aorta makes none in this model.
        lengths: Names of two stations that follow each other on one way, and the length of the centreline between [m].
    """

    table: MeasurementTable
    narrowing: Narrowing | None
    duct: DuctShape | None
    arch: ArchShape | None
    lengths: tuple[tuple[str, str, float], ...]


def survey_vessels(
    surface: Surface,
    centerline: Centerline,
    *,
    diaphragm: float | None = None,
    surface_area: float | None = None,
) -> Survey:
    """Measure a model at all stations that its openings allow.

    Args:
        surface: A closed surface with named openings.
        centerline: Its centreline.
        diaphragm: Height of the diaphragm, RAS z [m], where it is known.
        surface_area: Body surface area of the child [m²], for z-scores.

    Raises:
        SurfaceError: The surface has no inlet.
    """
    stations = find_stations(centerline, inlet=_inlet(surface, centerline), diaphragm=diaphragm)
    index = index_surface(surface)
    measured: list[Measurement] = []
    failed: list[MissingStation] = []
    for station in stations.found:
        try:
            measured.append(measure_station(index, station, centerline.lines))
        except SurfaceError as error:
            failed.append(MissingStation(name=station.name, reason=str(error)))
    table = MeasurementTable(
        measurements=tuple(measured), missing=(*stations.missing, *failed), surface_area=surface_area
    )
    return Survey(
        table=table,
        narrowing=_narrowing(table),
        duct=_duct(stations),
        arch=_arch(stations),
        lengths=_lengths(table),
    )


def _inlet(surface: Surface, centerline: Centerline) -> str:
    if centerline.inlet:
        return centerline.inlet
    inlets = [patch for patch in surface.openings if patch.role is Role.INLET]
    if not inlets:
        raise SurfaceError(
            "the surface has no inlet", where="measurements", remedy="set the roles in [[openings]]"
        )
    begin = centerline.points[0]
    return min(inlets, key=lambda patch: float(np.linalg.norm(np.array(patch.centre) - begin))).name


def _find(table: MeasurementTable, *names: str) -> Measurement | None:
    """The first of some stations that was measured."""
    by_name = {measurement.name: measurement for measurement in table.measurements}
    return next((by_name[name] for name in names if name in by_name), None)


def _narrowing(table: MeasurementTable) -> Narrowing | None:
    throat = _find(table, "narrowest")
    proximal = _find(table, "distal_arch", "isthmus", "proximal_arch", "mid_ascending")
    distal = _find(table, "diaphragm", "lowest_section")
    if throat is None or proximal is None or distal is None:
        return None
    return compare_narrowing(
        least=throat.diameters.equivalent,
        proximal=proximal.diameters.equivalent,
        distal=distal.diameters.equivalent,
    )


def _duct(stations: Stations) -> DuctShape | None:
    begin, end = stations.get("duct_aortic"), stations.get("duct_pulmonary")
    if begin is None or end is None:
        return None
    try:
        return duct_shape(measure_course(begin.line, begin=begin.arc, end=end.arc))
    except SurfaceError:  # too short to have a shape
        return None


def _arch(stations: Stations) -> ArchShape | None:
    inlet = stations.get("aortic_inlet")
    try:
        return measure_arch_shape(inlet.line) if inlet is not None else None
    except SurfaceError:  # no arch, or one whose limbs are cut too high
        return None


def _lengths(table: MeasurementTable) -> tuple[tuple[str, str, float], ...]:
    by_vessel: dict[str, list[Measurement]] = {}
    for measurement in table.measurements:
        by_vessel.setdefault(measurement.vessel, []).append(measurement)
    lengths = []
    for group in by_vessel.values():
        ordered = sorted(group, key=lambda measurement: measurement.arc)
        lengths += [
            (one.name, other.name, other.arc - one.arc)
            for one, other in zip(ordered, ordered[1:], strict=False)
        ]
    return tuple(lengths)
