"""What the meshing sweep is run over: random anatomies in forms from clean to poor, and surfaces in files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import meshio
import numpy as np
import pyvista as pv

from geometry.idealised.anatomy import Anatomy, KnownOpening
from geometry.idealised.clearance import least_gap
from geometry.idealised.random_anatomies import KINDS, random_anatomy
from geometry.idealised.roughness import decimate, roughen, seal, staircase, tilt
from geometry.idealised.triangulation import to_surface
from geometry.surfaces.raw import RawSurface, wall_only
from geometry.surfaces.surface import Surface
from hemoplan.errors import SurfaceError

Form = Literal["exact", "coarse", "noisy", "slanted", "closed", "decimated", "stepped"]
FORMS: dict[Form, str] = {
    "exact": "the exact shape in even triangles, with flat named openings",
    "coarse": "few large triangles, with flat named openings",
    "noisy": "walls that scatter by 15 % of an edge, with flat named openings",
    "slanted": "openings cut 20° off, named",
    "closed": "vessels that end in round tips, without openings",
    "decimated": "round tips, nine tenths of the triangles removed as for a viewer",
    "stepped": "round tips, the staircase of a segmentation that was not smoothed",
}
UNITS = {".obj": "mm", ".ply": "mm", ".stl": "mm", ".vtp": "mm", ".msh": "m"}
"""Units of the surfaces in files, by ending."""
CENTRELINES = "centerline"
"""Files with this in their name hold lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One surface of the sweep.

    Attributes:
        name: What it is called in tables.
        family: What it is counted under: a kind of random anatomy, or `file`.
        form: Its form, or the ending of the file.
        path: The file, of those that are in files.
        seed: Seed of the others.
    """

    name: str
    family: str
    form: str
    path: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A surface that is ready for the chain.

    Attributes:
        surface: With named openings, or all wall.
        openings: Where it opens, known by construction, where it is all wall.
        anatomy: What it was made of.
    """

    surface: Surface
    openings: tuple[KnownOpening, ...]
    anatomy: Anatomy


def random_subjects(count: int) -> list[Subject]:
    """Kinds and forms take turns, so that every pair of them comes up within 70 subjects."""
    forms = list(FORMS)
    subjects = []
    for seed in range(count):
        kind, form = KINDS[seed % len(KINDS)], forms[(seed + seed // len(KINDS)) % len(forms)]
        subjects.append(Subject(name=f"{kind}_{seed}_{form}", family=kind, form=form, seed=seed))
    return subjects


def file_subjects(folder: Path) -> list[Subject]:
    """Surfaces (and boundaries of meshes) anywhere under a folder."""
    found = sorted(
        path for path in folder.rglob("*") if path.suffix in UNITS and CENTRELINES not in path.name
    )
    return [Subject(name=path.name, family="file", form=path.suffix[1:], path=path) for path in found]


def load(path: Path) -> RawSurface:
    """The triangles of a file, in metres.

    Raises:
        SurfaceError: The file holds no triangles.
    """
    factor = 1.0e-3 if UNITS[path.suffix] == "mm" else 1.0
    if path.suffix == ".msh":
        with contextlib.redirect_stdout(io.StringIO()):
            mesh = meshio.read(path)
        blocks = [block.data for block in mesh.cells if block.type == "triangle"]
        points, triangles = mesh.points, np.vstack(blocks)
    else:
        shell = pv.read(path).extract_surface(algorithm=None).triangulate()
        points, triangles = shell.points, shell.regular_faces
    if not len(triangles):
        raise SurfaceError("the file holds no triangles", where=str(path))
    return wall_only(factor * np.asarray(points, dtype=np.float64), triangles, source=path.name)


def prepare(subject: Subject) -> Prepared:
    """Make the surface of a random subject."""
    anatomy = random_anatomy(subject.seed)
    thinnest = min(float(branch.radius(branch.arc_length).min()) for branch in anatomy.branches)
    widest = max(opening.radius for opening in anatomy.openings)
    # No edge may bridge the gap between vessels.
    size = min(0.5 * thinnest, 0.15 * widest, 0.7 * least_gap(anatomy))
    makers: dict[str, Callable[[], tuple[Surface, Sequence[KnownOpening]]]] = {
        "exact": lambda: (to_surface(anatomy, size=size), ()),
        "coarse": lambda: (to_surface(anatomy, size=min(0.95 * thinnest, 0.7 * least_gap(anatomy))), ()),
        "noisy": lambda: (
            roughen(to_surface(anatomy, size=size), amplitude=0.15 * size, seed=subject.seed),
            (),
        ),
        "slanted": lambda: (to_surface(anatomy, size=size, openings=_slanted(anatomy, subject.seed)), ()),
        "closed": lambda: (to_surface(anatomy, size=size, openings=()), anatomy.openings),
        "decimated": lambda: (
            decimate(seal(to_surface(anatomy, size=size, openings=())), 0.1),
            anatomy.openings,
        ),
        "stepped": lambda: (staircase(anatomy, voxel=min(0.45 * thinnest, 0.1 * widest)), anatomy.openings),
    }
    surface, openings = makers[subject.form]()
    return Prepared(surface=surface, openings=tuple(openings), anatomy=anatomy)


def _slanted(anatomy: Anatomy, seed: int) -> tuple[KnownOpening, ...]:
    rng = np.random.default_rng(seed)
    return tuple(tilt(opening, np.radians(20.0), rng.normal(size=3)) for opening in anatomy.openings)
