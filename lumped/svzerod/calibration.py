"""Fitting the vessels and junctions of a model to flows and pressures that were observed at all nodes.

The equations of vessels and junctions are taken at the observed y and y', and the parameters make the sum of squares of
their residuals r smallest (Levenberg 1944; Marquardt 1963, DOI 10.1137/0111030):

    (J^T J + lambda diag(J^T J)) delta = J^T r,    alpha <- alpha - delta

with lambda following the norm of J^T r from one iteration to the next. No two blocks share a parameter, so that each
has a small system of its own. A parameter that no observation depends on keeps its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError, CaseError
from hemoplan.spelling import hint
from lumped.svzerod.parameters import read_number
from lumped.svzerod.schema import JunctionEntry, SvzerodModel, Vessel

type Chosen = NDArray[np.bool_]

VESSEL_PARAMETERS = ("R_poiseuille", "C", "L", "stenosis_coefficient")
JUNCTION_PARAMETERS = ("R_poiseuille", "L", "stenosis_coefficient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted model.

    Attributes:
        model: The model with fitted vessels and junctions, without observations.
        converged: Whether both tolerances were met.
        iterations: Iterations that were taken.
        gradient: Norm of J^T r in the last.
        increment: Norm of the change of the parameters in the last.
        residual: Root of the mean square of the residuals, in the mixed units of the equations.
    """

    model: SvzerodModel
    converged: bool
    iterations: int
    gradient: float
    increment: float
    residual: float


def calibrate(model: SvzerodModel, where: str = "model") -> Calibration:
    """Fit a model to its observations `y` and `dy`.

    Compliances and inertances below zero are written as zero. A junction with several outlets becomes a
    'BloodVesselJunction'.

    Args:
        model: What `read_model` gives, with `calibration_parameters`, `y` and `dy`.
        where: File, for messages.

    Raises:
        CaseError: The file asks for something unknown, or connects what is not there.
        CalibrationError: Observations are missing or of different lengths, or nothing is to be fitted.
    """
    options = model.calibration_parameters
    if options is None or model.y is None or model.dy is None:
        raise CalibrationError(
            "the model has nothing to be fitted to",
            where=where,
            expected="'calibration_parameters', 'y' and 'dy'",
        )
    observations = _Observations(model, where)
    fits = list(_collect(model, observations, where))
    if not any(fit.free.any() for fit in fits):
        raise CalibrationError(
            "no parameter is to be fitted",
            where=where,
            remedy="name one in 'calibrate' or leave 'calibrate' out",
        )
    damping, before = options.initial_damping_factor, 0.0
    iterations, gradient, increment = 0, np.inf, np.inf
    while iterations < options.maximum_iterations:
        systems = [fit.linearise() for fit in fits]
        gradient = float(np.sqrt(sum(float(g @ g) for _, g in systems)))
        if iterations > 0 and before > 0.0:
            damping *= gradient / before
        before = gradient
        steps = [_solve(normal, g, damping) for normal, g in systems]
        for fit, step in zip(fits, steps, strict=True):
            fit.alpha[fit.free] -= step
        increment = float(np.sqrt(sum(float(step @ step) for step in steps)))
        iterations += 1
        if gradient < options.tolerance_gradient and increment < options.tolerance_increment:
            break
    residuals = np.concatenate([fit.evaluate()[0] for fit in fits])
    return Calibration(
        model=_write(model, fits),
        converged=gradient < options.tolerance_gradient and increment < options.tolerance_increment,
        iterations=iterations,
        gradient=gradient,
        increment=increment,
        residual=float(np.sqrt(np.mean(residuals**2))),
    )


