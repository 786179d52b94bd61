"""How long each step from a scan to a mesh takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geometry.centerlines.centerline import compute_centerline
from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import read, write
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import write_mesh
from geometry.openings.cutting import cut_openings
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import settings_of
from geometry.surfaces.conditioning import condition
from geometry.surfaces.extract import extract_surface
from hemoplan.case import Case

SIZES = {"size": 0.4e-3, "min_size": 0.15e-3, "edges_per_radius": 8.0}
"""Edges that give about a million cells in the arch of the shipped case."""
LAYERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One step: its name, what came out of it, and the seconds of wall clock and of CPU that it took."""

    step: str
    result: str
    wall: float
    cpu: float


class Stopwatch:
    """Times steps one after the other."""

    def __init__(self) -> None:
        self.laps: list[Lap] = []

    @contextmanager
    def lap(self, step: str) -> Iterator[list[str]]:
        """Time a step; its result is put into the list that the block is given."""
        result: list[str] = []
        wall, cpu = time.perf_counter(), time.process_time()
        yield result
        self.laps.append(
            Lap(
                step=step,
                result=" ".join(result),
                wall=time.perf_counter() - wall,
                cpu=time.process_time() - cpu,
            )
        )
        print(f"  {self.laps[-1].step:<16} {self.laps[-1].wall:6.1f} s   {self.laps[-1].result}", flush=True)


def time_chain(case: Case, anatomy: Path, *, voxels: int = 256) -> list[Lap]:
    """From a scan of voxels³ on disk to a mesh on disk.

    Args:
        case: Seed and openings.
        anatomy: The description that is scanned before the clock starts.
        voxels: Voxels along each axis.
    """
    wanted = case.segmentation
    assert wanted is not None
    shape = load_anatomy(anatomy)
    lower, upper = shape.field_of_view
    spacing = float((upper - lower).max()) / voxels
    cube = np.array([upper - voxels * spacing, upper])
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "scan.nii.gz", voxelise(replace(shape, field_of_view=cube), spacing))
        with watch.lap("reading") as said:
            image = read(folder / "scan.nii.gz")
            said.append(f"{' × '.join(map(str, image.voxels.shape))} voxels of {1e3 * spacing:.2f} mm")
        with watch.lap("segmentation") as said:
            labels = segment(image, settings_of(wanted)).labels
            said.append(f"{np.count_nonzero(labels.labels):,} voxels")
        with watch.lap("surface") as said:
            closed = extract_surface(image, labels)
            said.append(f"{len(closed.triangles):,} triangles")
        with watch.lap("openings") as said:
            opened = cut_openings(closed, case.openings)
            said.append(f"{len(opened.openings)} openings")
        with watch.lap("conditioning") as said:
            surface = condition(opened, **SIZES).surface
            said.append(f"{len(surface.triangles):,} triangles")
        with watch.lap("centrelines") as said:
            lines = compute_centerline(surface)
            said.append(f"{len(lines.lines)} lines")
        with watch.lap("tetrahedra") as said:
            mesh = tetrahedralise(surface, **SIZES, boundary_layers=LAYERS)
            said.append(f"{len(mesh.tetrahedra):,} cells, {LAYERS} layers at the wall")
        with watch.lap("writing"):
            write_mesh(folder / "mesh", mesh)
    return watch.laps
