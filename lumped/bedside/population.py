"""How newborns differ: the factors of a circulation with their priors, found from its graph.

The mean of a prior is the anatomy's own value, scaled to the child's weight before. The spreads are those between
newborns of one weight, sick ones among them; where only a source for a related number exists, the reason says how it
was derived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lumped.bedside.factors import GAS, Factor, Member, value_of
from lumped.bedside.territory import Territories, ejecting_chambers, territories
from lumped.circulation.graph import Connection
from lumped.engine.model import Model
from lumped.engine.sensitivity import BLOOD, PERIOD


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviation of a logarithm in the population, and why."""

    log_sd: float
    reason: str


SPREADS: Mapping[str, Spread] = {
    "heart_rate": Spread(
        0.11,
        "2nd to 98th percentile 96 to 153 /min in 953 term newborns on the first day "
        "(Tveiten et al. 2021, DOI 10.1136/archdischild-2020-320761)",
    ),
    "blood_volume": Spread(
        0.12,
        "75 to 107 mL/kg in 27 term newborns at 72 h, 78 to 126 with early and late clamping "
        "(Usher et al. 1963, DOI 10.1111/j.1651-2227.1963.tb03809.x)",
    ),
    "systemic_resistance": Spread(
        0.30,
        "output 236 ± 47 mL/kg/min (Alverson 1984) against a mean pressure that varies by a seventh gives 0.25; "
        "wider for shock and vasopressors",
    ),
    "pulmonary_resistance": Spread(
        0.45,
        "mean pulmonary pressure 34 ± 10 mmHg at 24 h and 25 ± 8 at 72 h (PMC4998292), divided by an output "
        "that varies by a fifth; wider for the age within the first days",
    ),
    "arterial_compliance": Spread(
        0.30, "assumed as wide as the resistance: pulse pressure over stroke volume"
    ),
    "venous_compliance": Spread(0.30, "assumed as wide as that of the arteries; no source in newborns"),
    "pulmonary_compliance": Spread(0.35, "assumed a little wider than in the body; no source in newborns"),
    "contractility": Spread(
        0.40,
        "end-systolic elastance 10.2 ± 4.7 mmHg/mL in 24 infants (Iran. J. Med. Sci., normal value of left "
        "ventricular end-systolic elastance in infants and children), part of it due to size",
    ),
    "stiffness": Spread(
        0.30, "assumed; end-diastolic volume index varies by a tenth (CMR, n = 20 term newborns)"
    ),
    "systole": Spread(0.10, "assumed; the length of systole at one heart rate varies by a tenth or less"),
    "diameter": Spread(
        0.35,
        "duct 2.47 ± 0.49 mm at 12 h to 1.61 ± 0.35 mm at 48 h (PMC4998292): 0.2 at one age, more where it is "
        "not known",
    ),
    "single_resistance": Spread(
        1.0,
        "of a shunt or a narrow valve: falls with the fourth power of a diameter that varies by a quarter",
    ),
    "lung_shunt": Spread(0.6, "assumed: a third to three times the usual in lung disease of newborns"),
    "oxygen_consumption": Spread(
        0.2,
        "5 mL/kg/min in the first 12 h, 7 in the second week (Hill & Robinson); fever and work of breathing",
    ),
}
"""By kind of factor."""

RESISTIVE = frozenset({"resistor", "loss", "inertial_vessel", "collapsible_vessel"})
"""Kinds of connection that are vessels with a resistance."""
SHAPED: Mapping[str, tuple[str, ...]] = {
    "hole": ("diameter",),
    "flap": ("diameter",),
    "conduit": ("diameter",),
    "inertial_conduit": ("diameter",),
    "narrowing": ("diameter",),
    "inertial_narrowing": ("diameter",),
    "leaflet_valve": ("diameter",),
    "duct": ("first_diameter", "second_diameter"),
}
"""Kinds of connection that are given by their width."""
NARROWINGS = frozenset({"narrowing", "inertial_narrowing"})
"""Kinds that are narrow in any child that has them."""
VALVES = frozenset({"valve", "sigmoid_valve", "leaflet_valve"})
"""Kinds that are as wide in any child, unless something else is measured."""
_STRENGTH = ("systolic_elastance", "active_stress")
_STIFFNESS = ("diastolic_elastance", "passive_stress")
_DURATIONS = (
    "duration",
    "duration_share",
    "contraction",
    "contraction_share",
    "relaxation",
    "relaxation_share",
    "rise_share",
    "fall_share",
)


def population_factors(
    model: Model, *, narrow: Collection[str] = (), lungs: bool = False
) -> tuple[Factor, ...]:
    """The factors of a circulation: what differs between children, as far as the circulation has it.

    Args:
        model: The circulation.
        narrow: Valves and vessels that may be narrow in this child, as something was measured across them. The others
        stay
            as they are; shunts, holes and narrowings are always among the factors.
        lungs: Whether the lungs' own shunt and the consumption of oxygen are among them, as a saturation was measured.
    """
    territory = territories(model.circulation)
    found = [
        *_general(model),
        *_vessels(model, territory),
        *_chambers(model),
        *_places(model, territory, narrow),
        *(_oxygen(model) if lungs and model.circulation.gas is not None else ()),
    ]
    return tuple(each for each in found if each.members)


