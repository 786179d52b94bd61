"""The chain from a surface to tetrahedra, stage by stage, with what each took and what stopped it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
from sweep_meshing_subjects import Subject, load, prepare

from geometry.centerlines.centerline import compute_centerline
from geometry.idealised.anatomy import Anatomy, KnownOpening
from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import describe_mesh
from geometry.openings.cutting import DOUBTFUL, cut_openings
from geometry.openings.finding import find_openings
from geometry.surfaces.conditioning import condition
from geometry.surfaces.flat_caps import cap_ends, named
from geometry.surfaces.mending import mend
from geometry.surfaces.raw import RawSurface, as_raw
from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.case import Opening
from hemoplan.errors import HemoplanError, SurfaceError
from hemoplan.patch import Role

LAYERS = 3
EDGES_PER_RADIUS = 4.0
LARGEST, SMALLEST = 0.33, 0.1
"""Limits of the edges, in units of the openings' median radius: 0.8 and 0.25 mm in a newborn's aorta."""
STAGES = ("surface", "openings", "conditioning", "centreline", "tetrahedra")


@dataclass(slots=True, kw_only=True)
class Record:
    """What became of a subject.

    Attributes:
        name, family, form: Of the subject.
        outcome: `meshed`; `refused` (an error that tells the reason); `defect` (any other exception); `stopped` (time
            is up); `crashed` (the process died).
        stage: Where it ended.
        reason: Why, of those that were not meshed.
        seconds: By stage.
        numbers: Counts and qualities.
    """

    name: str
    family: str
    form: str
    outcome: str = "meshed"
    stage: str = ""
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """For a line of JSON."""
        return asdict(self)


def mesh_subject(subject: Subject, tell: Callable[[Record], None] = lambda record: None) -> Record:
    """Run the chain on a subject; what goes wrong is in the record, which is also told when a stage begins."""
    record = Record(name=subject.name, family=subject.family, form=subject.form)
    try:
        _run(subject, record, tell)
    except HemoplanError as error:
        record.outcome, record.reason = "refused", str(error)
    except Exception as error:  # a sweep looks for exactly these
        last = traceback.extract_tb(error.__traceback__)[-1]
        record.outcome = "defect"
        record.reason = f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}:{last.lineno})"
    return record


def _run(subject: Subject, record: Record, tell: Callable[[Record], None]) -> None:
    with _stage(record, "surface", tell):
        raw, openings, anatomy = _surface(subject)
        record.numbers["triangles"] = len(raw.triangles)
    with _stage(record, "openings", tell):
        opened = _open(raw, openings)
        record.numbers["openings"] = len(opened.openings)
    with _stage(record, "conditioning", tell):
        width = float(np.median([np.sqrt(patch.area / np.pi) for patch in opened.openings]))
        size, min_size = LARGEST * width, SMALLEST * width
        conditioned = condition(opened, size=size, min_size=min_size, edges_per_radius=EDGES_PER_RADIUS)
        record.numbers["rebuilt"] = float(conditioned.rebuilt)
    with _stage(record, "centreline", tell):
        record.numbers["centreline_points"] = len(compute_centerline(conditioned.surface).points)
    with _stage(record, "tetrahedra", tell):
        mesh = tetrahedralise(
            conditioned.surface,
            size=size,
            min_size=min_size,
            edges_per_radius=EDGES_PER_RADIUS,
            boundary_layers=BoundaryLayers(count=LAYERS),
        )
        quality = describe_mesh(mesh)
    record.numbers |= {
        "cells": quality.cells,
        "core_radius_ratio": quality.core_radius_ratio_min,
        "core_dihedral": quality.core_dihedral_min,
        "dihedral": quality.dihedral_min,
        "volume_error": quality.volume_error,
        "layers_full": quality.layers.full_share if quality.layers is not None else 0.0,
    }
    if anatomy is not None:
        wall = np.unique(mesh.facets[mesh.facet_tags == WALL_TAG])
        record.numbers["wall_distance"] = float(np.abs(anatomy.distance(mesh.points[wall])).mean())
    record.stage = "done"


def _surface(subject: Subject) -> tuple[RawSurface, Sequence[KnownOpening], Anatomy | None]:
    if subject.path is not None:
        return load(subject.path), (), None
    prepared = prepare(subject)
    return as_raw(prepared.surface, source=subject.name), prepared.openings, prepared.anatomy


def _open(raw: RawSurface, known: Sequence[KnownOpening]) -> Surface:
    """A surface with flat openings: those that it has, those that are known, or, in a file, those that can be found."""
    if raw.groups:
        return named(raw)
    if known:
        return cut_openings(named(mend(raw).surface), [_as_case_opening(opening) for opening in known])
    capped, _ = cap_ends(mend(raw).surface, where=f"{raw.source}, openings")
    surface = named(capped)
    if surface.openings:
        return surface
    ends = [each for each in find_openings(surface) if each.confidence >= DOUBTFUL]
    if len(ends) < 2:
        raise SurfaceError(
            "the surface has fewer than two ends of vessels",
            where=f"{raw.source}, openings",
            value=len(ends),
            expected="an inlet and an outlet at least",
        )
    return cut_openings(
        surface,
        [
            _place(f"end_{number}", Role.INLET if number == 1 else Role.OUTLET, end.tip)
            for number, end in enumerate(ends, start=1)
        ],
    )


def _as_case_opening(opening: KnownOpening) -> Opening:
    return _place(opening.name, opening.role, opening.centre)


def _place(name: str, role: Role, near: Sequence[float] | np.ndarray) -> Opening:
    lengths = [f"{1e3 * float(value):.6f} mm" for value in near]
    return Opening.model_validate({"name": name, "role": role, "near": lengths})


@contextmanager
def _stage(record: Record, name: str, tell: Callable[[Record], None]) -> Iterator[None]:
    record.stage = name
    tell(record)
    start = time.perf_counter()
    try:
        yield
    finally:
        record.seconds[name] = round(time.perf_counter() - start, 3)
