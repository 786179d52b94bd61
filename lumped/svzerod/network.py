"""From the sections of a file to blocks and the nodes between them, in the order that the tables are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from lumped.svzerod import registry
from lumped.svzerod.boundaries import ClosedLoopWindkessel, FlowReference, PressureReference, WindkesselOutlet
from lumped.svzerod.chambers import ElastanceChamber, ExponentialChamber
from lumped.svzerod.closed_loop import HEART_NAME, ClosedLoopHeart
from lumped.svzerod.coronaries import ClosedLoopCoronary
from lumped.svzerod.junctions import Junction
from lumped.svzerod.parameters import read_record
from lumped.svzerod.schema import Coupling, JunctionEntry, SvzerodModel
from lumped.svzerod.signals import Signal
from lumped.svzerod.stamps import Block

HEART = "ClosedLoopHeartAndPulmonary"
HEART_INLET = "J_heart_inlet"
HEART_OUTLET = "J_heart_outlet"
SAME_PERIOD = 1e-9
EXPONENTIAL_KEYS = {"Kxp", "Kxv", "Vaso"}
"""Parameters that make a 'ChamberElastanceInductor' one with an exponential passive pressure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A block and the nodes at its ends, by their numbers.

    Attributes:
        name: Name in the file.
        where: Place in the file, for messages.
        block: Its parameters and equations.
        inlets: Nodes through which flow comes in.
        outlets: Nodes through which it leaves.
    """

    name: str
    where: str
    block: Block
    inlets: tuple[int, ...]
    outlets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A circuit as blocks and nodes.

    Attributes:
        members: The blocks.
        nodes: Names of the nodes, 'block before:block behind'.
        vessels: Names of those that have rows in the table by vessels.
        caps: Nodes at which cycles are compared: of a vessel with a boundary condition, the outlet or else the inlet.
        period: Period of the heart.
        windkessel_time: Largest time constant Rd C of a Windkessel; None where there is none.
    """

    members: tuple[Member, ...]
    nodes: tuple[str, ...]
    vessels: tuple[str, ...]
    caps: tuple[int, ...]
    period: float
    windkessel_time: float | None


def build_network(model: SvzerodModel, where: str = "model") -> Network:
    """Join the blocks of a model.

    Raises:
        CaseError: A type, parameter, name or id is unknown, a block is not connected as it must be, or two parts of
            the file disagree on the period of the heart.
    """
    return _Builder(model, where).build()


