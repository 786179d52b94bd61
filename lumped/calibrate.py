"""Tuning Windkessels to a child: cuff pressures and the share of the flow that each outlet takes.

Unknown are the total resistance R_k of every outlet, one total compliance C and one ratio a of proximal to
total resistance; every outlet gets

    Rp_k = a R_k,    Rd_k = (1 - a) R_k,    C_k = s_k C,

with s_k its share of the compliance (the share of the flow unless given). Wanted are the flow fractions and
the mean, systolic and diastolic pressure at the cuff's site: n + 2 equations for n + 2 unknowns, since the
fractions add to one. Each wish has an unknown that moves it most: R_k the flows and the mean pressure, C the
pulse pressure, and a how far the mean lies above the diastolic pressure.

The way to a tuned 3D simulation, where the surrogate from the centrelines is only a first guess:

    fit = tune_windkessels(surrogate_from_paths(...), inflow, targets)
    history = ...                                    # 3D simulation with fit.circuit
    fit = retune_windkessels(history, fit.circuit, inflow, targets)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError
from hemoplan.results import PortHistory
from hemoplan.units import MMHG, to_unit
from hemoplan.waveform import Waveform
from lumped.fitting import fit_surrogate, last_cycle
from lumped.simulation import STEPS, periodic_circuit, simulate, simulate_to_periodicity
from lumped.surrogate import Surrogate
from lumped.windkessel import Windkessel, WindkesselBank

RATIO_LIMITS = (0.002, 0.6)
"""Between which the proximal share of a total resistance is sought."""
TIME_CONSTANT_LIMITS = (0.02, 20.0)
"""Between which total compliance times systemic resistance is sought, in cycles."""
RESISTANCE_ROOM = 20.0
"""Factor around its first guess in which a total resistance is sought."""
MAX_CYCLES = 10000
"""Where a simulation gives up on periodicity while the search tries extreme values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CuffPressure:
    """Pressures of one cardiac cycle at one place [Pa]."""

    systolic: float
    diastolic: float
    mean: float

    def __str__(self) -> str:
        systolic, diastolic = to_unit(self.systolic, "mmHg"), to_unit(self.diastolic, "mmHg")
        return f"{systolic:.1f}/{diastolic:.1f} ({to_unit(self.mean, 'mmHg'):.1f}) mmHg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the Windkessels are tuned to.

    Attributes:
        cuff: Pressures at the site.
        site: Port that the cuff stands for: an outlet, or the inlet.
        fractions: Share of the mean inflow by outlet; they add to one.
        venous_pressure: Pressure behind all Windkessels [Pa].
    """

    cuff: CuffPressure
    site: str
    fractions: Mapping[str, float]
    venous_pressure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Tuned Windkessels, and what the surrogate predicts with them.

    Attributes:
        circuit: The Windkessels, starting from their periodic state.
        predicted: Pressures at the site.
        fractions: Share of the mean inflow by outlet.
        pressure_error: Largest miss of a cuff pressure [Pa].
        fraction_error: Largest miss of a flow fraction.
        history: The periodic cycle behind these numbers.
    """

    circuit: WindkesselBank
    predicted: CuffPressure
    fractions: Mapping[str, float]
    pressure_error: float
    fraction_error: float
    history: PortHistory


