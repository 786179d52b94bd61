"""Circulations on disk: TOML or JSON, written to be read by people.

```toml
extends = "term_newborn"  # an anatomy that ships with hemoplan, or another file; the rest says what differs
remove = ["foramen"]      # parts that this one does not have
surgery = ["ligate duct", "band main_pulmonary_artery 5 mm"]  # edits, in this order, after everything else

name = "banded newborn"
heart_rate = "130 /min"
weight = "3.5 kg"

[surroundings.pleura]
pressure = "-3 mmHg"
# or waveform = { shares = [0.0, 0.5], values = [-2, -4], unit = "mmHg" }, or driven = true

[activations.ventricles]
kind = "sine_squared"
duration = "0.16 s"

[compartments.left_ventricle]
kind = "elastance_chamber"
activation = "ventricles"
surroundings = "pleura"
diastolic_elastance = "2.6 mmHg/mL"
systolic_elastance = "53 mmHg/mL"
volume = "5 mL"  # of blood at the start

[connections.mitral_valve]
kind = "valve"
from = "left_atrium"
to = "left_ventricle"
resistance = "0.12 mmHg*s/mL"
```

Every number that has a dimension is a text with its unit. `couplings` have a list `members`; `ports` a `node` and a
`drive`; `regulations` say what one `senses` and `acts_on`; `gas` has its numbers, `consumers` with their shares, and
lists `lungs` and `placentas`. A block of the base that this file names with another `kind` loses its parameters and
keeps its place in the graph.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from hemoplan.errors import BoundaryError, CaseError, HemoplanError
from hemoplan.spelling import hint
from lumped.circulation.check import graph_problems
from lumped.circulation.graph import Circulation
from lumped.circulation.kinds import CATALOGUES
from lumped.circulation.library import anatomies, anatomy_path
from lumped.circulation.operations import apply
from lumped.circulation.parameter_check import parameter_problems
from lumped.circulation.problems import Problem, problems_error
from lumped.circulation.reading import GROUPS, STRUCTURE, from_table
from lumped.circulation.table import Table, to_table

_INSTEAD = ({"pressure", "waveform", "driven"}, {"flow", "waveform"}, {"heart_rate", "period"})
"""Keys that stand in each other's place."""


def read_circulation(path: Path) -> Circulation:
    """Read a circulation from TOML, or from JSON with the same content.

    Raises:
        CaseError: One error that lists every problem of the file's spelling and of what it describes.
        BoundaryError: The spelling is right, and what it describes makes no sense.
        VariantError: A step of its surgery cannot be made.
    """
    return _read(path, ())


def circulation_from(table: Table, path: Path) -> Circulation:
    """A circulation from what its file would hold; `path` stands for that file, and names are relative to it.

    Raises:
        CaseError, BoundaryError, VariantError: As of `read_circulation`.
    """
    return _understood(dict(table), path, ())


def load_anatomy(name: str) -> Circulation:
    """A circulation that ships with hemoplan, by its name.

    Raises:
        CaseError: There is none of this name.
    """
    return read_circulation(anatomy_path(name))


def write_circulation(path: Path, circulation: Circulation) -> None:
    """Write a circulation, so that `read_circulation` gives an equal one: JSON if the name ends so, else TOML.

    Raises:
        BoundaryError: It makes no sense, and could not be read again.
    """
    problems = [*parameter_problems(circulation), *graph_problems(circulation)]
    if problems:
        raise problems_error(BoundaryError, "the circulation", circulation.name, problems)
    table = to_table(circulation)
    text = (
        json.dumps(table, indent=1) + "\n"
        if path.suffix == ".json"
        else tomli_w.dumps(table, multiline_strings=True)
    )
    path.write_text(text, encoding="utf-8")


def _read(path: Path, derived: tuple[Path, ...]) -> Circulation:
    """Read a file that those in `derived` extend, one the next."""
    return _understood(_load(path), path, derived)


def _understood(table: Table, path: Path, derived: tuple[Path, ...]) -> Circulation:
    """What the table of a file says; it is emptied of its edits."""
    base = table.pop("extends", None)
    removed, steps = table.pop("remove", []), table.pop("surgery", [])
    _check_edits(path, base, removed, steps)
    if base is not None:
        table = _extended(path, table, base, removed, (*derived, path.resolve()))
    circulation, spelling = from_table(table, str(path))
    described = [*parameter_problems(circulation), *graph_problems(circulation)]
    problems = spelling + [each for each in described if not _follows(each, spelling)]
    if problems:
        error = CaseError if spelling else BoundaryError
        raise problems_error(error, "the circulation", str(path), problems)
    try:
        return apply(circulation, *steps)
    except HemoplanError as error:
        where = f"{path}: surgery: {error.where}"
        raise type(error)(
            error.what, where=where, value=error.value, expected=error.expected, remedy=error.remedy
        ) from None