class _Builder:
    def __init__(self, model: SvzerodModel, where: str) -> None:
        self.model = model
        self.file = where
        self.blocks: dict[str, tuple[Block, str]] = {}
        self.connections: list[tuple[str, str, str]] = []
        self.periods: list[tuple[float, str]] = []
        self.to_heart: list[str] = []
        self.from_couplings: list[str] = []

    def build(self) -> Network:
        parameters = self.model.simulation_parameters
        if parameters is not None and parameters.cardiac_period is not None:
            self.periods.append((parameters.cardiac_period, "simulation_parameters"))
        self._add_vessels()
        self._add_couplings()
        self._add_boundaries()
        self._add_junctions()
        self._add_heart()
        self._add_valves()
        self._add_chambers()
        return self._join()

    def _where(self, section: str, name: str) -> str:
        return f"{self.file}: {section} '{name}'"

    def _add(self, name: str, block: Block, where: str) -> None:
        if name in self.blocks:
            raise CaseError(f"the name '{name}' is used twice", where=where)
        self.blocks[name] = (block, where)
        for each in fields(block):  # type: ignore[arg-type]
            value = getattr(block, each.name)
            if isinstance(value, Signal) and value.period is not None:
                self.periods.append((value.period, where))

    def _add_vessels(self) -> None:
        for vessel in self.model.vessels:
            where = self._where("vessel", vessel.vessel_name)
            record = registry.find_block(registry.VESSELS, vessel.zero_d_element_type, where)
            given = {"activation": vessel.activation_function, "material": vessel.material}
            self._add(
                vessel.vessel_name, _read_chamber(record, vessel.zero_d_element_values, given, where), where
            )
            ends = vessel.boundary_conditions
            if ends.inlet is not None:
                self.connections.append((ends.inlet, vessel.vessel_name, where))
            if ends.outlet is not None:
                self.connections.append((vessel.vessel_name, ends.outlet, where))

    def _add_couplings(self) -> None:
        for coupling in self.model.external_solver_coupling_blocks:
            where = self._where("external coupling", coupling.name)
            record: type[Block] = FlowReference if coupling.type == "FLOW" else PressureReference
            block = read_record(record, coupling.values, where, periodic=coupling.periodic)
            self._add(coupling.name, block, where)
            self._check_coupling(coupling, where)
            if coupling.connected_block == HEART:
                continue
            ends = (coupling.name, coupling.connected_block)
            self.connections.append((*(ends if coupling.location == "inlet" else ends[::-1]), where))

    def _check_coupling(self, coupling: Coupling, where: str) -> None:
        known = {vessel.vessel_name for vessel in self.model.vessels}
        types = {each.bc_name: each.bc_type for each in self.model.boundary_conditions}
        name = coupling.connected_block
        if name not in known | types.keys() | {HEART}:
            meant = hint(name, known | types.keys() | {HEART})
            raise CaseError(f"unknown block '{name}' in 'connected_block'; {meant}", where=where)
        through = name in known or types.get(name) == "ClosedLoopRCR"
        fits = name != HEART if coupling.location == "inlet" else through or name == HEART
        if not fits or types.get(name) in ("FLOW", "PRESSURE"):
            raise CaseError(
                f"an external coupling cannot be at the {coupling.location} of '{name}'",
                where=where,
                expected="the inlet of a vessel, a resistance, a Windkessel or a coronary bed, or the outlet of a "
                f"vessel, a block of the type 'ClosedLoopRCR' or '{HEART}'",
            )

    def _add_boundaries(self) -> None:
        for boundary in self.model.boundary_conditions:
            where = self._where("boundary condition", boundary.bc_name)
            record = registry.find_block(registry.BOUNDARIES, boundary.bc_type, where)
            block = read_record(record, boundary.bc_values, where)
            self._add(boundary.bc_name, block, where)
            leads = isinstance(block, ClosedLoopWindkessel) and block.closed_loop_outlet is True
            if leads or isinstance(block, ClosedLoopCoronary):
                self.to_heart.append(boundary.bc_name)

    def _add_junctions(self) -> None:
        for junction in self.model.junctions:
            name = junction.junction_name
            where = self._where("junction", name)
            record = registry.find_block(registry.JUNCTIONS, junction.junction_type, where)
            self._add(name, read_record(record, junction.junction_values, where), where)
            before, behind = self._ends(junction, where)
            self.connections.extend((each, name, where) for each in before)
            self.connections.extend((name, each, where) for each in behind)

    def _ends(self, junction: JunctionEntry, where: str) -> tuple[list[str], list[str]]:
        if junction.inlet_vessels is None or junction.outlet_vessels is None:
            return list(junction.inlet_blocks or ()), list(junction.outlet_blocks or ())
        names: dict[int, list[str]] = {}
        for vessel in self.model.vessels:
            names.setdefault(vessel.vessel_id, []).append(vessel.vessel_name)
        for identity in (*junction.inlet_vessels, *junction.outlet_vessels):
            found = names.get(identity, [])
            if len(found) != 1:
                raise CaseError(
                    f"the vessel id {identity} belongs to {'several vessels' if found else 'no vessel'}",
                    where=where,
                    value=", ".join(found) if found else None,
                    expected=f"one of the ids {', '.join(str(each) for each in sorted(names))}"
                    if not found
                    else "",
                )
        return [names[each][0] for each in junction.inlet_vessels], [
            names[each][0] for each in junction.outlet_vessels
        ]

    def _add_heart(self) -> None:
        hearts = self.model.closed_loop_blocks
        if len(hearts) > 1:
            raise CaseError(
                "there are several hearts", where=self.file, value=len(hearts), expected="one at most"
            )
        for heart in hearts:
            where = f"{self.file}: {HEART}"
            self.periods.append((heart.cardiac_cycle_period, where))
            self._add(HEART_NAME, read_record(ClosedLoopHeart, heart.parameters, where), where)
            self._add(HEART_INLET, Junction(), where)
            self.connections.append((HEART_INLET, HEART_NAME, where))
            self.connections.extend((each, HEART_INLET, where) for each in self.to_heart)
            self._add(HEART_OUTLET, Junction(), where)
            self.connections.append((HEART_NAME, HEART_OUTLET, where))
            self.connections.extend((HEART_OUTLET, each, where) for each in heart.outlet_blocks)

    def _add_valves(self) -> None:
        for valve in self.model.valves:
            where = self._where("valve", valve.name)
            record = registry.find_block(registry.VALVES, valve.type, where)
            sides = ("upstream_block", "downstream_block")
            self._add(valve.name, read_record(record, valve.params, where, also=sides), where)
            for side in sides:
                if not isinstance(valve.params.get(side), str):
                    raise CaseError(f"'{side}' is missing", where=where, expected="the name of a block")
            self.connections.append((valve.params[sides[0]], valve.name, where))
            self.connections.append((valve.name, valve.params[sides[1]], where))

    def _add_chambers(self) -> None:
        for chamber in self.model.chambers:
            where = self._where("chamber", chamber.name)
            record = registry.find_block(registry.CHAMBERS, chamber.type, where)
            if record is ElastanceChamber and EXPONENTIAL_KEYS <= chamber.values.keys():
                record = ExponentialChamber
            given = {"activation": chamber.activation_function, "material": chamber.material}
            self._add(chamber.name, _read_chamber(record, chamber.values, given, where), where)

    def _join(self) -> Network:
        inlets: dict[str, list[int]] = {name: [] for name in self.blocks}
        outlets: dict[str, list[int]] = {name: [] for name in self.blocks}
        nodes: list[str] = []
        for before, behind, where in self.connections:
            for name in (before, behind):
                if name not in self.blocks:
                    raise CaseError(f"unknown block '{name}'; {hint(name, self.blocks)}", where=where)
            outlets[before].append(len(nodes))
            inlets[behind].append(len(nodes))
            nodes.append(f"{before}:{behind}")
        members = tuple(
            Member(
                name=name, where=where, block=block, inlets=tuple(inlets[name]), outlets=tuple(outlets[name])
            )
            for name, (block, where) in self.blocks.items()
        )
        for member in members:
            _check_ends(member)
        times = [
            block.Rd * block.C for block, _ in self.blocks.values() if isinstance(block, WindkesselOutlet)
        ]
        return Network(
            members=members,
            nodes=tuple(nodes),
            vessels=tuple(vessel.vessel_name for vessel in self.model.vessels),
            caps=tuple(self._caps(inlets, outlets)),
            period=_agree(self.periods),
            windkessel_time=max(times) if times else None,
        )

    def _caps(self, inlets: dict[str, list[int]], outlets: dict[str, list[int]]) -> Iterable[int]:
        for vessel in self.model.vessels:
            if vessel.boundary_conditions.outlet is not None:
                yield outlets[vessel.vessel_name][0]
            elif vessel.boundary_conditions.inlet is not None:
                yield inlets[vessel.vessel_name][0]


