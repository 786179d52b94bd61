"""Targets that no parameters could meet: unknown names, and numbers that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError
from hemoplan.spelling import hint
from lumped.bedside.quantities import QUANTITIES
from lumped.bedside.targets import Bedside, Target
from lumped.blocks.compartments import CHAMBERS, COMPARTMENTS
from lumped.circulation.graph import OUTSIDE, Circulation
from lumped.circulation.kinds import holds_blood
from lumped.circulation.problems import Problem, problems_error

FAR = 3.0
"""Standard deviations beyond which two measured numbers contradict each other."""
PARALLEL = 1e-9


def check_targets(bedside: Bedside, circulation: Circulation) -> None:
    """Refuse targets that no parameters of the circulation could meet.

    Raises:
        CalibrationError: One error that lists every problem.
    """
    where = bedside.origin or bedside.name
    problems = [*_unknown_names(bedside.targets, circulation), *_repeated(bedside.targets)]
    if not problems:
        problems += [
            *_pressures(bedside.targets),
            *_volumes(bedside.targets),
            *_outputs(bedside.targets),
            *_forced_flows(bedside.targets, circulation),
        ]
    if problems:
        raise problems_error(CalibrationError, "the bedside data", where, problems)


def _place(target: Target, key: str = "value") -> tuple[str, ...]:
    return ("targets", target.name, key)


def _unknown_names(targets: Sequence[Target], circulation: Circulation) -> Iterator[Problem]:
    compartments = [each.name for each in circulation.compartments]
    chambers = [each.name for each in circulation.compartments if each.kind in CHAMBERS]
    connections = [each.name for each in circulation.connections]
    known = {
        "nowhere": [],
        "compartment": compartments,
        "chamber": chambers,
        "connection": connections,
        "connections": connections,
    }
    for target in targets:
        if not (math.isfinite(target.value) and math.isfinite(target.sigma) and target.sigma > 0.0):
            yield Problem(
                _place(target),
                "expected a finite number with an uncertainty above zero "
                f"(value: {target.value} ± {target.sigma})",
            )
        quantity = QUANTITIES[target.quantity]
        names = known[quantity.place]
        for key, given in (("of", target.of), (quantity.second, target.second)):
            if not given and (key == "of") == (quantity.place != "nowhere") and key:
                yield Problem(_place(target, key), "missing; expected a name of the circulation")
            if len(given) > 1 and quantity.place != "connections":
                yield Problem(_place(target, key), f"expected one name (value: {', '.join(given)})")
            for name in given:
                if name not in names:
                    what = {"chamber": "chamber of the heart", "connections": "connection"}.get(
                        quantity.place, quantity.place
                    )
                    yield Problem(
                        _place(target, key), f"the circulation has no {what} '{name}'; {hint(name, names)}"
                    )
        if target.quantity == "saturation" and circulation.gas is None:
            yield Problem(
                _place(target), "the circulation does not follow oxygen; give it a [gas], or leave this out"
            )


def _repeated(targets: Sequence[Target]) -> Iterator[Problem]:
    names = [target.name for target in targets]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield Problem(("targets", name), "this name is there twice")


def _pressures(targets: Sequence[Target]) -> Iterator[Problem]:
    """Systolic, mean and diastolic pressure of one place must be in this order."""
    pressures = [each for each in targets if each.quantity == "pressure"]
    order = ("diastolic", "mean", "systolic")
    for one, other in combinations(pressures, 2):
        if one.of != other.of or one.statistic == other.statistic:
            continue
        low, high = sorted((one, other), key=lambda each: order.index(each.statistic))
        if not low.value < high.value:
            yield Problem(
                _place(high),
                f"the {high.statistic} pressure of {high.of[0]} is {high.shown(high.value)}, not above the "
                f"{low.statistic} one of [targets.{low.name}], {low.shown(low.value)}",
            )


def _volumes(targets: Sequence[Target]) -> Iterator[Problem]:
    """What a chamber holds when full, when empty, and what it ejects."""
    chambers = sorted({each.of[0] for each in targets if QUANTITIES[each.quantity].place == "chamber"})
    for chamber in chambers:
        here = {each.quantity: each for each in targets if each.of == (chamber,)}
        full, empty = here.get("end_diastolic_volume"), here.get("end_systolic_volume")
        if full is None or empty is None:
            continue
        if not empty.value < full.value:
            yield Problem(
                _place(full),
                f"the end-diastolic volume of {chamber} is {full.shown(full.value)}, not above "
                f"the end-systolic one of [targets.{empty.name}], {empty.shown(empty.value)}",
            )
            continue
        fraction = here.get("ejection_fraction")
        if fraction is not None:
            implied = 1.0 - empty.value / full.value
            spread = (empty.value / full.value) * math.hypot(
                empty.sigma / empty.value, full.sigma / full.value
            )
            if abs(implied - fraction.value) > FAR * math.hypot(spread, fraction.sigma):
                yield Problem(
                    _place(fraction),
                    f"the ejection fraction of {chamber} is {fraction.shown(fraction.value)}, but "
                    f"[targets.{full.name}] and [targets.{empty.name}] make it {fraction.shown(implied)}",
                )


def _outputs(targets: Sequence[Target]) -> Iterator[Problem]:
    """Flow is stroke volume times heart rate."""
    rates = [each for each in targets if each.quantity == "heart_rate"]
    for rate in rates:
        for stroke in (each for each in targets if each.quantity == "stroke_volume"):
            for flow in (each for each in targets if each.quantity == "flow" and each.of == stroke.of):
                implied = stroke.value * rate.value
                spread = math.hypot(stroke.sigma * rate.value, stroke.value * rate.sigma)
                if abs(implied - flow.value) > FAR * math.hypot(spread, flow.sigma):
                    yield Problem(
                        _place(flow),
                        f"the flow through {' + '.join(flow.of)} is {flow.shown(flow.value)}, but "
                        f"[targets.{stroke.name}] times [targets.{rate.name}] makes it {flow.shown(implied)}",
                    )


def _forced_flows(targets: Sequence[Target], circulation: Circulation) -> Iterator[Problem]:
    """Mean flows whose ratio the graph fixes, since what goes into a compartment over a beat comes out of it.

    The mean flows that the graph allows are the null space of its incidence matrix. Two sums of flows have a fixed
    ratio
    where their restrictions to it are parallel: without a shunt, what the lungs get is what the body gets.
    """
    allowed = _allowed_flows(circulation)
    names = [each.name for each in circulation.connections]

    def restricted(through: tuple[str, ...]) -> FloatArray:
        weights = np.array([float(through.count(name)) for name in names])
        return np.asarray(weights @ allowed)

    for target in (each for each in targets if each.quantity == "flow_ratio"):
        ratio = _fixed_ratio(restricted(target.of), restricted(target.second))
        if ratio is not None and abs(target.value - ratio) > FAR * target.sigma:
            yield Problem(
                _place(target),
                f"the flow through {' + '.join(target.of)} over that through {' + '.join(target.second)} is "
                f"asked to be {target.value:.3g}, but no shunt of the circulation could make it other than {ratio:.3g}",
            )
    flows = [each for each in targets if each.quantity == "flow"]
    for one, other in combinations(flows, 2):
        ratio = _fixed_ratio(restricted(one.of), restricted(other.of))
        if ratio is None:
            continue
        spread = math.hypot(one.sigma, ratio * other.sigma)
        if abs(one.value - ratio * other.value) > FAR * spread:
            yield Problem(
                _place(one),
                f"the flow through {' + '.join(one.of)} is {one.shown(one.value)}, but the circulation ties it to "
                f"[targets.{other.name}], {other.shown(other.value)}: it would have to be "
                f"{one.shown(ratio * other.value)}",
            )


def _fixed_ratio(one: FloatArray, other: FloatArray) -> float | None:
    """r where one = r other and neither is nothing."""
    size = float(other @ other)
    if size < PARALLEL or float(one @ one) < PARALLEL:
        return None
    ratio = float(one @ other) / size
    return ratio if float(np.abs(one - ratio * other).max()) < PARALLEL**0.5 else None


def _allowed_flows(circulation: Circulation) -> FloatArray:
    """(connections, loops) basis of the mean flows that no compartment gains or loses blood by."""
    outside = {each.name for each in circulation.compartments if each.kind == "reservoir"}
    fed = {port.node for port in circulation.ports if port.drive == "flow"}
    nodes = [
        each.name
        for each in circulation.compartments
        if (holds_blood(each) or COMPARTMENTS[each.kind].name == "junction") and each.name not in fed
    ]
    rows = {name: row for row, name in enumerate(nodes)}
    incidence = np.zeros((len(nodes), len(circulation.connections)))
    for column, each in enumerate(circulation.connections):
        for end, sign in ((each.source, -1.0), (each.target, 1.0)):
            if end in rows and end not in outside and end != OUTSIDE:
                incidence[rows[end], column] += sign
    _, sizes, basis = np.linalg.svd(incidence)
    rank = int(np.sum(sizes > 1e-9))
    return np.asarray(basis[rank:].T)
