"""What is wrong with a case file, in words for the one who wrote it: one line a problem, with its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hemoplan.case import Case, ClosedCirculation
from hemoplan.patch import Role
from hemoplan.spelling import hint, nearest

_WORDS = {
    "less_than": "out of range; expected less than {lt}",
    "less_than_equal": "out of range; expected at most {le}",
    "greater_than": "out of range; expected more than {gt}",
    "greater_than_equal": "out of range; expected at least {ge}",
    "finite_number": "not a finite number",
    "float_type": "expected a number without a unit",
    "float_parsing": "expected a number without a unit",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "string_type": "expected a text in quotes",
    "path_type": "expected a file name in quotes",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
    "string_pattern_mismatch": "not a name; expected small letters, digits and underscores, a letter first",
    "union_tag_invalid": "unknown kind {tag!r}; expected one of {expected_tags}",
    "union_tag_not_found": "missing key 'kind'; expected one of 'baseline', 'stent', 'patch', 'band', 'ligation'",
    "tuple_type": "expected a list",
    "too_short": "too few entries; expected at least {min_length}",
    "too_long": "too many entries; expected {max_length}",
    "dict_type": "expected a table of keys and values",
    "model_type": "expected a table of keys and values",
    "model_attributes_type": "expected a table of keys and values",
}
"""Pydantic's kinds of error in our words; the braces are filled from the error's context."""


def explain(error: ValidationError, table: Mapping[str, Any]) -> list[str]:
    """One line for each problem of a case file that pydantic has found.

    Args:
        error: What pydantic says.
        table: The content of the file, for the names of list entries.
    """
    found = error.errors()
    unknown = [entry for entry in found if entry["type"] == "extra_forbidden"]
    misspelt = {(*entry["loc"][:-1], _nearest(entry)) for entry in unknown}
    return [
        _explain_one(entry, table)
        for entry in found
        if not (entry["type"] == "missing" and entry["loc"] in misspelt)
    ]


def contradictions(case: Case) -> list[str]:
    """One line for each contradiction between the parts of a case that are valid by themselves."""
    openings = [opening.name for opening in case.openings]
    problems = _repeated("openings", openings) + _repeated("variants", [each.name for each in case.variants])
    problems += _inlet_problems(case)
    proximal, distal = case.comparison.proximal, case.comparison.distal
    references = {
        "patient.cuff.site": case.patient.cuff.site,
        "comparison.proximal": proximal,
        "comparison.distal": distal,
    }
    problems += [_unknown(key, name, openings) for key, name in references.items() if name not in openings]
    if proximal == distal:
        problems.append(f"[comparison] expected two different openings (value: {distal!r} twice)")
    if case.circulation is not None:
        return problems + _circulation_problems(case, case.circulation, openings)
    if case.inflow is None:
        problems.append("[inflow] missing key; expected a flow through the inlet, or a [circulation]")
    outlets = case.outlet_names
    if set(outlets) == set(case.outlets):
        return problems + _fraction_problems(case)
    problems += [_unknown(f"outlets.{name}", name, outlets) for name in case.outlets if name not in outlets]
    problems += [
        f"[outlets.{name}] the outlet has no boundary condition; add 'flow_fraction' or a Windkessel"
        for name in outlets
        if name not in case.outlets
    ]
    return problems


def _repeated(kind: str, names: Sequence[str]) -> list[str]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [f"[{kind}] the name is used twice (value: {name!r})" for name in repeated]


def _unknown(key: str, name: str, known: Sequence[str]) -> str:
    return f"[{key}] unknown opening '{name}'; {hint(name, known)}"


def _inlet_problems(case: Case) -> list[str]:
    inlets = [opening.name for opening in case.openings if opening.role is Role.INLET]
    if case.circulation is None and len(inlets) != 1:
        return [f"[openings] expected exactly one inlet (value: {', '.join(inlets) or 'none'})"]
    if not inlets:
        return ["[openings] expected at least one inlet (value: none)"]
    return []


def _circulation_problems(case: Case, circulation: ClosedCirculation, openings: Sequence[str]) -> list[str]:
    """A closed circulation has a port for each opening, and leaves nothing to prescribe."""
    problems = []
    if case.inflow is not None:
        problems.append("[inflow] expected none beside [circulation], whose heart drives the flow")
    if case.outlets:
        problems.append("[outlets] expected none beside [circulation], which lies behind all openings")
    for name in circulation.ports:
        if name not in openings:
            problems.append(_unknown(f"circulation.ports.{name}", name, openings))
    for name in openings:
        if name not in circulation.ports:
            problems.append(
                f"[circulation.ports.{name}] the opening has no port; expected the compartment that it meets"
            )
    variants = [variant.name for variant in case.variants]
    for name in circulation.surgery:
        if name not in variants:
            problems.append(f"[circulation.surgery.{name}] unknown variant '{name}'; {hint(name, variants)}")
    return problems


def _fraction_problems(case: Case) -> list[str]:
    fractions = [outlet.flow_fraction for outlet in case.outlets.values()]
    known = [fraction for fraction in fractions if fraction is not None]
    if not known:
        return []
    if len(known) < len(fractions):
        return ["[outlets] expected a 'flow_fraction' at every outlet, or a given Windkessel at every outlet"]
    if abs(sum(known) - 1.0) > 1e-3:
        return [f"[outlets] the flow fractions do not add up to one; expected 1 (value: {sum(known):g})"]
    return []


def _explain_one(details: ErrorDetails, table: Mapping[str, Any]) -> str:
    keys = _keys(details["loc"])
    where = ".".join(_label(keys, index, table) for index in range(len(keys))) or "case"
    if details["type"] == "extra_forbidden":
        near = _nearest(details)
        hint = f"did you mean '{near}'?" if near else f"expected one of {', '.join(_siblings(details))}"
        return f"[{where}] unknown key '{keys[-1]}'; {hint}"
    if details["type"] == "missing":
        return f"[{where}] missing entry" if isinstance(keys[-1], int) else f"[{where}] missing key"
    value = details["input"]
    shown = "" if isinstance(value, dict | list) else f" (value: {value!r})"
    return f"[{where}] {_message(details)}{shown}"


def _message(details: ErrorDetails) -> str:
    words = _WORDS.get(details["type"])
    if words is None:
        return details["msg"].removeprefix("Value error, ")
    return words.format(**details.get("ctx", {}))


def _keys(location: Sequence[int | str]) -> list[int | str]:
    """The keys of the file that lead to a place: pydantic's location without the kind of a variant."""
    return [key for index, key in enumerate(location) if (location[0], index) != ("variants", 2)]


