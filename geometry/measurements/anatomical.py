"""Anatomical stations: places to measure at, and those that a model lacks, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geometry.centerlines.centerline import Line
from geometry.measurements.definitions import DEFINITIONS, Definition


class Seek(StrEnum):
    """Which section a station is within its window."""

    HERE = "here"
    LEAST = "least"
    GREATEST = "greatest"
    CLEAR = "clear"
    """The first one, from the window's first arc length to its last, that opens into no other vessel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomicalStation:
    """A place to measure at.

    Attributes:
        name: Its name in `DEFINITIONS`.
        line: The way along the vessel that it lies on.
        arc: Arc length on that way [m].
        window: First and last arc length between which a section is sought [m].
        seek: Which section; by default the one at `arc`.
        note: What a reader must know of it; nothing if all is as defined.
    """

    name: str
    line: Line
    arc: float
    window: tuple[float, float]
    seek: Seek = Seek.HERE
    note: str = ""

    @property
    def definition(self) -> Definition:
        """Where it lies, in a sentence, and whose level it is."""
        return DEFINITIONS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingStation:
    """A station that this model does not have, or that cannot be found, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stations:
    """What was found and what was not."""

    found: tuple[AnatomicalStation, ...]
    missing: tuple[MissingStation, ...]

    def get(self, name: str) -> AnatomicalStation | None:
        """The station of a name; None where it is missing."""
        return next((station for station in self.found if station.name == name), None)


def here(name: str, line: Line, arc: float, *, note: str = "") -> AnatomicalStation:
    """A station at an arc length."""
    return AnatomicalStation(name=name, line=line, arc=arc, window=(arc, arc), note=note)


def absent(name: str, reason: str) -> MissingStation:
    """A station that is not there."""
    return MissingStation(name=name, reason=reason)


def gather(*places: AnatomicalStation | MissingStation) -> Stations:
    """Stations in the order of their definitions."""
    order = {name: number for number, name in enumerate(DEFINITIONS)}
    places = tuple(sorted(places, key=lambda place: order[place.name]))
    return Stations(
        found=tuple(place for place in places if isinstance(place, AnatomicalStation)),
        missing=tuple(place for place in places if isinstance(place, MissingStation)),
    )
