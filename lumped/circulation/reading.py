"""From the table of a circulation's file to the circulation: spelling, units, missing keys; all problems together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from hemoplan.waveform import Waveform
from lumped.blocks.record import Blood, Kind, Parameter
from lumped.circulation.graph import (
    Activation,
    Circulation,
    Compartment,
    Connection,
    Coupling,
    GasExchange,
    Port,
    Regulation,
    Surrounding,
)
from lumped.circulation.kinds import CATALOGUES, GIVEN_BY_WAVEFORM
from lumped.circulation.own_parameters import (
    BLOOD,
    GAS,
    PERIOD,
    PRESSURE,
    RATE_UNIT,
    VOLUME,
    WAVEFORM_UNITS,
    WEIGHT,
)
from lumped.circulation.problems import Problem
from lumped.circulation.quantity_text import read_quantity
from lumped.circulation.table import Table

type Place = tuple[str, ...]

GROUPS = ("surroundings", "activations", "couplings", "compartments", "connections", "ports", "regulations")
TOP_KEYS = ("name", "description", "heart_rate", "period", "weight", "blood", "gas", *GROUPS)
STRUCTURE: Mapping[str, tuple[str, ...]] = {
    "surroundings": ("pressure", "waveform", "driven"),
    "activations": (),
    "couplings": ("members", "activation", "surroundings"),
    "compartments": ("activation", "surroundings", "septum", "volume", "waveform"),
    "connections": ("from", "to", "surroundings", "waveform"),
    "ports": ("node", "drive"),
    "regulations": ("senses", "acts_on"),
}
"""Keys of a block beside its kind and its parameters."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_STAND_IN_PERIOD = 1.0


def from_table(table: Table, origin: str) -> tuple[Circulation, list[Problem]]:
    """A circulation, and what is wrong with the spelling of its table.

    Where there are problems, the circulation lacks what could not be read; numbers and graph are not checked here.
    """
    reader = _Reader()
    circulation = reader.circulation(table, origin)
    return circulation, reader.problems


