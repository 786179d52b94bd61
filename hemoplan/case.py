"""What a case file may say: the question of one patient, in the field's terms, with its limits.

Every model is frozen, and an unknown key is an error. All numbers that come out of here are in SI; the ranges
are wide enough for a preterm child and for an adult phantom, and narrow enough to catch a wrong unit.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hemoplan.patch import Role
from hemoplan.spelling import hint
from hemoplan.units import Quantity

Mass = Annotated[float, Quantity("kg", 0.3, 200.0)]
BodyLength = Annotated[float, Quantity("cm", 20.0, 220.0)]
HeartRate = Annotated[float, Quantity("1/min", 30.0, 300.0)]
ArterialPressure = Annotated[float, Quantity("mmHg", 5.0, 250.0)]
VenousPressure = Annotated[float, Quantity("mmHg", -5.0, 40.0)]
Coordinate = Annotated[float, Quantity("mm", -2000.0, 2000.0)]
VesselLength = Annotated[float, Quantity("mm", 0.1, 500.0)]
VesselDiameter = Annotated[float, Quantity("mm", 0.2, 60.0)]
CellSize = Annotated[float, Quantity("mm", 0.02, 10.0)]
Density = Annotated[float, Quantity("kg/m^3", 900.0, 1200.0)]
Viscosity = Annotated[float, Quantity("mPa*s", 0.5, 20.0)]
FlowPerWeight = Annotated[float, Quantity("mL/min/kg", 10.0, 1000.0)]
Flow = Annotated[float, Quantity("mL/min", 1.0, 30000.0)]
Resistance = Annotated[float, Quantity("mmHg*s/mL", 1e-4, 1e3)]
Compliance = Annotated[float, Quantity("mL/mmHg", 1e-6, 1e2)]
TimeStep = Annotated[float, Quantity("ms", 0.001, 20.0)]
Point = tuple[Coordinate, Coordinate, Coordinate]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Cuff(_Table):
    """Blood pressure at the cuff, and the opening whose pressure it stands for."""

    systolic: ArterialPressure
    diastolic: ArterialPressure
    mean: ArterialPressure
    site: Name

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.diastolic < self.mean < self.systolic:
            raise ValueError("the cuff pressures must be ordered; expected diastolic < mean < systolic")
        return self


class Patient(_Table):
    """The child at the bedside."""

    weight: Mass
    heart_rate: HeartRate
    cuff: Cuff
    venous_pressure: VenousPressure = Field(default="5 mmHg", validate_default=True)
    length: BodyLength | None = None
    """From crown to heel; for the body surface area that z-scores need. Guessed from the weight below 10 kg."""

    @property
    def period(self) -> float:
        """Length of the cardiac cycle [s]."""
        return 1.0 / float(self.heart_rate)


class ImageSource(_Table):
    """Where the vessels come from: a scan, an anatomy description that is voxelised, or a surface made elsewhere."""

    path: Path | None = None
    """A scan: a file (NIfTI, NRRD, MetaImage), or a folder of DICOM files."""
    anatomy: Path | None = None
    """An anatomy description, scanned by an idealised scanner."""
    surface: Path | None = None
    """A surface (STL, VTP, OBJ, PLY) or the boundary of a mesh; needs no segmentation."""
    series: str | None = None
    """Which DICOM series of the folder: its number, its description or its UID."""
    phase: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Which phase of a scan over time, from 0."""
    unit: Literal["m", "cm", "mm"] | None = None
    """Unit of the surface's coordinates."""
    frame: Literal["RAS", "LPS"] | None = None
    """Where the surface's x and y point to; by default what its file says, and RAS where that says nothing."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [each for each in (self.path, self.anatomy, self.surface) if each is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of 'path' (a scan), 'anatomy' (a phantom) and 'surface'")
        if self.surface is not None and self.unit is None:
            raise ValueError(
                "expected 'unit' beside 'surface', such as unit = 'mm': surface files do not say it"
            )
        return self


class Segmentation(_Table):
    """How the lumen is found: from seeds inside the vessels, from a label map made elsewhere, or by a plugin."""

    seed: Point | None = None
    """A point inside the vessel (world coordinates, RAS)."""
    seeds: Annotated[dict[Name, Point], Field(min_length=1)] | None = None
    """Several points, each with the name of its vessel; all in one lumen."""
    lower: float | None = None
    """Lowest intensity that can be lumen, in the image's own units; found around the seed if absent."""
    upper: float | None = None
    """Highest intensity that can be lumen."""
    method: Literal["growing", "level-set"] = "growing"
    """How the edge is found: at the half maximum, or by a geodesic active contour."""
    vesselness: bool = False
    """Look for vessels thinner than three voxels by their shape, which growing loses."""
    labels: Path | None = None
    """A label map: corrected by hand, or made by another program such as 3D Slicer."""
    plugin: str | None = None
    """Name of a learned segmenter that is installed beside hemoplan."""
    label: Annotated[int, Field(ge=1, le=255, strict=True)] | str | None = None
    """Which label is the lumen, by name or number, where `labels` or the plugin has several."""

    @property
    def points(self) -> dict[str, Point]:
        """The seeds by name; none with a label map or a plugin."""
        if self.seeds is not None:
            return dict(self.seeds)
        return {} if self.seed is None else {"seed": self.seed}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {"seed": self.seed, "seeds": self.seeds, "labels": self.labels, "plugin": self.plugin}
        given = [f"'{name}'" for name, value in ways.items() if value is not None]
        if len(given) != 1:
            raise ValueError(
                "expected exactly one of 'seed' (a point in the vessel), 'seeds' (one a vessel), 'labels' (a label "
                f"map) and 'plugin' (a learned segmenter), not {' and '.join(given) or 'none'}"
            )
        if self.labels is not None or self.plugin is not None:
            needless = [
                name for name in ("lower", "upper", "method", "vesselness") if name in self.model_fields_set
            ]
            if needless:
                raise ValueError(f"'{needless[0]}' belongs to seeds; expected it without {given[0]}")
        elif self.label is not None:
            raise ValueError("'label' belongs to 'labels' or 'plugin'; expected it without seeds")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("'lower' is not below 'upper'; expected lower < upper")
        return self


