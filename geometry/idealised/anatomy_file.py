"""Reading anatomy descriptions: TOML with units, strict.

A file either lists its branches, or names a family (`geometry.idealised.catalogue`) and the parameters that differ from
the family's defaults:

    name = "narrow_arch"
    family = "coarctation"
    [parameters]
    weight = "3.1 kg"
    severity = "65 %"
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from geometry.idealised.anatomy import Anatomy, Branch, Ellipsoid, Neighbour
from geometry.idealised.catalogue import families
from geometry.idealised.vessel import BACKGROUND, BLOOD, vessel
from hemoplan.case import Coordinate, Name, Point, VesselDiameter
from hemoplan.errors import CaseError
from hemoplan.spelling import hint, nearest
from hemoplan.units import Quantity

ArcLength = Annotated[float, Quantity("mm", 0.0, 1000.0)]
SemiAxis = Annotated[float, Quantity("mm", 0.1, 500.0)]
Hounsfield = Annotated[float, Field(ge=-1100.0, le=4000.0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Station(_Table):
    at: ArcLength
    diameter: VesselDiameter


class _Start(_Table):
    branch: Name
    at: ArcLength


class _Tube(_Table):
    name: Name
    points: Annotated[tuple[Point, ...], Field(min_length=1)]
    diameters: Annotated[tuple[_Station, ...], Field(min_length=1)]
    start: _Start | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        stations = [station.at for station in self.diameters]
        if any(right <= left for left, right in zip(stations, stations[1:], strict=False)):
            raise ValueError("the arc lengths 'at' of 'diameters' must increase")
        if self.start is None and len(self.points) < 2:
            raise ValueError("expected two points at least, or a 'start' on another branch and one point")
        return self


class _Neighbour(_Tube):
    intensity: Hounsfield


class _Ellipsoid(_Table):
    name: Name
    intensity: Hounsfield
    centre: Point
    semi_axes: tuple[SemiAxis, SemiAxis, SemiAxis]


class _FieldOfView(_Table):
    lower: tuple[Coordinate, Coordinate, Coordinate]
    upper: tuple[Coordinate, Coordinate, Coordinate]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if any(upper <= lower for lower, upper in zip(self.lower, self.upper, strict=True)):
            raise ValueError("'upper' must be larger than 'lower' in x, y and z")
        return self


class _Anatomy(_Table):
    name: Name
    family: str | None = None
    parameters: dict[str, str | float] = {}
    blood: Hounsfield = BLOOD
    background: Hounsfield = BACKGROUND
    field_of_view: _FieldOfView | None = None
    branches: tuple[_Tube, ...] = ()
    neighbours: tuple[_Neighbour, ...] = ()
    ellipsoids: tuple[_Ellipsoid, ...] = ()

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if (self.family is None) == (not self.branches):
            raise ValueError("expected either 'branches' (at least one), or a 'family' and its 'parameters'")
        if self.family is None and self.parameters:
            raise ValueError("'parameters' go with a 'family'")
        if self.family is None:
            missing = sorted({"blood", "background", "field_of_view"} - self.model_fields_set)
            if missing:
                raise ValueError(f"with 'branches', expected also {', '.join(repr(key) for key in missing)}")
        return self


def load_anatomy(path: Path) -> Anatomy:
    """Read an anatomy description.

    Raises:
        CaseError: The file is missing, is not TOML, or says something wrong; all problems are listed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(
            "cannot read the anatomy description",
            where=str(path),
            value=error,
            remedy="check 'image.anatomy'",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError("the anatomy description is not valid TOML", where=str(path), value=error) from None
    try:
        description = _Anatomy.model_validate(table)
    except ValidationError as error:
        raise CaseError(_explain(error), where=str(path)) from None
    return _build(description, path)


def _build(description: _Anatomy, path: Path) -> Anatomy:
    if description.family is not None:
        shape = _build_family(description.family, description, path)
    else:
        branches: list[Branch] = []
        for tube in description.branches:
            branches.append(_build_tube(tube, branches, path))
        shape = Anatomy(
            name=description.name,
            branches=tuple(branches),
            field_of_view=np.zeros((2, 3)),
            blood=description.blood,
            background=description.background,
        )
    neighbours: list[Neighbour] = []
    for neighbour in description.neighbours:
        built = _build_tube(neighbour, [entry.tube for entry in neighbours], path)
        neighbours.append(Neighbour(tube=built, intensity=neighbour.intensity))
    view = description.field_of_view
    return replace(
        shape,
        name=description.name,
        field_of_view=shape.field_of_view if view is None else np.array([view.lower, view.upper]),
        blood=description.blood,
        background=description.background,
        neighbours=tuple(neighbours),
        ellipsoids=tuple(
            Ellipsoid(
                name=entry.name,
                intensity=entry.intensity,
                centre=np.array(entry.centre),
                semi_axes=np.array(entry.semi_axes),
            )
            for entry in description.ellipsoids
        ),
    )


def _build_family(name: str, description: _Anatomy, path: Path) -> Anatomy:
    known = families()
    if name not in known:
        raise CaseError(
            f"there is no such family of anatomies; {hint(name, known)}", where=f"{path}: family", value=name
        )
    try:
        return known[name].build(**known[name].read(description.parameters))
    except CaseError as error:
        raise CaseError(str(error), where=str(path)) from None


def _build_tube(tube: _Tube, earlier: list[Branch], path: Path) -> Branch:
    if any(branch.name == tube.name for branch in earlier):
        raise CaseError("the name is used twice", where=f"{path}: branches", value=tube.name)
    return vessel(
        tube.name,
        tube.points,
        {station.at: station.diameter for station in tube.diameters},
        start=_start(tube, tube.start, earlier, path) if tube.start is not None else None,
    )


def _start(tube: _Tube, start: _Start, earlier: list[Branch], path: Path) -> tuple[Branch, float]:
    where = f"{path}: branches.{tube.name}.start"
    known = {branch.name: branch for branch in earlier}
    if start.branch not in known:
        raise CaseError(
            "unknown branch",
            where=where,
            value=start.branch,
            expected=f"one that stands earlier in the file: {', '.join(known) or 'none'}",
        )
    parent = known[start.branch]
    if start.at > parent.length:
        raise CaseError(
            "the branch starts beyond the end of its parent",
            where=where,
            value=f"{1e3 * start.at:.1f} mm",
            expected=f"at most {1e3 * parent.length:.1f} mm, the length of '{parent.name}'",
        )
    return parent, start.at


def _explain(error: ValidationError) -> str:
    """One line for every problem: key, what is wrong, the value."""
    lines = []
    for details in error.errors():
        where = ".".join(str(key) for key in details["loc"])
        if details["type"] == "extra_forbidden":
            near = nearest(str(details["loc"][-1]), _known_keys())
            lines.append(f"[{where}] unknown key" + (f"; did you mean '{near}'?" if near else ""))
            continue
        value = details["input"]
        shown = "" if isinstance(value, dict | list) else f" (value: {value!r})"
        lines.append(f"[{where}] {details['msg'].removeprefix('Value error, ')}{shown}")
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return f"the anatomy description has {count}:" + "".join(f"\n  {line}" for line in lines)


def _known_keys() -> list[str]:
    models = (_Anatomy, _Tube, _Neighbour, _Ellipsoid, _FieldOfView, _Station, _Start)
    return sorted({key for model in models for key in model.model_fields})