def _label(keys: Sequence[int | str], index: int, table: Mapping[str, Any]) -> str:
    """The key, or the name of the list's entry where it has one."""
    key = keys[index]
    if not isinstance(key, int):
        return key
    entry: Any = table
    for part in keys[: index + 1]:
        try:
            entry = entry[part]
        except (KeyError, IndexError, TypeError):
            return str(key)
    return str(entry["name"]) if isinstance(entry, dict) and "name" in entry else str(key)


def _nearest(details: ErrorDetails) -> str:
    """The known key that an unknown one is most like, or nothing."""
    return nearest(str(details["loc"][-1]), _siblings(details))


def _siblings(details: ErrorDetails) -> list[str]:
    """The keys that are known beside an unknown one."""
    model: Any = Case
    for part in details["loc"][:-1]:
        model = _follow(model, part)
    found = list(_models_within(model))
    return sorted(found[0].model_fields) if len(found) == 1 else []


def _follow(model: Any, part: int | str) -> Any:
    """The model or annotation that stands behind one part of a location."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        field = model.model_fields.get(str(part))
        return field.annotation if field is not None else None
    models = list(_models_within(model))
    for candidate in models:
        kind = candidate.model_fields.get("kind")
        if kind is not None and part in get_args(kind.annotation):
            return candidate
    return models[0] if len(models) == 1 else model


def _models_within(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_within(argument)