class _Reader:
    """Reads keys and remembers what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def circulation(self, table: Table, origin: str) -> Circulation:
        self.only(table, (), TOP_KEYS)
        period = self.period(table)
        weight = self.number(table, ("weight",), WEIGHT.unit)
        groups = {group: self.group(table, group) for group in GROUPS}
        return Circulation(
            name=self.text(table, ("name",)),
            description=self.text(table, ("description",), needed=False),
            period=period,
            weight=3.5 if weight is None else weight,
            blood=self.blood(table),
            gas=self.gas(table) if "gas" in table else None,
            surroundings=tuple(self.surrounding(n, t, period) for n, t in groups["surroundings"].items()),
            activations=tuple(self.activation(n, t) for n, t in groups["activations"].items()),
            couplings=tuple(self.coupling(n, t) for n, t in groups["couplings"].items()),
            compartments=tuple(self.compartment(n, t, period) for n, t in groups["compartments"].items()),
            connections=tuple(self.connection(n, t, period) for n, t in groups["connections"].items()),
            ports=tuple(self.port(n, t) for n, t in groups["ports"].items()),
            regulations=tuple(self.regulation(n, t) for n, t in groups["regulations"].items()),
            origin=origin,
        )

    def period(self, table: Table) -> float:
        """Of the beat, from the one of two keys that says it."""
        if "heart_rate" in table and "period" in table:
            self.problem(("heart_rate",), "both 'heart_rate' and 'period'; leave out one of them")
        if "period" in table:
            period = self.number(table, ("period",), PERIOD.unit)
            return _STAND_IN_PERIOD if period is None else period
        rate = self.number(table, ("heart_rate",), RATE_UNIT)
        if rate is not None and not rate > 0.0:
            self.problem(
                ("heart_rate",),
                f"the heart must beat; expected 20 to 400 {RATE_UNIT} (value: {table['heart_rate']!r})",
            )
        return 1.0 / rate if rate is not None and rate > 0.0 else _STAND_IN_PERIOD

    def blood(self, table: Table) -> Blood:
        block = self.table(table, ("blood",))
        self.only(block, ("blood",), (each.name for each in BLOOD))
        return Blood(**self.given(block, ("blood",), BLOOD))

    def gas(self, table: Table) -> GasExchange:
        block, place = self.table(table, ("gas",)), ("gas",)
        self.only(block, place, (*(each.name for each in GAS), "consumers", "lungs", "placentas"))
        shares = self.table(block, (*place, "consumers"))
        consumers = {name: self.number(shares, (*place, "consumers", name), "1") or 0.0 for name in shares}
        return GasExchange(
            consumers=consumers,
            lungs=self.names(block, (*place, "lungs")),
            placentas=self.names(block, (*place, "placentas")),
            **self.given(block, place, GAS),
        )

    def group(self, table: Table, group: str) -> dict[str, Table]:
        """The blocks of a group by name, with keys that they can have."""
        blocks: dict[str, Table] = {}
        for name, block in self.table(table, (group,)).items():
            if not _NAME.fullmatch(name):
                self.problem(
                    (group, name),
                    "not a name; expected small letters, digits and underscores, a letter first",
                )
            if isinstance(block, dict):
                blocks[name] = block
            else:
                self.problem((group, name), "expected a table of keys and values")
        return blocks

    def surrounding(self, name: str, block: Table, period: float) -> Surrounding:
        place = ("surroundings", name)
        self.only(block, place, STRUCTURE["surroundings"])
        given = [key for key in STRUCTURE["surroundings"] if key in block]
        if len(given) != 1:
            self.problem(place, "expected one of 'pressure', 'waveform', 'driven = true'")
        driven = block.get("driven", False)
        if not isinstance(driven, bool) or ("driven" in block and not driven):
            self.problem((*place, "driven"), "expected true, or a 'pressure' in its place")
        return Surrounding(
            name=name,
            pressure=self.number(block, (*place, "pressure"), PRESSURE.unit, 0.0) or 0.0,
            waveform=self.waveform(block, place, period),
            driven=driven is True,
        )

    def activation(self, name: str, block: Table) -> Activation:
        kind, parameters = self.parameters("activations", name, block)
        return Activation(name=name, kind=kind, parameters=parameters)

    def coupling(self, name: str, block: Table) -> Coupling:
        place = ("couplings", name)
        kind, parameters = self.parameters("couplings", name, block)
        if "members" not in block:
            self.problem((*place, "members"), "missing; expected a list of compartments")
        return Coupling(
            name=name,
            kind=kind,
            members=self.names(block, (*place, "members")),
            parameters=parameters,
            activation=self.text(block, (*place, "activation"), needed=False),
            surroundings=self.text(block, (*place, "surroundings"), needed=False),
        )

    def compartment(self, name: str, block: Table, period: float) -> Compartment:
        place = ("compartments", name)
        kind, parameters = self.parameters("compartments", name, block)
        holds = kind not in ("junction", "reservoir", "")
        volume = self.number(block, (*place, "volume"), VOLUME.unit, None if holds else 0.0)
        return Compartment(
            name=name,
            kind=kind,
            parameters=parameters,
            activation=self.text(block, (*place, "activation"), needed=False),
            surroundings=self.text(block, (*place, "surroundings"), needed=False),
            septum=self.text(block, (*place, "septum"), needed=False),
            volume=volume or 0.0,
            waveform=self.waveform(block, place, period),
        )

    def connection(self, name: str, block: Table, period: float) -> Connection:
        place = ("connections", name)
        kind, parameters = self.parameters("connections", name, block)
        return Connection(
            name=name,
            kind=kind,
            source=self.text(block, (*place, "from")),
            target=self.text(block, (*place, "to")),
            parameters=parameters,
            surroundings=self.text(block, (*place, "surroundings"), needed=False),
            waveform=self.waveform(block, place, period),
        )

    def port(self, name: str, block: Table) -> Port:
        place = ("ports", name)
        self.only(block, place, STRUCTURE["ports"])
        drive = self.text(block, (*place, "drive"), needed=False) or "flow"
        if drive not in ("flow", "pressure"):
            self.problem((*place, "drive"), f"unknown drive '{drive}'; {hint(drive, ('flow', 'pressure'))}")
        return Port(
            name=name,
            node=self.text(block, (*place, "node")),
            drive="pressure" if drive == "pressure" else "flow",
        )

    def regulation(self, name: str, block: Table) -> Regulation:
        place = ("regulations", name)
        kind, parameters = self.parameters("regulations", name, block)
        return Regulation(
            name=name,
            kind=kind,
            senses=self.text(block, (*place, "senses"), needed=False),
            acts_on=self.names(block, (*place, "acts_on")),
            parameters=parameters,
        )

    def parameters(self, group: str, name: str, block: Table) -> tuple[str, dict[str, float]]:
        """Name of a block's kind, and its parameters; an unknown kind has none."""
        place = (group, name)
        kind_name = self.text(block, (*place, "kind"))
        kind = CATALOGUES[group].get(kind_name)
        if kind is None:
            if kind_name:
                self.problem(
                    (*place, "kind"), f"unknown kind '{kind_name}'; {hint(kind_name, CATALOGUES[group])}"
                )
            return "", {}
        self.only(block, place, ("kind", *_structure(group, kind), *(each.name for each in kind.parameters)))
        values = self.given(block, place, kind.parameters)
        return kind_name, values

    def given(self, block: Table, place: Place, parameters: Iterable[Parameter]) -> dict[str, float]:
        """Those of some parameters that are there and can be read, in SI."""
        values = {}
        for each in parameters:
            if each.name in block:
                value = self.number(block, (*place, each.name), each.unit)
                if value is not None:
                    values[each.name] = value
        return values

    def waveform(self, block: Table, place: Place, period: float) -> Waveform | None:
        """A signal over the beat, given at shares of it."""
        if "waveform" not in block:
            return None
        place = (*place, "waveform")
        table = self.table(block, place)
        self.only(table, place, ("shares", "values", "unit"))
        unit = self.text(table, (*place, "unit"))
        shares, values = self.numbers(table, (*place, "shares")), self.numbers(table, (*place, "values"))
        if shares is None or values is None or not unit:
            return None
        try:
            factor = read_quantity(f"1 {unit}", WAVEFORM_UNITS[place[0]])
        except ValueError as error:
            self.problem((*place, "unit"), f"{error} (value: {unit!r})")
            return None
        if shares.size and not (0.0 <= shares.min() and shares.max() < 1.0):
            self.problem(
                (*place, "shares"),
                "they leave the beat; expected increasing numbers from 0 to below 1; the first value follows the last",
            )
            return None
        if not period > 0.0:
            return None
        try:
            return Waveform(shares * period, values * factor, period)
        except CaseError as error:
            self.problem(place, f"{error.what} (value: {error.value})")
            return None

    def problem(self, place: Place, text: str) -> None:
        self.problems.append(Problem(place, text))

    def only(self, table: Table, place: Place, known: Iterable[str]) -> None:
        """Refuse other keys."""
        names = tuple(known)
        for key in table:
            if key not in names:
                self.problem((*place, key), f"unknown key '{key}'; {hint(key, names)}")

    def table(self, table: Table, place: Place) -> Table:
        value = table.get(place[-1], {})
        if isinstance(value, dict):
            return value
        self.problem(place, "expected a table of keys and values")
        return {}

    def text(self, table: Table, place: Place, *, needed: bool = True) -> str:
        value = table.get(place[-1])
        if value is None:
            if needed and not self.misspelt(table, place):
                self.problem(place, f"missing key '{place[-1]}'")
            return ""
        if isinstance(value, str):
            return value.strip()
        self.problem(place, f"expected a text in quotes (value: {value!r})")
        return ""

    def number(self, table: Table, place: Place, unit: str, default: float | None = None) -> float | None:
        """A quantity in SI; None where it cannot be read."""
        if place[-1] not in table:
            if default is None and not self.misspelt(table, place):
                example = "" if unit == "1" else f'; expected a text with a unit, such as "1 {unit}"'
                self.problem(place, f"missing key '{place[-1]}'{example}")
            return default
        value = table[place[-1]]
        try:
            return read_quantity(value, unit)
        except ValueError as error:
            self.problem(place, f"{error} (value: {value!r})")
            return None

    def numbers(self, table: Table, place: Place) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        values = table.get(place[-1])
        if isinstance(values, list) and all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in values
        ):
            return np.array(values, dtype=np.float64)
        self.problem(place, "expected a list of numbers")
        return None

    def names(self, table: Table, place: Place) -> tuple[str, ...]:
        """A list of names; empty where there is none."""
        names = table.get(place[-1], [])
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            return tuple(names)
        self.problem(place, "expected a list of names")
        return ()

    def misspelt(self, table: Table, place: Place) -> bool:
        """Whether an unknown key was reported whose hint is this one."""
        return any(
            problem.place[:-1] == place[:-1] and problem.text.endswith(f"did you mean '{place[-1]}'?")
            for problem in self.problems
        )


def _structure(group: str, kind: Kind) -> tuple[str, ...]:
    """Keys of a block that are no parameters and that its kind can have."""
    return tuple(key for key in STRUCTURE[group] if key != "waveform" or kind.name in GIVEN_BY_WAVEFORM)
