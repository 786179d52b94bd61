"""The JSON of svZeroDSolver as frozen models: sections, their keys, and what each entry must have.

What the parameters of a block may be is not said here but in its record (`lumped.svzerod.registry`). A key that begins
with an underscore is a comment and is kept; so are the keys that the files of SimVascular carry for other programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hemoplan.spelling import hint
from lumped.svzerod.parameters import COMMENT

Values = dict[str, Any]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A JSON object whose keys are known; comments and the keys in CARRIED pass through."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    CARRIED: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _know_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if (
                    key not in cls.model_fields
                    and key not in cls.CARRIED
                    and not str(key).startswith(COMMENT)
                ):
                    raise ValueError(f"unknown key '{key}'; {hint(str(key), cls.model_fields)}")
        return data


class SimulationParameters(Section):
    """How a model is run and what is written.

    Attributes:
        number_of_cardiac_cycles: Heart cycles; may be raised by `use_cycle_to_cycle_error`.
        number_of_time_pts_per_cardiac_cycle: Points in a cycle, both ends counted.
        absolute_tolerance: Largest residual of a solution, in the units of the equations.
        maximum_nonlinear_iterations: Most iterations of Newton's method in a time step.
        max_iter_error_to_warning: Whether to go on where that is not enough.
        max_iter_warning: An older name of the same.
        steady_initial: Whether to start from the steady state.
        rho_infty: Spectral radius of infinitely short waves of the time integration, 0 to 1.
        cardiac_period: Period of the heart; else it follows from the boundary conditions, or is 1.
        coupled_simulation: Whether one external time step is run instead of heart cycles.
        number_of_time_pts: Points in the external time step, both ends counted.
        external_step_size: Duration of the external time step.
        use_cycle_to_cycle_error: Whether to run until two cycles in a row agree.
        sim_cycle_to_cycle_percent_error: How well they must agree, in per cent of the mean.
        output_variable_based: Whether the table has a row for each unknown rather than for each vessel.
        output_interval: Every how many steps a row is written.
        output_mean_only: Whether only means over time are written.
        output_derivative: Whether rates are written too.
        output_all_cycles: Whether all cycles are written, not only the last.
    """

    CARRIED: ClassVar[tuple[str, ...]] = ("density", "viscosity", "model_name")

    number_of_cardiac_cycles: Count | None = None
    number_of_time_pts_per_cardiac_cycle: Annotated[int, Field(ge=2)] | None = None
    absolute_tolerance: Annotated[float, Field(gt=0.0)] = 1e-8
    maximum_nonlinear_iterations: Count = 30
    max_iter_error_to_warning: bool = False
    max_iter_warning: bool = False
    steady_initial: bool = True
    rho_infty: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    cardiac_period: Annotated[float, Field(gt=0.0)] | None = None
    coupled_simulation: bool = False
    number_of_time_pts: Annotated[int, Field(ge=2)] | None = None
    external_step_size: Annotated[float, Field(gt=0.0)] = 0.1
    use_cycle_to_cycle_error: bool = False
    sim_cycle_to_cycle_percent_error: Annotated[float, Field(gt=0.0)] = 1.0
    output_variable_based: bool = False
    output_interval: Count = 1
    output_mean_only: bool = False
    output_derivative: bool = False
    output_all_cycles: bool = False

    @model_validator(mode="after")
    def _know_duration(self) -> Self:
        needed = (
            ("number_of_time_pts",)
            if self.coupled_simulation
            else ("number_of_cardiac_cycles", "number_of_time_pts_per_cardiac_cycle")
        )
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"missing key '{name}'")
        if self.use_cycle_to_cycle_error and (self.number_of_cardiac_cycles or 0) < 2:
            raise ValueError("cycles cannot be compared; expected 'number_of_cardiac_cycles' of at least 2")
        return self


class Terminals(Section):
    """Boundary conditions at the ends of a vessel, by name."""

    inlet: str | None = None
    outlet: str | None = None


class Vessel(Section):
    """A vessel, or a chamber that is given as one."""

    CARRIED: ClassVar[tuple[str, ...]] = ("vessel_length", "vessel_D")

    vessel_id: int
    vessel_name: str
    zero_d_element_type: str
    zero_d_element_values: Values
    boundary_conditions: Terminals = Terminals()
    calibrate: list[str] | None = None
    activation_function: Values | None = None
    material: Values | None = None


class JunctionEntry(Section):
    """A junction of vessels, by their ids, or of blocks, by their names."""

    CARRIED: ClassVar[tuple[str, ...]] = ("areas", "lengths", "tangents")

    junction_name: str
    junction_type: str
    junction_values: Values = {}
    inlet_vessels: list[int] | None = None
    outlet_vessels: list[int] | None = None
    inlet_blocks: list[str] | None = None
    outlet_blocks: list[str] | None = None
    calibrate: list[str] | None = None

    @model_validator(mode="after")
    def _know_ends(self) -> Self:
        by_id = self.inlet_vessels is not None and self.outlet_vessels is not None
        by_name = self.inlet_blocks is not None and self.outlet_blocks is not None
        if by_id == by_name:
            raise ValueError(
                "expected either 'inlet_vessels' and 'outlet_vessels' or 'inlet_blocks' and 'outlet_blocks'"
            )
        return self


class BoundaryCondition(Section):
    """A boundary condition."""

    bc_name: str
    bc_type: str
    bc_values: Values


class Valve(Section):
    """A valve; its parameters name the blocks on both sides."""

    name: str
    type: str
    params: Values


class Chamber(Section):
    """A chamber of the heart."""

    name: str
    type: str
    values: Values
    activation_function: Values | None = None
    material: Values | None = None


class ClosedLoopBlock(Section):
    """The heart and lungs of a closed circuit."""

    closed_loop_type: Literal["ClosedLoopHeartAndPulmonary"]
    cardiac_cycle_period: Annotated[float, Field(gt=0.0)]
    parameters: Values
    outlet_blocks: list[str]
    name: str | None = None


class Coupling(Section):
    """A flow or pressure that an external solver prescribes."""

    name: str
    type: Literal["FLOW", "PRESSURE"]
    location: Literal["inlet", "outlet"]
    connected_block: str
    values: Values
    periodic: bool = True


class CalibrationParameters(Section):
    """How a model is fitted to observations.

    Attributes:
        tolerance_gradient: Norm of the gradient at which the fit may end.
        tolerance_increment: Norm of the last change at which it may end.
        maximum_iterations: Most iterations.
        calibrate_stenosis_coefficient: Whether stenosis coefficients are fitted.
        set_capacitance_to_zero: Whether compliances are written as zero.
        initial_damping_factor: First damping.
        calibrate: Names of the parameters to fit, unless a block says otherwise; None for all.
    """

    tolerance_gradient: Annotated[float, Field(gt=0.0)] = 1e-5
    tolerance_increment: Annotated[float, Field(gt=0.0)] = 1e-10
    maximum_iterations: Count = 100
    calibrate_stenosis_coefficient: bool = True
    set_capacitance_to_zero: bool = False
    initial_damping_factor: Annotated[float, Field(ge=0.0)] = 1.0
    calibrate: list[str] | None = None


class SvzerodModel(Section):
    """A file of svZeroDSolver: a model to run, or one to fit if it has `calibration_parameters`."""

    CARRIED: ClassVar[tuple[str, ...]] = ("description",)

    boundary_conditions: list[BoundaryCondition]
    simulation_parameters: SimulationParameters | None = None
    vessels: list[Vessel] = []
    junctions: list[JunctionEntry] = []
    external_solver_coupling_blocks: list[Coupling] = []
    closed_loop_blocks: list[ClosedLoopBlock] = []
    valves: list[Valve] = []
    chambers: list[Chamber] = []
    initial_condition: dict[str, Any] = {}
    initial_condition_d: dict[str, Any] = {}
    calibration_parameters: CalibrationParameters | None = None
    y: dict[str, list[float]] | None = None
    dy: dict[str, list[float]] | None = None
