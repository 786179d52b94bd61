"""The case as it was run, as a case file: profile and overrides applied, defaults written out, paths absolute."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel

from hemoplan.case import Case
from hemoplan.units import Quantity, to_unit


def write_case(path: Path, case: Case, *, folder: Path) -> None:
    """Write a case file that `load_case` reads back as the same case.

    Args:
        path: The file to write.
        case: The case.
        folder: Folder that the case's relative paths refer to.
    """
    header = "# The case as it was run: profile and overrides applied, defaults written out.\n\n"
    path.write_text(header + tomli_w.dumps(_table(absolute_paths(case, folder))), encoding="utf-8")


def absolute_paths(case: Case, folder: Path) -> Case:
    """The same case with the paths of its files made absolute; the built-in waveform keeps its name."""
    image = case.image
    source = {
        name: None if value is None else (folder / value).resolve()
        for name, value in (("path", image.path), ("anatomy", image.anatomy), ("surface", image.surface))
    }
    inflow = case.inflow
    if inflow is not None and str(inflow.waveform) != "aortic":
        inflow = inflow.model_copy(update={"waveform": (folder / inflow.waveform).resolve()})
    circulation = case.circulation
    if circulation is not None:
        files = {"path": circulation.path, "bedside": circulation.bedside}
        found = {name: None if value is None else (folder / value).resolve() for name, value in files.items()}
        circulation = circulation.model_copy(update=found)
    segmentation = case.segmentation
    if segmentation is not None and segmentation.labels is not None:
        segmentation = segmentation.model_copy(update={"labels": (folder / segmentation.labels).resolve()})
    return case.model_copy(
        update={
            "segmentation": segmentation,
            "image": image.model_copy(update=source),
            "inflow": inflow,
            "circulation": circulation,
        }
    )


def _table(model: BaseModel) -> dict[str, Any]:
    """The keys of a model; those that are None are left out, since TOML knows no null."""
    table = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value is not None:
            table[name] = _write(value, [field.annotation, *field.metadata])
    return table


def _write(value: Any, hints: list[Any]) -> Any:
    """A value as the case file says it; a number with a unit becomes a text."""
    if isinstance(value, BaseModel):
        return _table(value)
    if isinstance(value, dict):
        return {str(key): _write(entry, hints) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_write(entry, hints) for entry in value]
    if isinstance(value, Path):
        return str(value)
    quantity = _quantity(hints)
    if isinstance(value, float) and quantity is not None:
        return f"{to_unit(value, quantity.unit):.15g} {quantity.unit}"
    return value.value if hasattr(value, "value") else value


def _quantity(hints: list[Any]) -> Quantity | None:
    """The quantity that annotations speak of, at whatever depth."""
    for hint in hints:
        if isinstance(hint, Quantity):
            return hint
        found = _quantity([*get_args(hint), *getattr(hint, "__metadata__", ())])
        if found is not None:
            return found
    return None
