"""Incremental pressure correction (BDF2) for incompressible flow: what both element pairs share.

With s = dt / (a0 rho) and the coefficients of `cfd.flow_state.TimeScheme`, a step solves

1. the tentative velocity u* from the momentum balance with the pressure of the past,
2. the pressure from the Poisson problem that makes u* - s grad phi free of divergence, together with the ports,
3. the velocity at the end of the step.

The convecting velocity w is extrapolated. In the skew-symmetric form w.grad u + (div w) u / 2, convection neither
creates nor destroys kinetic energy inside the domain; on open boundaries the energy that reverse flow would carry in is
cancelled.
`cfd.linear_step` and `cfd.quadratic_step` hold the discrete equations of the two element pairs.

Source: Guermond, Minev & Shen, Comput. Methods Appl. Mech. Engrg. 195 (2006), DOI 10.1016/j.cma.2005.10.010.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from mpi4py import MPI

from cfd.elements import Elements, constant_matrices
from cfd.flow_state import FlowState, StepReport, TimeScheme, time_scheme
from cfd.fluid import Fluid
from cfd.halo import Halo
from cfd.inlet_flow import InletFlow, SteadyShape, WomersleyShape
from cfd.momentum_forces import MomentumForces, TakenStep
from cfd.open_boundary import OpenBoundary
from cfd.port_response import answer, driven_by_pressure
from cfd.pressure_step import PressureStep, Projection
from cfd.quadratic_kernels import subtract_pressure_gradient
from cfd.reference_element import reference_element
from cfd.velocity_boundary import VelocityBoundary, VelocityField
from cfd.velocity_solver import VelocitySolver, multiply
from cfd.viscosity import ViscousStress
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.circuit import Circuit, DrivenCircuit
from hemoplan.errors import BoundaryError
from hemoplan.patch import Patch
from hemoplan.waveform import Waveform

type Convection = Literal["semi-implicit", "explicit"]
type ConvectionForm = Literal["skew-symmetric", "convective"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSettings:
    """Choices of a stepper.

    Attributes:
        convection: `semi-implicit` (linear in the new velocity: no limit of the time step but accuracy) or `explicit`
            (a constant matrix, but the Courant number must stay below about one half).
        form: `skew-symmetric` (w.grad u + (div w) u / 2) or `convective` (w.grad u).
        stabilise: Whether convection that the mesh does not resolve is stabilised (P1–P1 alone).
        rotational: Whether the pressure takes the rotational form (P2–P1 without open boundaries alone), which is free
            of the numerical boundary layer of the plain form.
        backflow: beta of the term -beta rho/2 (w.n)_- (u, v) at outlets. One, the default, takes away exactly the
            kinetic energy that reverse flow would carry in, so that the flow's energy cannot grow by it; with less,
            strong reverse flow can diverge. It acts on all components alike, and is zero where blood leaves.
        static_ports: Ports at which the circuit's pressure is the static one of entering blood too; elsewhere it is the
            total one, see `cfd.open_boundary`.
        inlet_layer: Thickness of the boundary layer of the inlets' velocity profile [m]; developed flow if None.
        pulsations: Flows into the domain by inlet [m³/s], of inlets that have Womersley's profiles instead.
        velocity_tolerance, pressure_tolerance: Relative residuals of the linear solvers.
    """

    convection: Convection = "semi-implicit"
    form: ConvectionForm = "skew-symmetric"
    stabilise: bool = True
    rotational: bool = False
    backflow: float = 1.0
    static_ports: tuple[str, ...] = ()
    inlet_layer: float | None = None
    pulsations: Mapping[str, Waveform] = field(default_factory=dict)
    velocity_tolerance: float = 1e-5
    pressure_tolerance: float = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumTerms:
    """What the momentum balance of a step is made of, besides the new velocity.

    Attributes:
        past: (n, d) a1 u^n - a2 u^(n-1) [m/s].
        convecting: (n, d) w, without the gradient of the potential [m/s].
        potential: (m,) whose gradient is subtracted from w inside the cells [m²/s]; empty where w needs none.
        last_velocity: (n, d) the velocity whose convective derivative is projected, where that is needed [m/s].
        pressure: (m,) the driving pressure [Pa].
        offsets: (k,) of the pressure at the outlets, see `cfd.open_boundary` [Pa].
    """

    past: FloatArray
    convecting: FloatArray
    potential: FloatArray
    last_velocity: FloatArray
    pressure: FloatArray
    offsets: FloatArray


class FractionalStep(ABC):
    """One time step of the flow, for one pair of elements; everything constant is assembled once. Collective.

    Args:
        elements: Elements of the velocity.
        vertices: P1 elements of the pressure on the same mesh.
        fluid: Density and viscosity.
        settings: Choices.
        wall_velocity: Velocity of the walls; no slip if None.

    Raises:
        BoundaryError: The rotational form is asked for on a domain with outlets.

    Attributes:
        elements, vertices, fluid, settings: As given.
        inlets, outlets: Openings with a prescribed flow, and those of the circuit.
        ports: Names of the inlets and the outlets, in this order.
        taken: The step taken last; None before the first.
        vertex_volumes: (m,) integrals of the pressure's basis functions, the lumped mass of the vertices [m³].
    """

    def __init__(
        self,
        elements: Elements,
        vertices: Elements,
        fluid: Fluid,
        settings: StepSettings,
        *,
        wall_velocity: VelocityField | None = None,
    ) -> None:
        domain = elements.domain
        if settings.rotational and domain.outlets:
            raise BoundaryError(
                "the rotational form of the pressure does not hold at open boundaries",
                value=", ".join(patch.name for patch in domain.outlets),
                expected="a domain without outlets, or rotational=False",
            )
        self.elements, self.vertices = elements, vertices
        self.fluid, self.settings = fluid, settings
        self.inlets, self.outlets = domain.inlets, domain.outlets
        openings = domain.openings
        self.ports: tuple[str, ...] = tuple(patch.name for patch in openings)
        self._comm = domain.comm
        self._mass, self._stiffness = constant_matrices(elements)
        self._scalar_halo, self._vector_halo = Halo(vertices, 1), Halo(elements, elements.dimension)
        stiffness = self._stiffness if vertices is elements else constant_matrices(vertices)[1]
        inlet_flows = [self._inlet_flow(inlet) for inlet in domain.inlets]
        self._boundary = VelocityBoundary(
            elements, vertices, inlet_flows=inlet_flows, wall_velocity=wall_velocity
        )
        self._velocity_solver = VelocitySolver(
            elements, self._boundary.nodes, tolerance=settings.velocity_tolerance
        )
        self._pressure_step = PressureStep(vertices, stiffness, tolerance=settings.pressure_tolerance)
        self._open_facets = [elements.patch_facets(patch) for patch in openings]
        self._open_corners = [vertices.patch_facets(patch).nodes for patch in openings]
        self._open_boundary = OpenBoundary(elements, vertices, strength=settings.backflow * fluid.density)
        self._total = np.array([float(patch.name not in settings.static_ports) for patch in domain.outlets])
        facet_table = reference_element(elements.degree, elements.dimension - 1, exact=elements.degree)
        self._facet_shares = facet_table.weights @ facet_table.shape
        cell_table = reference_element(elements.degree, elements.dimension, exact=elements.degree)
        self._cell_shares = cell_table.weights @ cell_table.shape
        self.vertex_volumes = vertices.scatter(
            np.repeat(vertices.volumes[:, None] / vertices.cells.shape[1], vertices.cells.shape[1], axis=1)
        )
        self._scalar_halo.sum_to_owners(self.vertex_volumes)
        self._viscous_stress = ViscousStress(elements, fluid)
        self._constant: tuple[float, FloatArray] | None = None
        self.taken: TakenStep | None = None

    def _inlet_flow(self, inlet: Patch) -> InletFlow:
        """The velocity profiles of an inlet."""
        waveform = self.settings.pulsations.get(inlet.name)
        if waveform is None:
            return SteadyShape(self.elements, inlet, layer=self.settings.inlet_layer)
        viscosity = self.fluid.viscosity / self.fluid.density
        return WomersleyShape(self.elements, inlet, waveform=waveform, viscosity=viscosity)

    def initial_state(
        self,
        circuit: Circuit,
        *,
        velocity: Callable[[FloatArray], FloatArray] | None = None,
        pressure: Callable[[FloatArray], FloatArray] | None = None,
    ) -> FlowState:
        """The state at t = 0: fluid at rest under the circuit's pressures, or given fields. Collective.

        Args:
            circuit: The circuit behind the outlets.
            velocity: Velocity (n, d) at points (n, d) [m/s].
            pressure: Pressure (n,) at points (n, d) [Pa].

        Raises:
            BoundaryError: The circuit's ports are not the outlets of the mesh.
        """
        names = tuple(patch.name for patch in self.outlets)
        if tuple(circuit.ports) != names:
            raise BoundaryError(
                "the circuit's ports are not the outlets of the mesh",
                value=", ".join(circuit.ports),
                expected=", ".join(names),
            )
        state = circuit.initial_state()
        drives = circuit.initial_drives() if isinstance(circuit, DrivenCircuit) else np.zeros(len(names))
        first = answer(circuit, state, drives, 0.0, 1e-9).response
        ports = np.where(driven_by_pressure(circuit) > 0.0, drives, first)
        start = np.zeros_like(self.elements.coordinates)
        if velocity is not None:
            start = np.ascontiguousarray(velocity(self.elements.coordinates), dtype=np.float64)
        field = self._pressure_step.lift(ports)
        if pressure is not None:
            field = np.ascontiguousarray(pressure(self.vertices.coordinates), dtype=np.float64)
        return FlowState(
            time=0.0,
            dt=0.0,
            velocity=start,
            previous_velocity=start,
            pressure=field,
            memory=self._first_memory(field),
            circuit=state,
            port_pressures=ports,
            port_offsets=np.zeros_like(ports),
        )

    def advance(
        self, state: FlowState, dt: float, circuit: Circuit, inflow: float | FloatArray = 0.0
    ) -> tuple[FlowState, StepReport]:
        """Advance by a time step dt [s] with flows into the domain [m³/s] at its end. Collective.

        Args:
            state: The flow before.
            dt: Time step [s].
            circuit: The circuit behind the outlets.
            inflow: (i,) through the inlets; one number where there is one inlet, or where none has a flow.

        Raises:
            DivergenceError: A linear solver or the coupling does not converge.
        """
        self.taken = None  # frees the arrays of the last step
        inflows = self._inflows(inflow)
        time = state.time + dt
        scheme = time_scheme(dt, state.dt)
        scale = dt / (scheme.a0 * self.fluid.density)
        terms = self._momentum_terms(state, scheme)
        kinetic = self._open_boundary.kinetic_coefficients(terms.convecting, terms.potential)
        tentative = self._tentative_velocity(terms, scheme, inflows, time)
        rhs, base, start = self._projection_loads(state, scheme, tentative, scale)
        self._boundary.subtract_flux(rhs, inflows, time)
        self._scalar_halo.sum_to_owners(rhs)
        projection = self._pressure_step.solve(
            rhs,
            scale,
            start=start,
            base=base,
            kinetic=self._total * kinetic,
            circuit=circuit,
            circuit_state=state.circuit,
            guess=state.port_pressures + state.port_offsets,
            time=time,
            dt=dt,
        )
        coupling = projection.coupling
        offsets = -kinetic * np.minimum(coupling.flows, 0.0) ** 2
        velocity, pressure, memory, uncorrected = self._end_step(
            state, tentative, projection, scale, inflows, time
        )
        after = FlowState(
            time=time,
            dt=dt,
            velocity=velocity,
            previous_velocity=state.velocity,
            pressure=pressure,
            memory=memory,
            circuit=coupling.state,
            port_pressures=coupling.pressures - offsets,
            port_offsets=offsets,
        )
        report = StepReport(
            pressures=np.concatenate(
                [self.mean_pressures(pressure)[: len(self.inlets)], after.port_pressures]
            ),
            flows=np.concatenate([-inflows, coupling.flows]),
            uncorrected_flows=uncorrected,
            velocity_iterations=self._velocity_solver.iterations,
            pressure_iterations=self._pressure_step.iterations,
        )
        self.taken = TakenStep(before=state, after=after, tentative=tentative, report=report)
        return after, report

    @property
    def prescribed_nodes(self) -> IntArray:
        """Local nodes (owned and ghost) whose velocity is prescribed, on the inlet and the walls."""
        return self._boundary.nodes

    @abstractmethod
    def at_vertices(self, velocity: FloatArray) -> FloatArray:
        """(m, d) the velocity at the mesh vertices."""

    @abstractmethod
    def courant_number(self, velocity: FloatArray, dt: float) -> float:
        """Largest |u| dt / h over the cells, h between two nodes. Collective."""

    @abstractmethod
    def dissipation(self, velocity: FloatArray) -> tuple[float, float]:
        """Power of viscous and of numerical dissipation [W]. Collective."""

    def viscous_loads(self, before: FlowState, after: FlowState) -> FloatArray:
        """(n, d) integrals of the viscous traction mu du/dn times the basis functions on the boundary [N]. Collective.

        They are what is missing in the discrete momentum balance at the boundary's nodes, and one order more accurate
        than the derivatives of the velocity. Away from the boundary they are close to zero.

        Args:
            before, after: The states around the last step.

        Source: Gresho et al., Int. J. Numer. Meth. Fluids 7 (1987), DOI 10.1002/fld.1650071002.
        """
        scheme = time_scheme(after.dt, before.dt)
        velocity = after.velocity
        terms = MomentumTerms(
            past=scheme.a1 * before.velocity - scheme.a2 * before.previous_velocity,
            convecting=velocity,
            potential=self._potential(after, 0.0),
            last_velocity=velocity,
            pressure=after.pressure,
            offsets=after.port_offsets,
        )
        values, rhs = self._momentum_balance(scheme, terms)
        product = self._product(values, velocity)
        self._vector_halo.sum_to_owners(product)
        return product - rhs

    def momentum_terms(self, step: TakenStep) -> MomentumTerms:
        """What the momentum balance of a step was made of."""
        return self._momentum_terms(step.before, time_scheme(step.after.dt, step.before.dt))

    def forces(self, step: TakenStep, terms: MomentumTerms) -> MomentumForces:
        """The terms of the momentum balance of a step, one by one, by the code that assembled them. Collective."""
        scheme, velocity = time_scheme(step.after.dt, step.before.dt), step.tentative
        factor, newtonian = self.fluid.density / scheme.dt, self.fluid.thinning is None
        nothing = np.zeros_like(velocity)
        values, load = self._assemble(
            scheme, replace(terms, past=nothing, pressure=np.zeros_like(terms.pressure))
        )
        convection = self._product(values, velocity) - load
        convection -= scheme.a0 * factor * self._product(self._mass, velocity)
        if newtonian:
            viscosity = self.fluid.viscosity * self._product(self._stiffness, velocity)
            convection -= viscosity
        else:
            values, load = np.zeros_like(self._mass), np.zeros_like(velocity)
            self._viscous_stress.add(terms.convecting, values, load)
            viscosity = self._product(values, velocity) - load
        return MomentumForces(
            inertia=factor * self._product(self._mass, scheme.a0 * velocity - terms.past),
            convection=convection,
            viscosity=viscosity,
            backflow=self._open_boundary.force(terms.convecting, terms.potential, terms.offsets, velocity),
            pressure=self.pressure_force(terms.pressure),
        )

    def pressure_force(self, pressure: FloatArray) -> FloatArray:
        """(n, d) integrals of grad p times the basis over this rank's cells [N]."""
        elements = self.elements
        force = np.zeros_like(elements.coordinates)
        subtract_pressure_gradient(
            elements.cells,
            self.vertices.cells,
            elements.gradients,
            elements.volumes,
            self._cell_shares,
            -pressure,
            force,
        )
        return force

    def squared_norm(self, velocity: FloatArray) -> float:
        """Integral of |u|² over this rank's cells [m⁵/s², in 2D m⁴/s²]."""
        return float(np.einsum("nd,nd->", velocity, self._product(self._mass, velocity)))

    def viscous_power(self, velocity: FloatArray) -> float:
        """Power that viscosity turns into heat in this rank's cells [W, in 2D W/m]."""
        return self._viscous_stress.power(velocity)

    def flows(self, velocity: FloatArray) -> FloatArray:
        """(k,) flow of a velocity field out of the domain through the openings [m³/s]. Collective."""
        local = [
            np.einsum("j,fjd,fd->", self._facet_shares, velocity[facets.nodes], facets.area_normals)
            for facets in self._open_facets
        ]
        return np.asarray(self._comm.allreduce(np.array(local), op=MPI.SUM))

    def mean_pressures(self, pressure: FloatArray) -> FloatArray:
        """(k,) mean of the pressure over each opening [Pa]. Collective."""
        local = [
            [float(facets.areas @ pressure[corners].mean(axis=1)), float(facets.areas.sum())]
            for facets, corners in zip(self._open_facets, self._open_corners, strict=True)
        ]
        sums = self._comm.allreduce(np.array(local).reshape(-1, 2), op=MPI.SUM)
        return np.asarray(sums[:, 0] / sums[:, 1])

    @abstractmethod
    def _first_memory(self, pressure: FloatArray) -> dict[str, FloatArray]:
        """The stepper's own arrays at t = 0."""

    @abstractmethod
    def _driving_pressure(self, state: FlowState, scheme: TimeScheme) -> FloatArray:
        """(m,) the pressure whose gradient drives the tentative velocity [Pa]."""

    @abstractmethod
    def _potential(self, state: FlowState, ratio: float) -> FloatArray:
        """(m,) extrapolated potential whose gradient belongs to the convecting velocity; empty where there is none."""

    @abstractmethod
    def _assemble(self, scheme: TimeScheme, terms: MomentumTerms) -> tuple[FloatArray, FloatArray]:
        """Matrix values and load (n, d) of the momentum balance but for open boundaries and shear thinning."""

    @abstractmethod
    def _projection_loads(
        self, state: FlowState, scheme: TimeScheme, tentative: FloatArray, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Loads of the pressure step without the flux of prescribed velocities, base pressures, and start."""

    @abstractmethod
    def _end_step(
        self,
        state: FlowState,
        tentative: FloatArray,
        projection: Projection,
        scale: float,
        inflows: FloatArray,
        time: float,
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], FloatArray]:
        """Velocity, pressure and memory at the end, and the flows of the velocity before corrections."""

    def _momentum_balance(self, scheme: TimeScheme, terms: MomentumTerms) -> tuple[FloatArray, FloatArray]:
        """Matrix values of this rank's cells, and load (n, d) summed over the ranks. Collective."""
        values, rhs = self._assemble(scheme, terms)
        if self.fluid.thinning is not None:
            self._viscous_stress.add(terms.convecting, values, rhs)
        self._open_boundary.add_backflow(terms.convecting, terms.potential, terms.offsets, values, rhs)
        self._vector_halo.sum_to_owners(rhs)
        return values, rhs

    def _tentative_velocity(
        self, terms: MomentumTerms, scheme: TimeScheme, inflows: FloatArray, time: float
    ) -> FloatArray:
        """(n, d) u*; takes the place of the convecting velocity, from which the solver starts."""
        values, rhs = self._momentum_balance(scheme, terms)
        velocity = terms.convecting
        self._boundary.impose(velocity, inflows, time)
        self._velocity_solver.solve(values, rhs, velocity)
        return velocity

    def _inflows(self, inflow: float | FloatArray) -> FloatArray:
        """(i,) flows through the inlets; one number is that of the one inlet, or none through several."""
        count = len(self.inlets)
        inflows = np.atleast_1d(np.asarray(inflow, dtype=np.float64))
        if inflows.size != count:
            if inflows.any() and (inflows.size > 1 or count > 1):
                raise ValueError(f"expected {count} inflows, not {inflows.size}")
            inflows = np.zeros(count)
        return inflows

    def _momentum_terms(self, state: FlowState, scheme: TimeScheme) -> MomentumTerms:
        """The terms of the step that starts from a state; the arrays are new but for the last velocity."""
        r = scheme.ratio
        return MomentumTerms(
            past=scheme.a1 * state.velocity - scheme.a2 * state.previous_velocity,
            convecting=(1.0 + r) * state.velocity - r * state.previous_velocity,
            potential=self._potential(state, r),
            last_velocity=state.velocity,
            pressure=self._driving_pressure(state, scheme),
            offsets=state.port_offsets,
        )

    def _constant_values(self, scheme: TimeScheme) -> FloatArray:
        """A fresh copy of the matrix values that no velocity changes."""
        factor = scheme.a0 * self.fluid.density / scheme.dt
        if self._constant is None or self._constant[0] != factor:
            values = factor * self._mass
            if self.fluid.thinning is None:
                values += self.fluid.viscosity * self._stiffness
            self._constant = (factor, values)
        return self._constant[1].copy()

    def _product(self, values: FloatArray, velocity: FloatArray) -> FloatArray:
        """(n, d) product of the values of a local matrix with a velocity."""
        product = np.empty_like(velocity)
        multiply(self.elements.indptr, self.elements.indices, values, velocity, product)
        return product
