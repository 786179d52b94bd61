"""Reading case files: TOML, overrides, profiles, and errors that name the file, the key and what is expected."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hemoplan.case import Case
from hemoplan.case_problems import contradictions, explain
from hemoplan.errors import CaseError

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
        raise _case_error(path, explain(error, table)) from None
    problems = contradictions(case)
    if problems:
        raise _case_error(path, problems)
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
    except OSError as error:
        raise CaseError("the case file cannot be read", where=str(path), value=error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(
            "the case file is not valid TOML",
            where=str(path),
            value=error,
            remedy="check that line for a missing quote, bracket or equals sign",
        ) from None


def _apply_profile(table: Table, profiles: Any, profile: str, *, where: str) -> None:
    known = profiles if isinstance(profiles, dict) else {}
    if not isinstance(known.get(profile), dict):
        raise CaseError(
            "there is no such profile",
            where=where,
            value=profile,
            expected=f"one of {', '.join(sorted(known))}" if known else "",
            remedy=f"add a table [profiles.{profile}] to the case file",
        )
    _merge(table, known[profile])


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
        raise CaseError(
            "unknown name in the override", where="--set", value=override, expected=f"one of {names}"
        )
    if not isinstance(target, dict):
        raise CaseError("the override's key leads to no table", where="--set", value=override)
    return target.setdefault(part, {})


def _parse_value(text: str) -> Any:
    """A TOML value, or the text itself, since shells take quotes away."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _case_error(path: Path, problems: Sequence[str]) -> CaseError:
    lines = "".join(f"\n  {problem}" for problem in problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return CaseError(f"the case file has {count}:{lines}", where=str(path))