def tune_windkessels(
    surrogate: Surrogate,
    inflow: Waveform,
    targets: Targets,
    *,
    compliance_shares: Mapping[str, float] | None = None,
    tolerance: float = 3.0 * MMHG,
    fraction_tolerance: float = 0.01,
    steps: int = STEPS,
) -> Fit:
    """Find the Windkessels that give the cuff pressures and the flow fractions behind a surrogate.

    Args:
        surrogate: Stand-in of the 3D domain, from its centrelines or fitted to a 3D simulation.
        inflow: Flow into the domain [m³/s].
        targets: Cuff pressures, their site, flow fractions and venous pressure.
        compliance_shares: Share of the compliance by outlet, of any sum; the flow fractions if absent.
        tolerance: Largest accepted miss of a cuff pressure [Pa].
        fraction_tolerance: Largest accepted miss of a flow fraction.
        steps: Time steps a cycle.

    Raises:
        CalibrationError: The targets contradict each other, or no Windkessels meet them; says by how much.
    """
    shares = _checked_shares(surrogate, inflow, targets, compliance_shares)
    guess, lowest, highest = _search_box(surrogate, inflow, targets)

    def residuals(unknowns: FloatArray) -> FloatArray:
        bank = _bank(surrogate, unknowns, shares, targets.venous_pressure)
        run = simulate_to_periodicity(surrogate, bank, inflow, steps=steps, max_cycles=MAX_CYCLES)
        misses = _misses(cuff_pressure(run.history, targets.site), targets.cuff)
        pulse = targets.cuff.systolic - targets.cuff.diastolic
        flows = run.history.flows[:, 1:].mean(axis=0) / inflow.mean()
        wanted = np.array([targets.fractions[outlet] for outlet in surrogate.outlets])
        return np.concatenate([np.array(list(misses.values())) / pulse, (flows - wanted) / wanted])

    limits = (lowest, highest)
    solution = least_squares(residuals, guess, bounds=limits, diff_step=1e-4, xtol=1e-10, ftol=1e-12)
    bank = _bank(surrogate, solution.x, shares, targets.venous_pressure)
    fit = assess(surrogate, bank, inflow, targets, steps=steps)
    if fit.pressure_error > tolerance or fit.fraction_error > fraction_tolerance:
        raise _unreachable(fit, targets)
    return fit


def retune_windkessels(
    history: PortHistory,
    circuit: WindkesselBank,
    inflow: Waveform,
    targets: Targets,
    *,
    compliance_shares: Mapping[str, float] | None = None,
    tolerance: float = 3.0 * MMHG,
    fraction_tolerance: float = 0.01,
    steps: int = STEPS,
) -> Fit:
    """Tune again with what a 3D simulation has taught.

    A surrogate is fitted to the last cycle, and run from the same start for as many cycles as the simulation. What
    it misses of the last one's cuff pressures and flow fractions is taken as a bias that it will have again: the
    Windkessels are tuned to the targets less the bias, and the prediction has it added. Since both have come from
    the same start, the simulation need not be periodic yet: one beat is enough.

    Args:
        history: Pressures and flows of the 3D simulation, from t = 0.
        circuit: The Windkessels of that simulation, with the state from which it started.
        inflow, targets, compliance_shares, tolerance, fraction_tolerance, steps: As of `tune_windkessels`.

    Raises:
        CalibrationError: The history cannot be learnt from, or as `tune_windkessels`.
    """
    surrogate = fit_surrogate(history, period=inflow.period).surrogate
    circuit = circuit.reordered(surrogate.outlets)
    cycle = last_cycle(history, inflow.period)
    cycles = max(1, round(float(history.times[-1]) / inflow.period))
    model = simulate(surrogate, circuit, inflow, cycles=cycles, steps=steps).history.cycle(inflow.period, -1)
    bias = _misses(cuff_pressure(cycle, targets.site), cuff_pressure(model, targets.site))
    shift = {
        outlet: float((cycle.flow(outlet).mean() - model.flow(outlet).mean()) / inflow.mean())
        for outlet in surrogate.outlets
    }
    aims = {outlet: targets.fractions[outlet] - shift[outlet] for outlet in surrogate.outlets}
    total = sum(aims.values())
    corrected = Targets(
        cuff=_moved(targets.cuff, bias, -1.0),
        site=targets.site,
        fractions={outlet: aim / total for outlet, aim in aims.items()},
        venous_pressure=targets.venous_pressure,
    )
    fit = tune_windkessels(
        surrogate,
        inflow,
        corrected,
        compliance_shares=targets.fractions if compliance_shares is None else compliance_shares,
        tolerance=tolerance,
        fraction_tolerance=fraction_tolerance,
        steps=steps,
    )
    return replace(
        fit,
        predicted=_moved(fit.predicted, bias, 1.0),
        fractions={outlet: fraction + shift[outlet] for outlet, fraction in fit.fractions.items()},
    )


