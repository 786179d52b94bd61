"""What is known of a child, on disk: TOML, or JSON with the same content.

```toml
name = "girl on day 3"
weight = "3.2 kg"

[targets.heart_rate]
quantity = "heart_rate"
value = "142 /min"

[targets.cuff]
quantity = "pressure"
of = "ascending_aorta"
value = "62/38 (47) mmHg"           # systolic, diastolic and, if known, mean: three targets
method = "cuff"                     # says how uncertain it is, unless `uncertainty` does

[targets.output]
quantity = "flow"
of = "aortic_valve"                 # several connections add up: ["aortic_valve", "ductus_arteriosus"]
value = "215 mL/kg/min +- 10 %"     # or "0.69 +- 0.07 L/min"

[targets.duct]
quantity = "velocity"
of = "ductus_arteriosus"
value = "1.9 m/s"

[targets.shunt]
quantity = "flow_ratio"
of = ["pulmonary_periphery"]
over = ["systemic_periphery"]
value = 1.6
uncertainty = "15 %"

[factors.pulmonary_resistance]      # another spread than the population's
log_sd = 0.7

[factors.venous_compliance]
fixed = true

[factors.coarctation]               # a group of one's own, fitted as one
members = ["isthmus.diameter"]
log_sd = 0.3
```

An uncertainty is one standard deviation. In "%" it is a share of the value, but points of a quantity that is itself a
percentage, such as a saturation.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hemoplan.errors import CalibrationError
from hemoplan.spelling import hint
from hemoplan.units import to_unit
from lumped.bedside.quantities import QUANTITIES, SHOWN, Quantity
from lumped.bedside.targets import Bedside, FactorChange, Target
from lumped.bedside.value_text import Measured, read_measured, read_uncertainty
from lumped.circulation.problems import Problem, problems_error
from lumped.circulation.quantity_text import read_quantity

type Table = Mapping[str, Any]

_TARGET_KEYS = ("quantity", "of", "value", "uncertainty", "method", "statistic", "minus", "over")
_FACTOR_KEYS = ("log_sd", "members", "fixed")


def read_bedside(path: Path) -> Bedside:
    """Read what is known of a child.

    Raises:
        CalibrationError: One error that lists every problem of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError("cannot read the bedside file", where=str(path), value=error) from None
    try:
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        language = "JSON" if path.suffix == ".json" else "TOML"
        raise CalibrationError(
            f"the bedside file is not valid {language}", where=str(path), value=error
        ) from None
    if not isinstance(table, dict):
        raise CalibrationError(
            "the bedside file has no keys", where=str(path), expected="an object of names and values"
        )
    return bedside_from_table(table, str(path))


def bedside_from_table(table: Table, origin: str = "bedside") -> Bedside:
    """What the table of a file says.

    Raises:
        CalibrationError: One error that lists every problem.
    """
    reader = _Reader()
    bedside = reader.bedside(table, origin)
    if reader.problems:
        raise problems_error(CalibrationError, "the bedside file", origin, reader.problems)
    return bedside