def _read_chamber(
    record: type[Block], values: Mapping[str, Any], given: Mapping[str, Mapping[str, Any] | None], where: str
) -> Block:
    """Read a block with the parts that it has: objects of their own in the file, or else among its values."""
    parts: dict[str, Any] = {}
    also = ["Emin", "Vrd", "Vrs"] if record is ExponentialChamber else []
    wanted = {kind for chamber, kind in registry.USUAL_PARTS if chamber is record}
    for kind, entry in given.items():
        place = f"{where}, {kind}"
        if kind not in wanted:
            if entry is not None:
                raise CaseError(f"this type of block has no {kind}", where=where)
            continue
        if entry is not None:
            found = registry.find_part(kind, entry.get("type"), place)
            parts[kind] = read_record(found, entry, place, also=("type",))
            continue
        found = registry.find_part(kind, _usual_part(record, kind, values, where), place)
        own = [each.name for each in fields(found)]
        parts[kind] = read_record(found, {key: values[key] for key in own if key in values}, place)
        also += [*own, "activation_type"]
    block: Any = read_record(record, values, where, also=also)
    return cast(Block, replace(block, **parts))


def _usual_part(record: type[Block], kind: str, values: Mapping[str, Any], where: str) -> str:
    number, numbered = values.get("activation_type"), registry.NUMBERED_ACTIVATIONS
    if kind != "activation" or number is None:
        return registry.USUAL_PARTS[record, kind]
    if not isinstance(number, int) or not 0 <= number < len(numbered):
        expected = f"a number from 0 to {len(numbered) - 1}"
        raise CaseError("unknown 'activation_type'", where=where, value=number, expected=expected)
    return numbered[number]


def _check_ends(member: Member) -> None:
    counts = {"inlet": len(member.inlets), "outlet": len(member.outlets)}
    if member.block.ENDS is None:
        problems = [] if sum(counts.values()) == 1 else ["one connection"]
    else:
        problems = [
            f"{'at least one' if wanted is None else wanted} at its {side}"
            for (side, count), wanted in zip(counts.items(), member.block.ENDS, strict=True)
            if (count == 0 if wanted is None else count != wanted)
        ]
    if problems:
        raise CaseError(
            f"'{member.name}' is not connected as it must be",
            where=member.where,
            value=", ".join(f"{count} at its {side}" for side, count in counts.items()),
            expected=" and ".join(problems),
            remedy="connections come from a vessel's 'boundary_conditions', junctions, valves, couplings and the heart",
        )


def _agree(periods: list[tuple[float, str]]) -> float:
    if not periods:
        return 1.0
    period, first = periods[0]
    for other, where in periods[1:]:
        if abs(other - period) > SAME_PERIOD * period:
            raise CaseError(
                "the period of the heart is not the same everywhere",
                where=where,
                value=f"{other:.12g} here, {period:.12g} in {first.split(': ')[-1]}",
                expected="one period: times 't' that end after as long as 'cardiac_period' says",
            )
    return period
