"""A closed circulation behind the openings: the child's own, a variant's, and what of it is three-dimensional.

The circulation of each variant is kept whole, with the branches that the 3D domain stands for. The solver is given the
rest of it, `boundary`, which starts from the beat that the whole repeats; the whole also takes up what the solver has
found (`planning.closed_loop.history`), so that both are compared part by part.

Reflexes do not act: 3D and 0D are compared with the same resistances and the same heart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemoplan.case import Case, ClosedCirculation
from hemoplan.errors import BoundaryError, CaseError, VariantError
from hemoplan.spelling import hint
from lumped.beat_map import BeatMap, state_names
from lumped.circulation.beat import with_period
from lumped.circulation.check import check_circulation
from lumped.circulation.connectivity import dead_ways
from lumped.circulation.file import load_anatomy, read_circulation
from lumped.circulation.graph import Circulation, Connection, Port
from lumped.circulation.kinds import holds_blood
from lumped.circulation.restart import compliance
from lumped.circulation.scaling import scale
from lumped.circulation.tidying import tidied
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.marching import STEPS, History, Runner
from lumped.engine.periodic import periodic, states_of
from lumped.engine.tangent import tangents_of
from planning.lumped.models import operated

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The whole circulation of a variant, and what of it is three-dimensional.

    Attributes:
        circulation: With all its branches, starting from the beat that it repeats.
        removed: Names of the connections and compartments that the 3D domain stands for.
        ports: The compartment that each opening meets.
    """

    circulation: Circulation
    removed: tuple[str, ...]
    ports: Mapping[str, str]

    @property
    def branches(self) -> tuple[Connection, ...]:
        """The connections that the 3D domain stands for: those removed, and those of compartments that are."""
        gone = set(self.removed)
        return tuple(
            each for each in self.circulation.connections if {each.name, each.source, each.target} & gone
        )

    @property
    def inner(self) -> tuple[str, ...]:
        """Names of the compartments that the 3D domain stands for."""
        return tuple(each.name for each in self.circulation.compartments if each.name in self.removed)


def read_source(source: ClosedCirculation) -> Circulation:
    """The circulation that a case names, as it ships or is written.

    Raises:
        CaseError: There is no such anatomy or file, or it cannot be read.
        BoundaryError, VariantError: What it describes makes no sense.
    """
    try:
        return read_circulation(source.path) if source.path else load_anatomy(str(source.anatomy))
    except CaseError as error:
        key = "circulation.path" if source.path else "circulation.anatomy"
        raise CaseError(
            error.what,
            where=f"{key}: {error.where}" if source.path else key,
            value=error.value,
            expected=error.expected,
            remedy=error.remedy,
        ) from None


def of_the_child(circulation: Circulation, case: Case) -> Circulation:
    """The same circulation at the weight and the heart rate of the child.

    Raises:
        VariantError: The weight is out of the range of circulations.
    """
    weight = float(case.patient.weight)
    scaled = circulation if weight == circulation.weight else scale(circulation, weight)
    return with_period(scaled, case.patient.period)


def loop_of(circulation: Circulation, source: ClosedCirculation) -> Loop:
    """A circulation with what a case replaces by the 3D domain."""
    return Loop(circulation=circulation, removed=source.remove, ports=source.ports)


def check_loop(loop: Loop) -> None:
    """Check that the 3D domain fits into the circulation.

    Raises:
        CaseError: A name is unknown, or openings and what is removed do not meet.
        BoundaryError: What is left of the circulation makes no sense, or blood would stand still in it.
    """
    circulation = loop.circulation
    nodes = [each.name for each in circulation.compartments]
    known = [*(each.name for each in circulation.connections), *nodes]
    origin = circulation.origin or circulation.name
    for name in loop.removed:
        if name not in known:
            raise CaseError(
                f"'{origin}' has no part '{name}' to remove; {hint(name, known)}", where="circulation.remove"
            )
    for opening, node in loop.ports.items():
        if node not in nodes or node in loop.removed:
            left = [name for name in nodes if name not in loop.removed]
            raise CaseError(
                f"'{origin}' has no compartment '{node}' left to meet; {hint(node, left)}",
                where=f"circulation.ports.{opening}",
            )
    _check_meeting(loop)
    for name in ways_beside(loop):
        _log.warning(
            "'%s' stays in the circulation and joins two openings beside the 3D vessels; if they stand for it, add it "
            "to circulation.remove",
            name,
        )
    rest = without_branches(loop)
    check_circulation(rest)
    still = sorted(dead_ways(rest) - dead_ways(circulation))
    if still:
        raise BoundaryError(
            "with the 3D domain in its place, the circulation has parts that no blood can flow through",
            where="circulation.remove",
            value=", ".join(still),
            expected="openings at both ends of all that is removed",
        )


def ways_beside(loop: Loop) -> tuple[str, ...]:
    """Connections that stay and join two openings beside the 3D domain: collaterals, or forgotten in `remove`."""
    met = set(loop.ports.values())
    removed = {each.name for each in loop.branches}
    return tuple(
        each.name
        for each in loop.circulation.connections
        if each.name not in removed and {each.source, each.target} <= met
    )