class _Observations:
    """Observed values and rates by node."""

    def __init__(self, model: SvzerodModel, where: str) -> None:
        self._where = where
        self._values = {"y": model.y or {}, "dy": model.dy or {}}
        lengths = {len(series) for table in self._values.values() for series in table.values()}
        if len(lengths) != 1 or lengths == {0}:
            raise CalibrationError(
                "the observations differ in length or are empty", where=where, value=sorted(lengths)
            )

    def at(self, node: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Pressure, flow, and their rates at a node."""
        series = [
            self._series(table, f"{quantity}:{node}")
            for table in ("y", "dy")
            for quantity in ("pressure", "flow")
        ]
        return series[0], series[1], series[2], series[3]

    def _series(self, table: str, name: str) -> FloatArray:
        known = self._values[table]
        if name not in known:
            raise CalibrationError(
                f"'{table}' lacks the observation '{name}'; {hint(name, known)}", where=self._where
            )
        return np.array(known[name], dtype=np.float64)


@dataclass(slots=True, kw_only=True)
class _VesselFit:
    """The two equations of `BloodVessel` or `BloodVesselCRL` at the observations; alpha = (R, C, L, S)."""

    name: str
    compliance_first: bool
    alpha: FloatArray
    free: Chosen
    inlet: tuple[FloatArray, FloatArray, FloatArray, FloatArray]
    outlet: tuple[FloatArray, FloatArray, FloatArray, FloatArray]

    def evaluate(self) -> tuple[FloatArray, FloatArray]:
        """Residuals (2 m,) and their derivatives (2 m, 4)."""
        p_in, q_in, dp_in, dq_in = self.inlet
        p_out, q_out, _, dq_out = self.outlet
        R, C, L, S = self.alpha
        if self.compliance_first:
            momentum = p_in - p_out - (R + S * np.abs(q_out)) * q_out - L * dq_out
            zero = np.zeros_like(p_in)
            of_momentum = np.stack((-q_out, zero, -dq_out, -np.abs(q_out) * q_out), axis=1)
            of_mass = np.stack((zero, -dp_in, zero, zero), axis=1)
            return np.concatenate((momentum, q_in - q_out - C * dp_in)), np.concatenate(
                (of_momentum, of_mass)
            )
        size = np.abs(q_in)
        momentum = p_in - p_out - (R + S * size) * q_in - L * dq_out
        mass = q_in - q_out - C * dp_in + C * (R + 2.0 * S * size) * dq_in
        zero = np.zeros_like(p_in)
        of_momentum = np.stack((-q_in, zero, -dq_out, -size * q_in), axis=1)
        of_mass = np.stack(
            (C * dq_in, (R + 2.0 * S * size) * dq_in - dp_in, zero, 2.0 * C * size * dq_in), axis=1
        )
        return np.concatenate((momentum, mass)), np.concatenate((of_momentum, of_mass))

    def linearise(self) -> tuple[FloatArray, FloatArray]:
        """J^T J and J^T r of the parameters that are fitted."""
        return _normal_equations(*self.evaluate(), self.free)


@dataclass(slots=True, kw_only=True)
class _BranchFit:
    """The equation of one outlet of a `BloodVesselJunction`; alpha = (R, L, S)."""

    name: str
    alpha: FloatArray
    free: Chosen
    inlet: tuple[FloatArray, FloatArray, FloatArray, FloatArray]
    outlet: tuple[FloatArray, FloatArray, FloatArray, FloatArray]

    def evaluate(self) -> tuple[FloatArray, FloatArray]:
        """Residuals (m,) and their derivatives (m, 3)."""
        p_out, q, _, dq = self.outlet
        R, L, S = self.alpha
        drop = self.inlet[0] - p_out - (R + S * np.abs(q)) * q - L * dq
        return drop, np.stack((-q, -dq, -np.abs(q) * q), axis=1)

    def linearise(self) -> tuple[FloatArray, FloatArray]:
        """J^T J and J^T r of the parameters that are fitted."""
        return _normal_equations(*self.evaluate(), self.free)


type _Fit = _VesselFit | _BranchFit


def _normal_equations(
    residual: FloatArray, jacobian: FloatArray, free: Chosen
) -> tuple[FloatArray, FloatArray]:
    fitted = jacobian[:, free]
    return fitted.T @ fitted, fitted.T @ residual


def _solve(normal: FloatArray, gradient: FloatArray, damping: float) -> FloatArray:
    """The step, with columns scaled to one; zero for a parameter that nothing depends on."""
    size = np.sqrt(np.diag(normal))
    seen = size > 0.0
    step = np.zeros_like(gradient)
    if seen.any():
        scaled = normal[np.ix_(seen, seen)] / np.outer(size[seen], size[seen])
        scaled += damping * np.eye(int(seen.sum()))
        step[seen] = np.linalg.lstsq(scaled, gradient[seen] / size[seen], rcond=None)[0] / size[seen]
    return step


def _collect(model: SvzerodModel, observations: _Observations, where: str) -> Iterable[_Fit]:
    names: dict[int, str] = {vessel.vessel_id: vessel.vessel_name for vessel in model.vessels}
    before: dict[str, list[str]] = {}
    behind: dict[str, list[str]] = {}
    for vessel in model.vessels:
        ends = vessel.boundary_conditions
        before[vessel.vessel_name] = [f"{ends.inlet}:{vessel.vessel_name}"] if ends.inlet else []
        behind[vessel.vessel_name] = [f"{vessel.vessel_name}:{ends.outlet}"] if ends.outlet else []
    for junction in model.junctions:
        inlets, outlets = _junction_ends(junction, names, where)
        for name in inlets:
            behind[name].append(f"{name}:{junction.junction_name}")
        for name in outlets:
            before[name].append(f"{junction.junction_name}:{name}")
    for vessel in model.vessels:
        name = vessel.vessel_name
        place = f"{where}: vessel '{name}'"
        if (
            vessel.zero_d_element_type not in ("BloodVessel", "BloodVesselCRL")
            or len(before[name]) != 1
            or len(behind[name]) != 1
        ):
            raise CaseError(
                f"'{name}' cannot be fitted",
                where=place,
                value=f"{vessel.zero_d_element_type} with {len(before[name])} inlets and {len(behind[name])} outlets",
                expected="a 'BloodVessel' or 'BloodVesselCRL' with one connection at each end",
            )
        start = [
            read_number(vessel.zero_d_element_values.get(key, 0.0), key, place) for key in VESSEL_PARAMETERS
        ]
        yield _VesselFit(
            name=name,
            compliance_first=vessel.zero_d_element_type == "BloodVesselCRL",
            alpha=np.array(start),
            free=_chosen(model, vessel, VESSEL_PARAMETERS, place),
            inlet=observations.at(before[name][0]),
            outlet=observations.at(behind[name][0]),
        )
    for junction in model.junctions:
        inlets, outlets = _junction_ends(junction, names, where)
        place = f"{where}: junction '{junction.junction_name}'"
        if len(outlets) < 2:
            continue
        if len(inlets) != 1:
            raise CaseError(
                "a junction with several outlets cannot be fitted",
                where=place,
                value=f"{len(inlets)} inlets",
                expected="1",
            )
        starts = np.zeros((len(outlets), len(JUNCTION_PARAMETERS)))
        if junction.junction_type == "BloodVesselJunction":
            for column, key in enumerate(JUNCTION_PARAMETERS):
                given = junction.junction_values.get(key)
                if not isinstance(given, list) or len(given) != len(outlets):
                    raise CaseError(
                        f"'{key}' does not have one number for each outlet", where=place, value=given
                    )
                starts[:, column] = [read_number(each, key, place) for each in given]
        for name, branch in zip(outlets, starts, strict=True):
            yield _BranchFit(
                name=junction.junction_name,
                alpha=branch,
                free=_chosen(model, junction, JUNCTION_PARAMETERS, place),
                inlet=observations.at(f"{inlets[0]}:{junction.junction_name}"),
                outlet=observations.at(f"{junction.junction_name}:{name}"),
            )


def _junction_ends(junction: JunctionEntry, names: dict[int, str], where: str) -> tuple[list[str], list[str]]:
    ids = (junction.inlet_vessels, junction.outlet_vessels)
    if ids[0] is None or ids[1] is None:
        return list(junction.inlet_blocks or ()), list(junction.outlet_blocks or ())
    for identity in (*ids[0], *ids[1]):
        if identity not in names:
            raise CaseError(
                f"the vessel id {identity} belongs to no vessel",
                where=f"{where}: junction '{junction.junction_name}'",
            )
    return [names[each] for each in ids[0]], [names[each] for each in ids[1]]


def _chosen(
    model: SvzerodModel, entry: Vessel | JunctionEntry, parameters: Sequence[str], place: str
) -> Chosen:
    """Which parameters of a block are fitted: as it says itself, else as the model says, else all."""
    options = model.calibration_parameters
    assert options is not None, "a model that is fitted says how"
    wanted = entry.calibrate if entry.calibrate is not None else options.calibrate
    for name in wanted or ():
        if name not in VESSEL_PARAMETERS:
            raise CaseError(
                f"unknown parameter '{name}' in 'calibrate'; {hint(name, VESSEL_PARAMETERS)}", where=place
            )
    fixed = set() if options.calibrate_stenosis_coefficient else {"stenosis_coefficient"}
    return np.array([(wanted is None or name in wanted) and name not in fixed for name in parameters])


def _write(model: SvzerodModel, fits: Sequence[_Fit]) -> SvzerodModel:
    options = model.calibration_parameters
    assert options is not None, "a model that is fitted says how"
    vessels = {fit.name: fit.alpha for fit in fits if isinstance(fit, _VesselFit)}
    branches: dict[str, list[FloatArray]] = {}
    for fit in fits:
        if isinstance(fit, _BranchFit):
            branches.setdefault(fit.name, []).append(fit.alpha)
    content = model.model_dump(exclude_unset=True)
    for vessel in content.get("vessels", []):
        R, C, L, S = (float(each) for each in vessels[vessel["vessel_name"]])
        vessel["zero_d_element_values"] = {
            "R_poiseuille": R,
            "C": 0.0 if options.set_capacitance_to_zero else max(C, 0.0),
            "L": max(L, 0.0),
            "stenosis_coefficient": S,
        }
    for junction in content.get("junctions", []):
        if junction["junction_name"] in branches:
            R_all, L_all, S_all = np.array(branches[junction["junction_name"]]).T
            junction["junction_type"] = "BloodVesselJunction"
            junction["junction_values"] = {
                "R_poiseuille": R_all.tolist(),
                "L": np.maximum(L_all, 0.0).tolist(),
                "stenosis_coefficient": S_all.tolist(),
            }
    for key in ("y", "dy", "calibration_parameters"):
        content.pop(key, None)
    return SvzerodModel.model_validate(content)
