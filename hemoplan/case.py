"""What a case file may say: the question of one patient, in the field's terms, with its limits.

Every model is frozen, and an unknown key is an error. All numbers that come out of here are in SI; the ranges
are wide enough for a preterm child and for an adult phantom, and narrow enough to catch a wrong unit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hemoplan.patch import Role
from hemoplan.units import Quantity

Mass = Annotated[float, Quantity("kg", 0.3, 200.0)]
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
    frame: Literal["RAS", "LPS"] = "RAS"
    """Where the surface's x and y point to."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [each for each in (self.path, self.anatomy, self.surface) if each is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of 'path' (a scan), 'anatomy' (a phantom) and 'surface'")
        if self.surface is not None and self.unit is None:
            raise ValueError("expected 'unit' beside 'surface', such as unit = 'mm': surface files do not say it")
        return self


class Segmentation(_Table):
    """How the lumen is found: from one seed inside the vessel (world coordinates, RAS)."""

    seed: Point
    lower: float | None = None
    """Lowest intensity that can be lumen, in the image's own units; found around the seed if absent."""
    upper: float | None = None
    """Highest intensity that can be lumen."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("'lower' is not below 'upper'; expected lower < upper")
        return self


class Opening(_Table):
    """A cut end of the vessel, named by the nearest end to a point."""

    name: Name
    role: Role
    near: Point

    @field_validator("role")
    @classmethod
    def _not_wall(cls, role: Role) -> Role:
        if role is Role.WALL:
            raise ValueError("an opening is an 'inlet' or an 'outlet', not a wall")
        return role


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


class Mesh(_Table):
    """Tetrahedra: a size that follows the local radius between two limits."""

    size: CellSize = Field(default="0.8 mm", validate_default=True)
    """Largest edge length."""
    min_size: CellSize = Field(default="0.25 mm", validate_default=True)
    """Smallest edge length."""
    edges_per_radius: Annotated[float, Field(ge=1.0, le=30.0)] = 4.0
    """How many edges fit into the local vessel radius, between the two limits."""
    boundary_layers: Annotated[int, Field(ge=0, le=10, strict=True)] = 0

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
    """Largest accepted change of port pressures and flows between the last two cycles, over their range."""
    elements: Literal["P1-P1", "P2-P1"] = "P1-P1"
    """Velocity and pressure: `P1-P1` is fast, `P2-P1` more accurate on the same mesh and several times slower."""
    convection: Literal["semi-implicit", "explicit"] = "semi-implicit"
    """`explicit` needs a Courant number below about one half: set `courant` too."""
    courant: Annotated[float, Field(gt=0.0, le=60.0)] | None = None
    """Target of the Courant number: time steps are divided to stay below it."""
    stabilisation: Literal["auto", "oss", "none"] = "auto"
    """Orthogonal subscales for jets that the mesh does not resolve: `auto` has them on P1-P1, where cells need them."""
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


class SurgicalPatch(_Table):
    """The vessel enlarged on one side, so that its lumen reaches a diameter over a length."""

    name: Name
    kind: Literal["patch"]
    near: Point
    diameter: VesselDiameter
    length: VesselLength
    side: Literal["outer", "inner"] = "outer"
    """Side of the vessel's bend: `outer` (greater curvature) or `inner` (lesser curvature)."""


Variant = Annotated[Baseline | Stent | SurgicalPatch, Field(discriminator="kind")]


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
    segmentation: Segmentation
    openings: Annotated[tuple[Opening, ...], Field(min_length=2)]
    inflow: Inflow
    outlets: dict[Name, Outlet]
    comparison: Comparison
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    blood: Blood = Blood()
    mesh: Mesh = Mesh()
    solver: Solver = Solver()

    @property
    def inlet(self) -> str:
        """Name of the one opening through which blood enters."""
        return next(opening.name for opening in self.openings if opening.role is Role.INLET)

    @property
    def outlet_names(self) -> tuple[str, ...]:
        """Names of the openings through which blood leaves, in the order of the case file."""
        return tuple(opening.name for opening in self.openings if opening.role is Role.OUTLET)

    @property
    def mean_inflow(self) -> float:
        """Mean flow into the 3D domain [m³/s]."""
        return self.inflow.mean_flow(float(self.patient.weight))