def _check_meeting(loop: Loop) -> None:
    """Each end of what is removed meets an opening, and each opening an end of what is removed."""
    met = set(loop.ports.values())
    ends = {end for each in loop.branches for end in (each.source, each.target)}
    for branch in loop.branches:
        for end in (branch.source, branch.target):
            if end not in met and end not in loop.removed:
                raise CaseError(
                    f"'{branch.name}' is removed and ends at '{end}', which no opening meets",
                    where="circulation.remove",
                    expected=f"'{end}' among the compartments of [circulation.ports]",
                    remedy=f"keep '{branch.name}' out of 'remove', or give an opening the compartment '{end}'",
                )
    for opening, node in loop.ports.items():
        if node not in ends:
            raise CaseError(
                f"nothing that is removed ends at '{node}', so the opening would be a second way beside it",
                where=f"circulation.ports.{opening}",
                value=node,
                expected=f"one of {', '.join(sorted(end for end in ends if end not in loop.removed))}",
            )


def without_branches(loop: Loop) -> Circulation:
    """The circulation with ports in the place of what the 3D domain stands for; no reflex and no gas is left in it."""
    branches = {each.name for each in loop.branches}
    circulation = loop.circulation
    return tidied(
        replace(
            circulation,
            compartments=tuple(each for each in circulation.compartments if each.name not in loop.removed),
            connections=tuple(each for each in circulation.connections if each.name not in branches),
            ports=tuple(Port(name=opening, node=node) for opening, node in loop.ports.items()),
            regulations=(),
            gas=None,
        )
    )


def own_beat(circulation: Circulation) -> History:
    """The beat that a circulation repeats by itself, without reflexes."""
    return periodic(build(circulation)).history


def from_its_beat(circulation: Circulation, history: History) -> Circulation:
    """The same circulation, starting with the blood that its compartments hold at the start of a beat."""
    return replace(
        circulation,
        compartments=tuple(
            replace(each, volume=float(history.volume(each.name)[0])) if holds_blood(each) else each
            for each in circulation.compartments
        ),
    )


def of_variant(circulation: Circulation, name: str, steps: Sequence[str]) -> Circulation:
    """What a variant makes of the child's circulation, with the same blood, starting from the beat that it repeats.

    Raises:
        CaseError, VariantError, BoundaryError: A step of its surgery cannot be read or made.
    """
    before = own_beat(circulation)
    if not steps:
        return from_its_beat(circulation, before)
    try:
        changed = operated(circulation, steps, before)
    except (CaseError, VariantError) as error:
        raise type(error)(
            error.what,
            where=f"circulation.surgery.{name}: {error.where}",
            value=error.value,
            expected=error.expected,
            remedy=error.remedy,
        ) from None
    return from_its_beat(changed, own_beat(changed))


def beat_map_of(loop: Loop, boundary: CirculationBoundary) -> BeatMap:
    """What is left after a beat of a departure at its start, by the whole circulation with its own branches.

    Raises:
        BoundaryError: A step has no solution.
    """
    model = build(loop.circulation)
    states = states_of(model)
    tangents = tangents_of(model.network, model.parameters.size, start=states.size)
    tangents.y[states, np.arange(states.size)] = 1.0
    start = own_beat(loop.circulation).unknowns[0]
    Runner.of(model).run(start, np.zeros((STEPS + 1, len(model.inputs))), tangents=tangents)
    names = [f"{model.unknowns[index].quantity} of {model.unknowns[index].block}" for index in states]
    known = state_names(boundary)
    kept = np.array([name in known for name in names])
    return BeatMap(
        names=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        matrix=tangents.y[states][np.ix_(kept, kept)],
        scales=model.network.unknowns["scale"][states[kept]].copy(),
        slow=tuple(model.unknowns[index].quantity == "volume" for index in states[kept]),
        positive=True,
        invariants=model.invariants[:, states[kept]],
    )


def boundary_of(loop: Loop, *, blood: float | None = None) -> CirculationBoundary:
    """What the solver is given: the circulation behind the openings, at the start of the beat that the whole repeats.

    Args:
        loop: The variant's.
        blood: All blood outside of the 3D domain [m³]; what the most compliant vessel lacks of it, it is given, so that
            all variants have the same. That of the variant's own beat if not given.
    """
    history = own_beat(loop.circulation)
    whole = zip(history.model.unknowns, history.unknowns[0], strict=True)
    values = {(each.block, each.quantity): float(value) for each, value in whole}
    model = build(without_branches(loop))
    start = np.array([values[each.block, each.quantity] for each in model.unknowns])
    if blood is not None:
        vessels = [each for each in model.circulation.compartments if each.kind == "vessel"]
        reservoir = max(vessels, key=compliance).name
        start[model.state(reservoir)] += blood - model.total_volume(start)
    return CirculationBoundary(model=model, start=start)