class _Reader:
    """Reads keys and remembers what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.weight: float | None = None

    def bedside(self, table: Table, origin: str) -> Bedside:
        self.only(table, (), ("name", "weight", "targets", "factors"))
        self.weight = self.read_weight(table)
        targets = [
            target
            for name, each in self.tables(table, "targets").items()
            for target in self.targets(name, each)
        ]
        if not self.tables(table, "targets"):
            self.problem(("targets",), "there is no target; expected at least one, such as [targets.cuff]")
        return Bedside(
            name=str(table.get("name", "child")),
            targets=tuple(targets),
            weight=self.weight,
            factors=tuple(self.factor(name, each) for name, each in self.tables(table, "factors").items()),
            origin=origin,
        )

    def read_weight(self, table: Table) -> float | None:
        if "weight" not in table:
            return None
        try:
            weight = read_quantity(table["weight"], "kg")
        except ValueError as error:
            self.problem(("weight",), f"{error} (value: {table['weight']!r})")
            return None
        if not 0.3 <= weight <= 200.0:
            self.problem(("weight",), f"out of range; expected 0.3 to 200 kg (value: {table['weight']!r})")
        return weight

    def targets(self, name: str, table: Table) -> list[Target]:
        """The targets of one entry: one, or one for each of its pressures."""
        place = ("targets", name)
        quantity = self.quantity(place, table)
        if quantity is None:
            return []
        seconds = (quantity.second,) if quantity.second else ()
        known = [key for key in _TARGET_KEYS if key not in ("minus", "over") or key in seconds]
        self.only(table, place, known)
        method = self.choice(place, table, "method", quantity.methods)
        of = self.names(place, table, "of", quantity.place != "nowhere")
        second = self.names(place, table, quantity.second, True) if quantity.second else ()
        measured = self.measured(place, table, quantity)
        found = []
        for statistic, value in measured.values.items():
            chosen = statistic or self.choice(place, table, "statistic", quantity.statistics)
            sigma, source = self.sigma(place, table, quantity, measured, value, chosen, method)
            found.append(
                Target(
                    name=f"{name}.{statistic}" if statistic else name,
                    quantity=table["quantity"],
                    value=value,
                    sigma=sigma,
                    of=of,
                    second=second,
                    statistic=chosen,
                    method=method,
                    source=source,
                )
            )
        return found

    def quantity(self, place: tuple[str, ...], table: Table) -> Quantity | None:
        name = table.get("quantity")
        if name is None:
            self.problem((*place, "quantity"), f"missing; expected one of {', '.join(QUANTITIES)}")
            return None
        if name not in QUANTITIES:
            self.problem((*place, "quantity"), f"unknown quantity '{name}'; {hint(str(name), QUANTITIES)}")
            return None
        return QUANTITIES[name]

    def measured(self, place: tuple[str, ...], table: Table, quantity: Quantity) -> Measured:
        """The value, within the range of its quantity."""
        if "value" not in table:
            self.problem((*place, "value"), f'missing; expected a text with a unit such as "{quantity.unit}"')
            return Measured({})
        written = table["value"]
        try:
            measured = read_measured(written, quantity.unit, weight=self.weight)
        except ValueError as error:
            self.problem((*place, "value"), f"{error} (value: {written!r})")
            return Measured({})
        for value in measured.values.values():
            number = value if quantity.unit == "1" else to_unit(value, quantity.unit)
            if not quantity.low <= number <= quantity.high:
                unit = SHOWN.get(quantity.unit, quantity.unit)
                text = f"out of range; expected {quantity.low:g} to {quantity.high:g} {unit}".rstrip()
                self.problem((*place, "value"), f"{text} (value: {written!r})")
        if "" not in measured.values and "statistic" in table:
            self.problem((*place, "statistic"), "the value already says systolic, diastolic and mean")
        return measured

    def sigma(
        self,
        place: tuple[str, ...],
        table: Table,
        quantity: Quantity,
        measured: Measured,
        value: float,
        statistic: str,
        method: str,
    ) -> tuple[float, str]:
        """One standard deviation [SI] and why: from the value's text, from its own key, or from the method."""
        said = measured
        if "uncertainty" in table:
            if measured.sigma is not None or measured.share is not None:
                self.problem((*place, "uncertainty"), "the value already says its uncertainty")
            try:
                said = read_uncertainty(table["uncertainty"], quantity.unit, weight=self.weight)
            except ValueError as error:
                self.problem((*place, "uncertainty"), f"{error} (value: {table['uncertainty']!r})")
        if said.sigma is not None:
            return said.sigma, "given"
        share_of = said.share
        if share_of is None:
            usual = quantity.methods.get(method)
            if usual is None:
                return 1.0, ""
            sigma, source = usual.sigma(value, statistic), usual.source
        else:
            sigma, source = share_of * abs(value), "given"
        if not sigma > 0.0:
            text = "a share of zero is no uncertainty; give one with a unit"
            self.problem((*place, "uncertainty"), f"{text} (value: {table['value']!r})")
        return sigma, source

    def choice(self, place: tuple[str, ...], table: Table, key: str, known: Iterable[str]) -> str:
        """One of the known words; the first if none is said."""
        words = list(known)
        said = table.get(key, words[0])
        if said not in words:
            expected = hint(str(said), [each for each in words if each])
            self.problem((*place, key), f"unknown {key} '{said}'; {expected}")
            return words[0]
        return str(said)

    def names(self, place: tuple[str, ...], table: Table, key: str, needed: bool) -> tuple[str, ...]:
        """One name or a list of them."""
        value = table.get(key, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.problem((*place, key), "expected a name or a list of names")
            return ()
        if needed and not value:
            self.problem((*place, key), "missing; expected a name of the circulation or a list of them")
        if not needed and value:
            self.problem((*place, key), "this quantity is of the whole child; leave it out")
        return tuple(value)

    def factor(self, name: str, table: Table) -> FactorChange:
        place = ("factors", name)
        self.only(table, place, _FACTOR_KEYS)
        log_sd = table.get("log_sd")
        if log_sd is not None and (
            isinstance(log_sd, bool) or not isinstance(log_sd, int | float) or not 0.0 < log_sd <= 3.0
        ):
            self.problem((*place, "log_sd"), f"expected a number above 0, at most 3 (value: {log_sd!r})")
            log_sd = None
        fixed = table.get("fixed", False)
        if not isinstance(fixed, bool):
            self.problem((*place, "fixed"), "expected true or false")
        members = []
        named = self.names(place, table, "members", True) if "members" in table else ()
        for each in named:
            block, _, parameter = each.partition(".")
            if not parameter:
                self.problem((*place, "members"), f"expected 'block.parameter' (value: {each!r})")
            members.append((block, parameter))
        return FactorChange(
            name=name,
            log_sd=None if log_sd is None else float(log_sd),
            members=tuple(members),
            fixed=fixed is True,
        )

    def tables(self, table: Table, key: str) -> dict[str, Table]:
        """Tables in a table."""
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.problem((key,), "expected tables, one for each name")
            return {}
        found: dict[str, Table] = {}
        for name, each in value.items():
            if isinstance(each, dict):
                found[name] = each
            else:
                self.problem((key, name), "expected a table of keys and values")
        return found

    def only(self, table: Table, place: tuple[str, ...], known: Iterable[str]) -> None:
        words = list(known)
        for key in table:
            if key not in words:
                self.problem((*place, key), f"unknown key '{key}'; {hint(key, words)}")

    def problem(self, place: tuple[str, ...], text: str) -> None:
        problem = Problem(place, text)
        if problem not in self.problems:
            self.problems.append(problem)