OPENING_NAMES = {
    "aortic arch": (
        "ascending_aorta",
        "brachiocephalic",
        "left_carotid",
        "left_subclavian",
        "descending_aorta",
    ),
    "right aortic arch": (
        "ascending_aorta",
        "brachiocephalic",
        "right_carotid",
        "right_subclavian",
        "descending_aorta",
    ),
    "arch and pulmonary arteries": (
        "ascending_aorta",
        "brachiocephalic",
        "left_carotid",
        "left_subclavian",
        "descending_aorta",
        "pulmonary_trunk",
        "right_pulmonary_artery",
        "left_pulmonary_artery",
    ),
    "cavopulmonary connection": (
        "superior_vena_cava",
        "inferior_vena_cava",
        "right_pulmonary_artery",
        "left_pulmonary_artery",
    ),
    "pulmonary arteries": ("pulmonary_trunk", "right_pulmonary_artery", "left_pulmonary_artery"),
    "bifurcation": ("inlet", "right", "left"),
    "iliac bifurcation": ("abdominal_aorta", "right_iliac", "left_iliac"),
}
"""Names that openings are given by rule, by what they are openings of; and end_1, end_2, … by size."""


class Opening(_Table):
    """A cut end of the vessel, named by the nearest end to a point, or by rule where it has a rule's name."""

    name: Name
    role: Role
    near: Point | None = None
    extension: Annotated[float, Field(ge=0.0, le=20.0)] = 0.0
    """Length of a straight extension beyond the opening, in its diameters."""

    @field_validator("role")
    @classmethod
    def _not_wall(cls, role: Role) -> Role:
        if role is Role.WALL:
            raise ValueError("an opening is an 'inlet' or an 'outlet', not a wall")
        return role

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        known = {name for names in OPENING_NAMES.values() for name in names}
        by_size = re.fullmatch("end_[1-9][0-9]*", self.name)
        if self.near is None and self.name not in known and not by_size:
            raise ValueError(
                f"expected 'near', a point at the opening: no rule finds '{self.name}'; {hint(self.name, known)}"
            )
        return self


class Blood(_Table):
    """Density and viscosity."""

    density: Density = Field(default="1060 kg/m^3", validate_default=True)
    viscosity: Viscosity = Field(default="4.0 mPa*s", validate_default=True)
    """Of Newtonian blood; of blood that thins with shear the viscosity at high shear."""
    model: Literal["newtonian", "carreau-yasuda"] = "newtonian"


class Inflow(_Table):
    """Flow through the inlet: its mean, and the shape of its cycle."""

    flow_per_weight: FlowPerWeight | None = None
    flow: Flow | None = None
    waveform: Path = Path("aortic")
    """`aortic` (built in) or a CSV file of phase and value; scaled to the mean flow."""
    profile: Literal["plug", "parabolic", "womersley"] = "plug"
    """Velocity over the inlet, of any shape: flat but for the boundary layer of the pulsation, as behind a valve; that
    of steady developed flow; or that of developed flow for each harmonic, as after a long vessel."""

    @model_validator(mode="after")
    def _one_flow(self) -> Self:
        if (self.flow is None) == (self.flow_per_weight is None):
            raise ValueError("expected exactly one of 'flow' and 'flow_per_weight'")
        return self

    def mean_flow(self, weight: float) -> float:
        """Mean flow into the 3D domain [m³/s] for a weight [kg]."""
        if self.flow is not None:
            return float(self.flow)
        return float(self.flow_per_weight or 0.0) * weight


