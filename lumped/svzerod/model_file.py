"""Reading and writing the JSON files of svZeroDSolver."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hemoplan.errors import CaseError, ResourceError
from lumped.svzerod.schema import SvzerodModel

NAME_KEYS = ("vessel_name", "junction_name", "bc_name", "name")


def read_model(path: Path) -> SvzerodModel:
    """Read a model.

    Raises:
        CaseError: The file is missing or no JSON, or a key is unknown, missing or of the wrong type. What the blocks'
            parameters and connections are worth is found when the model is run or fitted.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise CaseError("cannot read the model", where=str(path), value=error.strerror or error) from None
    except ValueError as error:
        raise CaseError(
            "the model is not JSON", where=str(path), value=error, expected="one JSON object"
        ) from None
    return parse_model(content, where=str(path))


def parse_model(content: object, where: str = "model") -> SvzerodModel:
    """Make a model of what JSON holds.

    Raises:
        CaseError: As for `read_model`.
    """
    if not isinstance(content, Mapping):
        raise CaseError("the model is not a JSON object", where=where, value=type(content).__name__)
    try:
        return SvzerodModel.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = _describe(first["loc"], content)
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            key, place = first["loc"][-1], _describe(first["loc"][:-1], content)
            what = f"missing key '{key}'"
        value = first["input"] if isinstance(first["input"], str | int | float) else None
        raise CaseError(
            what[0].lower() + what[1:], where=f"{where}: {place}" if place else where, value=value
        ) from None


def write_model(path: Path, model: SvzerodModel) -> None:
    """Write a model so that `read_model` gives an equal one; comments are kept.

    Raises:
        ResourceError: The file cannot be written.
    """
    text = json.dumps(model.model_dump(exclude_unset=True), indent=2)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            "cannot write the model", where=str(path), value=error.strerror or error
        ) from None


def _describe(location: Sequence[int | str], content: Mapping[str, Any]) -> str:
    """Say a place in the file, entries of lists by their names."""
    parts: list[str] = []
    here: Any = content
    for key in location:
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(key, int):
            names = [here[each] for each in NAME_KEYS if each in here] if isinstance(here, Mapping) else []
            parts[-1:] = (
                [f"{parts[-1]}[{key}]" + (f" '{names[0]}'" if names else "")] if parts else [f"[{key}]"]
            )
        else:
            parts.append(key)
    return ".".join(parts)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
