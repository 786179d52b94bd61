"""Pictures of each stage of the shipped case, for the page."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from planning.pipeline import RunOptions, run_case
from planning.plan import Goal
from planning.run_folder import RunFolder


class _Quiet:
    """A display that shows nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *_args, **_options: None


def draw_gallery(case: Path, out: Path) -> Iterator[tuple[str, str]]:
    """Run a case as far as the meshes, with layers at the wall, and copy its pictures: their names and captions.

    Args:
        case: Folder of the case.
        out: Where the pictures go.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        run = RunFolder(Path(name) / "run")
        options = RunOptions(case=case, folder=run.path, overrides=("mesh.boundary_layers=3",))
        run_case(options, Goal.MESH, _Quiet())  # type: ignore[arg-type]
        baseline = run.variant("baseline")
        for source, target, caption in (
            (
                run.picture("segmentation"),
                "segmentation.png",
                "The scan with the outline of the segmented voxels.",
            ),
            (
                run.picture("surface"),
                "surface.png",
                "The same slices with the surface, exact to a fraction of a voxel.",
            ),
            (
                run.picture("openings"),
                "openings.png",
                "Openings by name, and centrelines coloured by the radius.",
            ),
            (baseline.measurements_picture, "measurements.png", "The planes of the measurements."),
            (baseline.mesh_picture, "mesh.png", "Tetrahedra with layers at the wall, and how good they are."),
        ):
            shutil.copyfile(source, out / target)
            yield target, caption