class Outlet(_Table):
    """What lies behind an outlet: a share of the inflow, to tune a Windkessel to, or a given Windkessel."""

    flow_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    proximal_resistance: Resistance | None = None
    compliance: Compliance | None = None
    distal_resistance: Resistance | None = None

    @model_validator(mode="after")
    def _tuned_or_given(self) -> Self:
        given = [self.proximal_resistance, self.compliance, self.distal_resistance]
        if self.flow_fraction is not None:
            if any(value is not None for value in given):
                raise ValueError(
                    "expected either 'flow_fraction' (tuned Windkessel) or the three Windkessel values"
                )
        elif any(value is None for value in given):
            raise ValueError(
                "expected 'flow_fraction', or all of 'proximal_resistance', 'compliance' "
                "and 'distal_resistance'"
            )
        return self


class ClosedCirculation(_Table):
    """A closed 0D circulation with a beating heart behind all openings, in the place of inflow and outlets."""

    anatomy: str | None = None
    """Name of an anatomy that ships with hemoplan (`hemoplan lumped list`)."""
    path: Path | None = None
    """A circulation's file, TOML or JSON."""
    bedside: Path | None = None
    """What is known of the child, to fit the circulation to (`hemoplan lumped calibrate`)."""
    remove: Annotated[tuple[str, ...], Field(min_length=1)]
    """Connections and compartments of the circulation that the 3D domain stands for."""
    ports: dict[Name, str]
    """The compartment that each opening meets."""
    surgery: dict[Name, tuple[str, ...]] = {}
    """What each variant does, as steps in 0D (`hemoplan lumped edit --do`), for the comparison with 0D alone."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.anatomy is None) == (self.path is None):
            raise ValueError("expected exactly one of 'anatomy' (one that ships with hemoplan) and 'path'")
        return self


class Mesh(_Table):
    """Tetrahedra: a size that follows the local radius between two limits."""

    size: CellSize = Field(default="0.8 mm", validate_default=True)
    """Largest edge length."""
    min_size: CellSize = Field(default="0.25 mm", validate_default=True)
    """Smallest edge length."""
    edges_per_radius: Annotated[float, Field(ge=1.0, le=30.0)] = 4.0
    """How many edges fit into the local vessel radius, between the two limits."""
    level: Literal["coarse", "medium", "fine"] = "medium"
    """Member of the family for grid studies: all sizes 1.4 times as large, as given, or 1.4 times as small."""
    boundary_layers: Annotated[int, Field(ge=0, le=10, strict=True)] = 0
    """Layers of thin cells along the wall."""
    first_height: Annotated[float, Quantity("mm", 0.002, 5.0)] | None = None
    """Height of the cells at the wall; where it is not given, the layers together are as thick as a cell is large."""
    layer_growth: Annotated[float, Field(ge=1.0, le=2.0)] = 1.3
    """Thickness of a layer over the one outside it."""
    layer_share: Annotated[float, Field(ge=0.05, le=0.45)] = 0.25
    """Largest thickness of all layers together, over the local vessel radius."""

    jet_diameters: Annotated[float, Field(ge=0.0, le=30.0)] = 0.0
    """How far behind the narrowest place, in its diameters, the cells stay as small as there; 0: not at all."""
    jet_edges: Annotated[float, Field(ge=4.0, le=40.0)] = 12.0
    """Edges across the narrowest place and the jet behind it, where `jet_diameters` asks for them."""

    @property
    def factor(self) -> float:
        """What the level multiplies all sizes by."""
        return {"coarse": 1.4, "medium": 1.0, "fine": 1.0 / 1.4}[self.level]

    @property
    def sizes(self) -> dict[str, float]:
        """Largest and smallest edge [m] and edges per radius, with the level, under the names that the mesher uses."""
        return {
            "size": self.factor * self.size,
            "min_size": self.factor * self.min_size,
            "edges_per_radius": self.edges_per_radius / self.factor,
        }

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_size > self.size:
            raise ValueError("'min_size' is larger than 'size'; expected min_size <= size")
        return self


class Solver(_Table):
    """Time stepping of the Navier–Stokes solver."""

    time_step: TimeStep = Field(default="0.5 ms", validate_default=True)
    cycles: Annotated[int, Field(ge=2, le=50, strict=True)] = 3
    """Cardiac cycles to run; the last two are compared for periodicity."""
    periodic_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
    """Largest accepted change of any pressure and flow at a port between the last two cycles, over its range."""
    elements: Literal["P1-P1", "P2-P1"] = "P1-P1"
    """Velocity and pressure: `P1-P1` is fast, `P2-P1` more accurate on the same mesh and several times slower."""
    convection: Literal["semi-implicit", "explicit"] = "semi-implicit"
    """`explicit` needs a Courant number below about one half: set `courant` too."""
    courant: Annotated[float, Field(gt=0.0, le=60.0)] | None = None
    """Target of the Courant number: time steps are divided to stay below it."""
    stabilisation: Literal["auto", "oss", "none"] = "auto"
    """Orthogonal subscales for jets that the mesh does not resolve: `auto` has them on P1-P1, where cells need them."""
    backflow: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    """Size of the term that keeps reverse flow at openings stable; 1 takes away the kinetic energy that it brings."""
    output_interval: TimeStep = Field(default="10 ms", validate_default=True)
    """Interval between the fields written in the last cycle."""

    @property
    def stabilise(self) -> bool:
        """Whether under-resolved convection is stabilised."""
        return self.elements == "P1-P1" and self.stabilisation != "none"

    @model_validator(mode="after")
    def _available(self) -> Self:
        if self.elements == "P2-P1" and self.stabilisation == "oss":
            raise ValueError(
                "'oss' stabilisation needs elements = 'P1-P1'; expected 'auto' or 'none' with 'P2-P1'"
            )
        if self.convection == "explicit" and self.courant is None:
            raise ValueError("explicit convection needs a limit of the Courant number, such as courant = 0.4")
        return self


class Baseline(_Table):
    """The anatomy as it is."""

    name: Name = "baseline"
    kind: Literal["baseline"]


class Stent(_Table):
    """The vessel dilated to a diameter over a length, centred on the narrowest place near a point."""

    name: Name
    kind: Literal["stent"]
    near: Point
    diameter: VesselDiameter
    length: VesselLength


class Band(_Table):
    """The vessel narrowed from outside to a diameter over a length, centred on a point."""

    name: Name
    kind: Literal["band"]
    near: Point
    diameter: VesselDiameter
    length: VesselLength


class Ligation(_Table):
    """The vessel closed over a length, centred on a point: cut on both sides, and the ends closed by wall."""

    name: Name
    kind: Literal["ligation"]
    near: Point
    length: VesselLength = Field(default="2 mm", validate_default=True)


class SurgicalPatch(_Table):
    """The vessel enlarged on one side, so that its lumen reaches a diameter over a length."""

    name: Name
    kind: Literal["patch"]
    near: Point
    diameter: VesselDiameter
    length: VesselLength
    side: Literal["outer", "inner"] = "outer"
    """Side of the vessel's bend: `outer` (greater curvature) or `inner` (lesser curvature)."""