def assess(
    surrogate: Surrogate, circuit: WindkesselBank, inflow: Waveform, targets: Targets, *, steps: int = STEPS
) -> Fit:
    """What a surrogate predicts with given Windkessels, measured against the targets.

    Raises:
        BoundaryError, CalibrationError: As `lumped.simulation.simulate_to_periodicity`.
    """
    circuit = periodic_circuit(surrogate, circuit, inflow, steps=steps)
    history = simulate_to_periodicity(surrogate, circuit, inflow, steps=steps).history
    predicted = cuff_pressure(history, targets.site)
    fractions = {outlet: float(history.flow(outlet).mean() / inflow.mean()) for outlet in surrogate.outlets}
    return Fit(
        circuit=circuit,
        predicted=predicted,
        fractions=fractions,
        pressure_error=max(abs(miss) for miss in _misses(predicted, targets.cuff).values()),
        fraction_error=max(abs(fractions[outlet] - targets.fractions[outlet]) for outlet in fractions),
        history=history,
    )


def cuff_pressure(history: PortHistory, site: str) -> CuffPressure:
    """Systolic, diastolic and mean pressure at a port, over one cycle at a constant time step."""
    pressure = history.pressure(site)
    return CuffPressure(
        systolic=float(pressure.max()), diastolic=float(pressure.min()), mean=float(pressure.mean())
    )


def _moved(cuff: CuffPressure, bias: Mapping[str, float], sign: float) -> CuffPressure:
    return CuffPressure(
        systolic=cuff.systolic + sign * bias["systolic"],
        diastolic=cuff.diastolic + sign * bias["diastolic"],
        mean=cuff.mean + sign * bias["mean"],
    )


def _misses(predicted: CuffPressure, wanted: CuffPressure) -> dict[str, float]:
    return {
        "systolic": predicted.systolic - wanted.systolic,
        "diastolic": predicted.diastolic - wanted.diastolic,
        "mean": predicted.mean - wanted.mean,
    }


def _checked_shares(
    surrogate: Surrogate, inflow: Waveform, targets: Targets, shares: Mapping[str, float] | None
) -> FloatArray:
    """(n,) shares of the compliance, after a look at all that is asked."""
    cuff = targets.cuff
    if not targets.venous_pressure < cuff.diastolic < cuff.mean < cuff.systolic:
        raise CalibrationError(
            "the pressures contradict each other",
            where="cuff",
            value=f"{cuff}, venous {to_unit(targets.venous_pressure, 'mmHg'):.1f} mmHg",
            expected="venous < diastolic < mean < systolic",
        )
    if targets.site not in (surrogate.inlet, *surrogate.outlets):
        raise CalibrationError(
            "the site of the cuff is no opening",
            where="cuff",
            value=targets.site,
            expected=f"one of {', '.join((surrogate.inlet, *surrogate.outlets))}",
        )
    if not inflow.mean() > 0.0:
        raise CalibrationError(
            "the mean inflow is not positive", where="inflow", value=f"{inflow.mean():g} m³/s"
        )
    for name, mapping in (("flow fractions", targets.fractions), ("compliance shares", shares)):
        if mapping is not None and (
            sorted(mapping) != sorted(surrogate.outlets) or not all(value > 0.0 for value in mapping.values())
        ):
            raise CalibrationError(
                f"the {name} must be positive, one for each outlet",
                where="outlets",
                value=", ".join(f"{outlet} {value:g}" for outlet, value in mapping.items()),
                expected=", ".join(surrogate.outlets),
            )
    total = sum(targets.fractions.values())
    if abs(total - 1.0) > 1e-3:
        raise CalibrationError(
            "the flow fractions do not add up to one", where="outlets", value=f"{total:g}", expected="1"
        )
    chosen = targets.fractions if shares is None else shares
    values = np.array([chosen[outlet] for outlet in surrogate.outlets])
    return np.asarray(values / values.sum(), dtype=np.float64)


