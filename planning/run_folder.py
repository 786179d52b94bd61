"""Where everything of one run lies on disk: the only place that knows the file names of a run folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemoplan.errors import HemoplanError


@dataclass(frozen=True, slots=True)
class MeshFolder:
    """The tetrahedra of one variant, in the format that the solver reads."""

    path: Path

    @property
    def cells(self) -> Path:
        """Tetrahedra (XDMF, with an .h5 beside it)."""
        return self.path / "mesh.xdmf"

    @property
    def facets(self) -> Path:
        """Tagged boundary triangles (XDMF, with an .h5 beside it)."""
        return self.path / "facets.xdmf"

    @property
    def patches(self) -> Path:
        """Names, roles and tags of the boundary's patches."""
        return self.path / "patches.json"

    @property
    def quality(self) -> Path:
        """Quality of the tetrahedra."""
        return self.path / "quality.json"


@dataclass(frozen=True, slots=True)
class VariantFolder:
    """The files of one variant."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the variant."""
        return self.path.name

    @property
    def surface(self) -> Path:
        """Edited, closed surface with named patches."""
        return self.path / "surface.vtp"

    @property
    def centerline(self) -> Path:
        """Centrelines of the edited surface."""
        return self.path / "centerline.vtp"

    @property
    def conditioning(self) -> Path:
        """What the conditioning of the surface found and did, rung by rung."""
        return self.path / "conditioning.json"

    @property
    def measurements(self) -> Path:
        """Cross-sections at anatomical stations."""
        return self.path / "measurements.csv"

    @property
    def measurements_picture(self) -> Path:
        """The planes of the measurements."""
        return self.path / "measurements.png"

    @property
    def mesh(self) -> MeshFolder:
        """Tetrahedra."""
        return MeshFolder(self.path / "mesh")

    @property
    def mesh_picture(self) -> Path:
        """Cut through the tetrahedra, and their quality."""
        return self.path / "mesh.png"

    @property
    def circuit(self) -> Path:
        """Boundary circuit behind the outlets."""
        return self.path / "circuit.json"

    @property
    def circulation(self) -> Path:
        """The whole closed circulation of the variant, with the branches that the 3D domain stands for."""
        return self.path / "circulation.toml"

    @property
    def circuit_beat(self) -> Path:
        """States of the closed circulation over the last cycle."""
        return self.path / "circuit_beat.npz"

    @property
    def circulation_outputs(self) -> Path:
        """What the closed circulation does, with the 3D domain in it and in 0D alone."""
        return self.path / "circulation.json"

    @property
    def inflow(self) -> Path:
        """Inflow waveform."""
        return self.path / "inflow.csv"

    @property
    def ports(self) -> Path:
        """Pressure and flow at every port over time."""
        return self.path / "ports.csv"

    @property
    def metrics(self) -> Path:
        """Flow metrics of the last cycle."""
        return self.path / "metrics.json"

    @property
    def fields(self) -> Path:
        """Folder of the three-dimensional fields."""
        return self.path / "fields"

    @property
    def peak_field(self) -> Path:
        """Velocity and pressure at peak systole."""
        return self.fields / "peak.vtu"

    @property
    def mean_field(self) -> Path:
        """Velocity and pressure averaged over the last cycle."""
        return self.fields / "mean.vtu"

    @property
    def wall_field(self) -> Path:
        """Wall shear stress metrics on the wall's triangles."""
        return self.fields / "wall.vtu"

    @property
    def flow_series(self) -> Path:
        """Fields of the last cycle over time, for ParaView (VTX)."""
        return self.fields / "flow.bp"

    @property
    def checkpoint(self) -> Path:
        """Folder of the state from which an interrupted solve resumes."""
        return self.path / "checkpoint"

    @property
    def progress(self) -> Path:
        """One JSON line per so many time steps."""
        return self.path / "progress.jsonl"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run. Making this object touches no disk."""

    path: Path

    @property
    def case(self) -> Path:
        """The resolved case, as text."""
        return self.path / "case.toml"

    @property
    def provenance(self) -> Path:
        """Versions, input hashes, command, ranks."""
        return self.path / "provenance.json"

    @property
    def log(self) -> Path:
        """Log of the run."""
        return self.path / "run.log"

    @property
    def stages(self) -> Path:
        """Wall-clock seconds of each stage."""
        return self.path / "stages.json"

    @property
    def scan(self) -> Path:
        """The image that the run starts from."""
        return self.path / "scan.nii.gz"

    @property
    def labels(self) -> Path:
        """Segmented label map."""
        return self.path / "segmentation" / "labels.nii.gz"

    def picture(self, stage: str) -> Path:
        """Picture of what a stage made: `segmentation`, `surface` or `openings`."""
        return self.path / "pictures" / f"{stage}.png"

    @property
    def surface(self) -> Path:
        """Closed surface with named patches, before any edit."""
        return self.path / "surface.vtp"

    @property
    def centerline(self) -> Path:
        """Centrelines of the surface, before any edit."""
        return self.path / "centerline.vtp"

    @property
    def conditioning(self) -> Path:
        """What the conditioning of a surface that was made elsewhere found and did."""
        return self.path / "conditioning.json"

    @property
    def findings(self) -> Path:
        """What the segmentation did step by step, and what a person should look at."""
        return self.path / "segmentation" / "findings.json"

    @property
    def contour(self) -> Path:
        """Signed distance to the contour of a level set, where one was used."""
        return self.path / "segmentation" / "contour.nii.gz"

    @property
    def circulation(self) -> Path:
        """The child's own closed circulation."""
        return self.path / "circulation" / "circulation.toml"

    @property
    def bedside_fit(self) -> Path:
        """How the closed circulation was fitted to the bedside data."""
        return self.path / "circulation" / "fit.json"

    @property
    def calibration(self) -> Path:
        """Targets and result of the tuning of the boundary circuits."""
        return self.path / "calibration.json"

    @property
    def variants(self) -> Path:
        """Folder that holds one folder a variant."""
        return self.path / "variants"

    def variant(self, name: str) -> VariantFolder:
        """The folder of a variant."""
        return VariantFolder(self.variants / name)

    @property
    def comparison(self) -> Path:
        """Table of all variants, in clinical units."""
        return self.path / "comparison.csv"

    @property
    def report(self) -> Path:
        """Self-contained report."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """Folder of the report's figures."""
        return self.path / "figures"

    @property
    def scene(self) -> Path:
        """Self-contained interactive 3D scene."""
        return self.path / "scene.html"


def require_file(path: Path, *, remedy: str) -> Path:
    """The path itself, where the file exists.

    Raises:
        HemoplanError: It does not; the message ends with the remedy.
    """
    if not path.exists():
        raise HemoplanError("the run folder lacks a file", where=str(path), remedy=remedy)
    return path


def read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    """Read a JSON object of the run folder.

    Raises:
        HemoplanError: The file is missing, damaged or not an object.
    """
    require_file(path, remedy=remedy)
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HemoplanError("cannot read the file", where=str(path), value=error, remedy=remedy) from error
    if not isinstance(entry, dict):
        raise HemoplanError("the file is damaged", where=str(path), expected="a JSON object", remedy=remedy)
    return entry