Variant = Annotated[Baseline | Stent | SurgicalPatch | Band | Ligation, Field(discriminator="kind")]


class Comparison(_Table):
    """Between which two openings the pressure gradient is compared."""

    proximal: Name
    distal: Name


class Case(_Table):
    """One question about one patient."""

    name: Name
    question: str
    patient: Patient
    image: ImageSource
    segmentation: Segmentation | None = None
    openings: Annotated[tuple[Opening, ...], Field(min_length=2)]
    inflow: Inflow | None = None
    outlets: dict[Name, Outlet] = {}
    circulation: ClosedCirculation | None = None
    comparison: Comparison
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    blood: Blood = Blood()
    mesh: Mesh = Mesh()
    solver: Solver = Solver()

    @model_validator(mode="after")
    def _lumen_given(self) -> Self:
        if (self.segmentation is None) == (self.image.surface is None):
            raise ValueError(
                "expected [segmentation] with a scan or a phantom, and none with image.surface, which is the lumen"
            )
        return self

    @property
    def inlet(self) -> str:
        """Name of the opening through which blood enters; the first of several behind a closed circulation."""
        return next(opening.name for opening in self.openings if opening.role is Role.INLET)

    @property
    def outlet_names(self) -> tuple[str, ...]:
        """Names of the openings through which blood leaves, in the order of the case file."""
        return tuple(opening.name for opening in self.openings if opening.role is Role.OUTLET)

    @property
    def prescribed(self) -> Inflow:
        """The flow that is prescribed at the inlet; only without a closed circulation."""
        assert self.inflow is not None  # `hemoplan.case_problems` has checked it
        return self.inflow

    @property
    def mean_inflow(self) -> float:
        """Mean flow into the 3D domain [m³/s]; only without a closed circulation."""
        return self.prescribed.mean_flow(float(self.patient.weight))