def _search_box(
    surrogate: Surrogate, inflow: Waveform, targets: Targets
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First guess, lower and upper limits of the unknowns: log R_k, log C and log a.

    Raises:
        CalibrationError: A branch alone drops more pressure than there is.
    """
    mean = inflow.mean()
    available = targets.cuff.mean - targets.venous_pressure
    drops = {
        outlet: _steady_drop(surrogate, outlet, targets.fractions[outlet] * mean)
        for outlet in surrogate.outlets
    }
    reference = drops.get(targets.site, 0.0)
    resistances = []
    for outlet, drop in drops.items():
        left = available + reference - drop
        if left <= 0.0:
            raise CalibrationError(
                "the vessel is too narrow for the flow that is asked through it",
                where=f"outlets.{outlet}",
                value=f"{to_unit(drop - reference, 'mmHg'):.1f} mmHg lost on the way to the outlet",
                expected=f"less than the {to_unit(available, 'mmHg'):.1f} mmHg between cuff and veins",
                remedy="lower the flow fraction of this outlet, or check the segmentation for a narrowing",
            )
        resistances.append(left / (targets.fractions[outlet] * mean))
    systemic = available / mean
    guess = np.log([*resistances, 1.5 * inflow.period / systemic, 0.1])
    low, high = TIME_CONSTANT_LIMITS
    room = np.log(RESISTANCE_ROOM)
    lowest = np.append(guess[:-2] - room, np.log([low * inflow.period / systemic, RATIO_LIMITS[0]]))
    highest = np.append(guess[:-2] + room, np.log([high * inflow.period / systemic, RATIO_LIMITS[1]]))
    return guess, lowest, highest


def _steady_drop(surrogate: Surrogate, outlet: str, flow: float) -> float:
    """Pressure drop of a branch at a steady flow [Pa], which is less than the mean drop of a pulsed one."""
    branch = surrogate[outlet]
    return branch.resistance * flow + branch.loss * flow**2


def _bank(
    surrogate: Surrogate, unknowns: FloatArray, shares: FloatArray, venous_pressure: float
) -> WindkesselBank:
    """The Windkessels that (n + 2,) unknowns log R_k, log C and log a stand for."""
    *resistances, compliance, ratio = np.exp(unknowns)
    return WindkesselBank.of(
        {
            outlet: Windkessel(
                proximal_resistance=float(ratio * resistance),
                compliance=float(share * compliance),
                distal_resistance=float((1.0 - ratio) * resistance),
                distal_pressure=venous_pressure,
            )
            for outlet, resistance, share in zip(surrogate.outlets, resistances, shares, strict=True)
        }
    )


def _unreachable(fit: Fit, targets: Targets) -> CalibrationError:
    misses = _misses(fit.predicted, targets.cuff)
    worst = max(misses, key=lambda name: abs(misses[name]))
    outlet = max(fit.fractions, key=lambda name: abs(fit.fractions[name] - targets.fractions[name]))
    reason = f"nearest is {fit.predicted}, {worst} off by {to_unit(misses[worst], 'mmHg'):+.1f} mmHg"
    if fit.fraction_error > 1e-3:
        asked = targets.fractions[outlet]
        reason += f", and a flow fraction of {fit.fractions[outlet]:.3f} for {outlet}, not {asked:.3f}"
    return CalibrationError(
        "no Windkessels meet the child's cuff pressures and flow fractions",
        where=f"cuff at {targets.site}",
        value=f"{targets.cuff}; {reason}",
        remedy="check the mean inflow, the cuff's site and the flow fractions; a large stroke volume with a "
        "small pulse pressure, or a mean far from diastolic + pulse / 3, has no solution",
    )