def spread_of(kind: str, name: str, meaning: str, members: tuple[Member, ...]) -> Factor:
    """A factor with the spread of its kind."""
    spread = SPREADS[kind]
    return Factor(name=name, meaning=meaning, members=members, log_sd=spread.log_sd, reason=spread.reason)


def _general(model: Model) -> Iterator[Factor]:
    if not _has_waveforms(model):
        yield spread_of("heart_rate", "heart_rate", "the heart rate", (Member(*PERIOD, -1.0),))
    if model.invariants.shape[0] == 1:
        yield spread_of("blood_volume", "blood_volume", "the blood volume", (Member(*BLOOD),))


def _has_waveforms(model: Model) -> bool:
    """Whether something is given over the beat: its length is then no parameter of the engine's."""
    parts = model.circulation
    given = [each.waveform for each in parts.compartments]
    given += [each.waveform for each in parts.connections]
    given += [each.waveform for each in parts.surroundings]
    return any(each is not None for each in given)


def _vessels(model: Model, territory: Territories) -> Iterator[Factor]:
    for side, meaning in (("systemic", "resistance of the body"), ("pulmonary", "resistance of the lungs")):
        members = tuple(
            Member(each.name, "resistance")
            for each in model.circulation.connections
            if each.kind in RESISTIVE and territory.side(each) == side
        )
        name = f"{side}_resistance"
        yield spread_of(name, name, f"the {meaning}", _positive(model, members))
    for name, meaning, wanted in (
        ("arterial_compliance", "compliance of the arteries", "systemic arteries"),
        ("venous_compliance", "compliance of the systemic veins", "systemic veins"),
        ("pulmonary_compliance", "compliance of the lungs' vessels", "pulmonary"),
    ):
        members = tuple(
            member
            for each in model.circulation.compartments
            if territory.compartments.get(each.name, "").startswith(wanted)
            for member in _compliance(each.name, each.kind)
        )
        yield spread_of(name, name, f"the {meaning}", members)


def _compliance(name: str, kind: str) -> tuple[Member, ...]:
    if kind == "vessel":
        return (Member(name, "compliance"),)
    if kind == "stiffening_vessel":
        # p = E Vk (exp((V - V0) / Vk) - 1): twice the volume at each pressure is half of E and twice Vk.
        return Member(name, "elastance", -1.0), Member(name, "stiffening_volume")
    return ()


def _chambers(model: Model) -> Iterator[Factor]:
    ventricles = ejecting_chambers(model.circulation)
    for name in ventricles:
        values = model.blocks[name].values
        said = name.replace("_", " ")
        strength = tuple(Member(name, each) for each in _STRENGTH if each in values)
        stiffness = tuple(Member(name, each) for each in _STIFFNESS if each in values)
        yield spread_of(
            "contractility", f"{name}_contractility", f"the contractility of the {said}", strength
        )
        yield spread_of("stiffness", f"{name}_stiffness", f"the diastolic stiffness of the {said}", stiffness)
    rhythms = {model.circulation.compartment(name).activation for name in ventricles}
    members = tuple(
        Member(each.name, parameter)
        for each in model.circulation.activations
        if each.name in rhythms
        for parameter in _DURATIONS
        if parameter in model.blocks[each.name].values
    )
    yield spread_of("systole", "systole", "the length of systole", _positive(model, members))


def _places(model: Model, territory: Territories, narrow: Collection[str]) -> Iterator[Factor]:
    """Narrow places and shunts, each on its own."""
    for each in model.circulation.connections:
        shunt = each.kind not in VALVES and territory.side(each) == ""
        if not (shunt or each.kind in NARROWINGS or each.name in narrow):
            continue
        said = each.name.replace("_", " ")
        if each.kind in SHAPED:
            members = tuple(Member(each.name, parameter) for parameter in SHAPED[each.kind])
            yield spread_of("diameter", f"{each.name}_diameter", f"the diameter of the {said}", members)
        elif each.kind in RESISTIVE | VALVES:
            name, meaning = f"{each.name}_resistance", f"the resistance of the {said}"
            yield spread_of("single_resistance", name, meaning, _losses(model, each))


def _oxygen(model: Model) -> Iterator[Factor]:
    for name, parameter, meaning in (
        ("lung_shunt", "shunt_share", "the share of the lungs' flow that meets no gas"),
        ("oxygen_consumption", "oxygen_consumption", "the consumption of oxygen"),
    ):
        yield spread_of(name, name, meaning, _positive(model, (Member(GAS, parameter),)))


def _losses(model: Model, connection: Connection) -> tuple[Member, ...]:
    members = tuple(Member(connection.name, name) for name in ("resistance", "quadratic_loss"))
    known = tuple(each for each in members if each.parameter in model.blocks[connection.name].values)
    return _positive(model, known)


def _positive(model: Model, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Those that a multiplier changes: zero stays zero."""
    return tuple(each for each in members if value_of(model, each) > 0.0)