def _follows(problem: Problem, spelling: Sequence[Problem]) -> bool:
    """Whether a problem is there only since something in the same block could not be read."""
    return any(
        other.place == problem.place
        or (
            other.place[:2] == problem.place[:2]
            and (problem.place[-1] == "kind" or other.text.endswith(f"did you mean '{problem.place[-1]}'?"))
        )
        for other in spelling
    )


def _load(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(
            "cannot read the circulation",
            where=str(path),
            value=error,
            expected=f"a TOML or JSON file, or one of the anatomies {', '.join(anatomies())}",
        ) from None
    try:
        if path.suffix == ".json":
            return _object(json.loads(text, object_pairs_hook=_object_of_pairs))
        return tomllib.loads(text)
    except ValueError as error:
        language = "JSON" if path.suffix == ".json" else "TOML"
        raise CaseError(
            f"the file of the circulation is not valid {language}",
            where=str(path),
            value=error,
            remedy="check that line for a missing quote, bracket or equals sign, or for a name that is there twice",
        ) from None


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> Table:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"the name '{twice}' is there twice")
    return dict(pairs)


def _object(value: Any) -> Table:
    if not isinstance(value, dict):
        raise ValueError("not an object of names and values")
    return value


def _check_edits(path: Path, base: object, removed: object, steps: object) -> None:
    """Refuse edits of a form that cannot be read."""
    problems = []
    if base is not None and not isinstance(base, str):
        problems.append(Problem(("extends",), "expected the name of an anatomy or of a file, in quotes"))
    if not isinstance(removed, list) or not all(isinstance(each, str) for each in removed):
        problems.append(Problem(("remove",), "expected a list of names"))
    if removed and base is None:
        problems.append(Problem(("remove",), "there is nothing to remove from; add 'extends'"))
    if not isinstance(steps, list) or not all(isinstance(each, str) for each in steps):
        problems.append(Problem(("surgery",), 'expected a list of texts, such as ["ligate duct"]'))
    if problems:
        raise problems_error(CaseError, "the circulation", str(path), problems)


def _extended(
    path: Path, changes: Table, base: str, removed: Sequence[str], chain: tuple[Path, ...]
) -> Table:
    """The table of the base with what this file removes and changes."""
    below = path.parent / base if base.endswith((".toml", ".json")) else anatomy_path(base, where=str(path))
    if below.resolve() in chain:
        raise CaseError("the circulation extends itself", where=f"{path}: extends", value=base)
    table = to_table(_read(below, chain))
    for name in removed:
        owners = [group for group in GROUPS if name in table.get(group, {})]
        if not owners:
            known = [each for group in GROUPS for each in table.get(group, {})]
            raise CaseError(
                f"there is no part '{name}' to remove; {hint(name, known)}", where=f"{path}: remove"
            )
        for group in owners:
            del table[group][name]
    return _merged(table, changes)


def _merged(table: Table, changes: Table) -> Table:
    """Changes laid over a table, block by block."""
    merged = _without_replaced(table, changes) | {
        key: value for key, value in changes.items() if key not in GROUPS
    }
    for section in ("blood", "gas"):
        if isinstance(changes.get(section), dict) and section in table:
            merged[section] = table[section] | changes[section]
    for group in GROUPS:
        blocks = changes.get(group)
        if not isinstance(blocks, dict):
            if blocks is not None:
                merged[group] = blocks
            continue
        merged[group] = dict(table.get(group, {}))
        for name, block in blocks.items():
            old = merged[group].get(name)
            both = isinstance(old, dict) and isinstance(block, dict)
            merged[group][name] = _changed_block(group, old, block) if both else block
    return merged


def _changed_block(group: str, old: Table, block: Table) -> Table:
    """A block of the base with other values; with another kind it keeps its place and drops its parameters."""
    kept = _without_replaced(old, block)
    if group in CATALOGUES and block.get("kind", old["kind"]) != old["kind"]:
        kept = {key: value for key, value in kept.items() if key in STRUCTURE[group] and key != "waveform"}
    return kept | block


def _without_replaced(table: Table, changes: Mapping[str, Any]) -> Table:
    """A table without the keys in whose place a change stands."""
    replaced = {key for keys in _INSTEAD if keys & set(changes) for key in keys}
    return {key: value for key, value in table.items() if key not in replaced}
