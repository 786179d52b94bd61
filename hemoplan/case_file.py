"""Reading case files: TOML, overrides, profiles, and errors that name the file, the key and what was expected."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hemoplan.case import Case
from hemoplan.errors import CaseError
from hemoplan.patch import Role

type Table = dict[str, Any]


def load_case(path: Path, overrides: Sequence[str] = (), profile: str | None = None) -> Case:
    """Read a case file and check all of it.

    Args:
        path: The TOML file, or the folder that holds a `case.toml`.
        overrides: Texts such as `mesh.size="0.8 mm"` or `variants.stent.diameter="6 mm"`; the last one wins.
        profile: Name of a table `[profiles.NAME]` whose keys are applied before the overrides.

    Raises:
        CaseError: One error that lists every problem found.
    """
    path = case_path(path)
    table = _read_toml(path)
    profiles = table.pop("profiles", {})
    if profile is not None:
        _apply_profile(table, profiles, profile, where=str(path))
    for override in overrides:
        _apply_override(table, override)
    try:
        case = Case.model_validate(table)
    except ValidationError as error:
        raise _explain(error, path, table) from None
    _check_names(case, path)
    return case


def case_path(path: Path) -> Path:
    """The TOML file that a user means by a file or a folder.

    Raises:
        CaseError: There is no such file.
    """
    target = path / "case.toml" if path.is_dir() else path
    if not target.is_file():
        raise CaseError(
            "there is no such case file",
            where=str(target),
            expected="a case.toml, or a folder that holds one",
            remedy="try `hemoplan run cases/neonatal_coarctation`",
        )
    return target


def case_schema() -> str:
    """JSON Schema of case files, for editors that complete and check TOML."""
    return json.dumps(Case.model_json_schema(mode="validation"), indent=1) + "\n"


def _read_toml(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError("the case file is not valid TOML", where=str(path), value=error) from None


def _apply_profile(table: Table, profiles: Any, profile: str, *, where: str) -> None:
    if not isinstance(profiles, dict) or profile not in profiles:
        raise CaseError(
            "there is no such profile",
            where=where,
            value=profile,
            expected=f"one of {', '.join(sorted(profiles)) or 'none: the file has no [profiles.NAME] table'}",
        )
    _merge(table, profiles[profile])


def _merge(table: Table, changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value


def _apply_override(table: Table, override: str) -> None:
    key, separator, text = override.partition("=")
    keys = [part.strip() for part in key.split(".")]
    if not separator or not all(keys):
        raise CaseError(
            "cannot read the override",
            where="--set",
            value=override,
            expected='key=value with the key\'s path, such as --set mesh.size="0.8 mm"',
        )
    target: Any = table
    for part in keys[:-1]:
        target = _descend(target, part, override)
    if not isinstance(target, dict):
        raise CaseError("the override's key leads to no table", where="--set", value=override)
    target[keys[-1]] = _parse_value(text.strip())


def _descend(target: Any, part: str, override: str) -> Any:
    if isinstance(target, list):
        for entry in target:
            if isinstance(entry, dict) and entry.get("name") == part:
                return entry
        names = ", ".join(str(entry.get("name")) for entry in target if isinstance(entry, dict))
        raise CaseError("unknown name in the override", where="--set", value=override, expected=f"one of {names}")
    if not isinstance(target, dict):
        raise CaseError("the override's key leads to no table", where="--set", value=override)
    return target.setdefault(part, {})


def _parse_value(text: str) -> Any:
    """A TOML value, or the text itself, since shells take quotes away."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: ValidationError, path: Path, table: Table) -> CaseError:
    problems = [_explain_one(details, table) for details in error.errors()]
    lines = "".join(f"\n  {problem}" for problem in problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return CaseError(f"the case file has {count}:{lines}", where=str(path))


def _explain_one(details: ErrorDetails, table: Table) -> str:
    keys = [key for key in details["loc"] if key not in ("baseline", "stent", "patch") or not _is_tag(key, details, table)]
    where = ".".join(_label(keys, index, table) for index in range(len(keys))) or "case"
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        known = _known_keys(details["loc"][:-1])
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
        return f"[{where}] unknown key '{keys[-1]}'; {hint}"
    if details["type"] == "missing":
        return f"[{where}] missing key"
    value = details["input"]
    shown = "" if isinstance(value, dict | list) else f" (value: {value!r})"
    return f"[{where}] {message}{shown}"


def _is_tag(key: Any, details: ErrorDetails, table: Table) -> bool:
    """Whether a location part is pydantic's tag of a union rather than a key of the file."""
    location = list(details["loc"])
    return len(location) > 2 and location[0] == "variants" and location.index(key) == 2


def _label(keys: Sequence[Any], index: int, table: Table) -> str:
    """The key, or the name of the list's entry where it has one."""
    key = keys[index]
    if not isinstance(key, int):
        return str(key)
    entry: Any = table
    for part in keys[: index + 1]:
        try:
            entry = entry[part]
        except (KeyError, IndexError, TypeError):
            return str(key)
    return str(entry["name"]) if isinstance(entry, dict) and "name" in entry else str(key)


def _known_keys(location: Iterable[Any]) -> list[str]:
    """The keys that the model at a location accepts."""
    model: Any = Case
    for part in location:
        model = _follow(model, part)
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _follow(model: Any, part: Any) -> Any:
    """The model that stands behind one part of a location."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        field = model.model_fields.get(part)
        return field.annotation if field is not None else None
    for candidate in _models_within(model):
        kind = candidate.model_fields.get("kind")
        if isinstance(part, str) and kind is not None and part in get_args(kind.annotation):
            return candidate
    models = _models_within(model)
    return models[0] if len(models) == 1 else model


def _models_within(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    if get_origin(annotation) is not None or get_origin(annotation) is Union:
        for argument in get_args(annotation):
            found += [model for model in _models_within(argument) if model not in found]
    return found


def _check_names(case: Case, path: Path) -> None:
    """Names that refer to each other must exist."""
    names = [opening.name for opening in case.openings]
    variants = [variant.name for variant in case.variants]
    for kind, entries in (("openings", names), ("variants", variants)):
        for name in entries:
            if entries.count(name) > 1:
                raise CaseError("the name is used twice", where=f"{path}: {kind}", value=name)
    inlets = [opening.name for opening in case.openings if opening.role is Role.INLET]
    if len(inlets) != 1:
        raise CaseError(
            "there must be exactly one inlet", where=f"{path}: openings", value=", ".join(inlets) or "none"
        )
    references = [("patient.cuff.site", case.patient.cuff.site, names)]
    references += [("comparison.proximal", case.comparison.proximal, names)]
    references += [("comparison.distal", case.comparison.distal, names)]
    references += [(f"outlets.{name}", name, list(case.outlet_names)) for name in case.outlets]
    for key, name, known in references:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise CaseError(
                "unknown opening name",
                where=f"{path}: {key}",
                value=name,
                expected=f"one of {', '.join(known)}",
                remedy=f"did you mean '{near[0]}'?" if near else "",
            )
    for name in case.outlet_names:
        if name not in case.outlets:
            raise CaseError(
                "the outlet has no boundary condition",
                where=f"{path}: outlets.{name}",
                remedy=f"add a table [outlets.{name}] with 'flow_fraction' or a Windkessel",
            )
    _check_fractions(case, path)


def _check_fractions(case: Case, path: Path) -> None:
    fractions = [outlet.flow_fraction for outlet in case.outlets.values()]
    if any(fraction is None for fraction in fractions):
        if any(fraction is not None for fraction in fractions):
            raise CaseError(
                "some outlets are tuned to a flow fraction and some have a given Windkessel",
                where=f"{path}: outlets",
                expected="the same for all outlets",
            )
        return
    total = sum(fraction for fraction in fractions if fraction is not None)
    if abs(total - 1.0) > 1e-3:
        raise CaseError(
            "the flow fractions of the outlets do not add up to one",
            where=f"{path}: outlets",
            value=f"{total:g}",
            expected="1",
        )
