"""From the graph of a circulation to the arrays that the kernels read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from hemoplan.waveform import Waveform
from lumped.blocks.compartment_laws import JUNCTION, RESERVOIR
from lumped.blocks.compartments import COMPARTMENTS
from lumped.blocks.connection_laws import INERTIAL, LEAFLET_VALVE, SOURCE
from lumped.blocks.connections import CONNECTIONS
from lumped.blocks.couplings import COUPLINGS
from lumped.blocks.record import Kind
from lumped.blocks.rhythms import RHYTHMS
from lumped.circulation.check import check_circulation
from lumped.circulation.graph import OUTSIDE, Circulation
from lumped.engine.jacobian import jacobian_arrays
from lumped.engine.model import Model, PackedBlock, Unknown
from lumped.engine.network import (
    ACTIVATION,
    COUPLING,
    EDGE,
    GIVEN,
    NODE,
    PARAMETER,
    PORT,
    UNKNOWN,
    WAVEFORM,
    Network,
)

RECORDS = {"nodes": NODE, "edges": EDGE, "activations": ACTIVATION, "given": GIVEN, "couplings": COUPLING}
VOLUME_SCALE = 1e-6
FLOW_SCALE = 1e-5
PRESSURE_SCALE = 1e3


def build(circulation: Circulation) -> Model:
    """A circulation as arrays.

    Raises:
        BoundaryError: A block, a parameter or a name makes no sense; the graph is not one circulation.
    """
    check_circulation(circulation)
    return _Builder(circulation).model()


class _Builder:
    """Numbers the parts of a circulation and collects its arrays."""

    def __init__(self, circulation: Circulation) -> None:
        self.circulation = circulation
        self.records: dict[str, list[tuple[float, ...]]] = {name: [] for name in RECORDS}
        self.wave_start = [0]
        self.wave_times: list[float] = []
        self.wave_values: list[float] = []
        self.members: list[int] = []
        self.parameters: list[float] = []
        self.blocks: dict[str, PackedBlock] = {}
        self.unknowns: list[Unknown] = []
        self.start: list[float] = []
        self.given: dict[str, int] = {}
        self.given_of: dict[str, int] = {}
        # By law, so that the kernels meet the same branch many times in a row.
        self.compartments = sorted(circulation.compartments, key=lambda each: COMPARTMENTS[each.kind].law)
        self.connections = sorted(circulation.connections, key=lambda each: CONNECTIONS[each.kind].law)
        self.node_of = {each.name: i for i, each in enumerate(self.compartments)}
        self.activation_of = {each.name: i for i, each in enumerate(circulation.activations)}
        driven = [each.name for each in circulation.surroundings if each.driven]
        self.inputs = (*(port.name for port in circulation.ports), *driven)
        self.row_of: dict[str, int] = {}

    def model(self) -> Model:
        """Everything in its order: unknowns of compartments, of connections, of junctions, of couplings."""
        self._activations()
        self._surroundings()
        self._unknowns()
        self._nodes()
        edges = self._edges()
        self._couplings()
        n = len(self.unknowns)
        records = {name: np.array(self.records[name], dtype=kind) for name, kind in RECORDS.items()}
        unknowns = np.zeros(n, dtype=UNKNOWN)
        unknowns["is_rate"] = [float(each.has_rate) for each in self.unknowns]
        unknowns["scale"] = [each.scale for each in self.unknowns]
        unknowns["row_scale"] = [each.row_scale for each in self.unknowns]
        members = np.array(self.members, dtype=np.int64)
        network = Network(
            unknowns=unknowns,
            nodes=records["nodes"],
            edges=records["edges"],
            activations=records["activations"],
            given=records["given"],
            couplings=records["couplings"],
            wave_start=np.array(self.wave_start, dtype=np.int64),
            wave_times=np.array(self.wave_times),
            wave_values=np.array(self.wave_values),
            members=members,
            **jacobian_arrays(unknowns, records, members, len(self.inputs)),
        )
        return Model(
            circulation=self.circulation,
            network=network,
            parameters=np.array([*self.parameters, 0.0]),
            period=self.circulation.period,
            unknowns=tuple(self.unknowns),
            nodes=tuple(self.node_of),
            edges=edges,
            inputs=self.inputs,
            blocks=self.blocks,
            given=self.given,
            start=np.array(self.start),
            invariants=self._invariants(n),
        )

    def _pack(self, name: str, kind: Kind, values: Mapping[str, float]) -> int:
        """Put a block's numbers into the flat parameters; where they begin."""
        full = kind.complete(values)
        numbers = list(kind.pack(full, self.circulation.blood))
        at = len(self.parameters)
        self.parameters += numbers
        self.blocks[name] = PackedBlock(kind, full, at, len(numbers))
        return at

    def _unknown(
        self, block: str, quantity: str, unit: str, has_rate: bool, scale: float, rows: float
    ) -> int:
        index = len(self.unknowns)
        self.unknowns.append(Unknown(block, quantity, unit, has_rate, scale, rows))
        self.start.append(0.0)
        self.row_of[f"{block} {quantity}"] = index
        return index

    def _give(self, kind: int, at: int) -> int:
        self.records["given"].append((kind, at))
        return len(self.records["given"]) - 1

    def _give_parameter(self, value: float) -> int:
        self.parameters.append(value)
        return self._give(PARAMETER, len(self.parameters) - 1)

    def _give_waveform(self, waveform: Waveform) -> int:
        self.wave_times += [*(waveform.times / waveform.period), 1.0 + waveform.times[0] / waveform.period]
        self.wave_values += [*waveform.values, waveform.values[0]]
        self.wave_start.append(len(self.wave_times))
        return self._give(WAVEFORM, len(self.wave_start) - 2)

    def _activations(self) -> None:
        for each in self.circulation.activations:
            kind = RHYTHMS[each.kind]
            at = self._pack(each.name, kind, each.parameters)
            self.records["activations"].append((kind.law, at))

    def _surroundings(self) -> None:
        for each in self.circulation.surroundings:
            if each.driven:
                self.given_of[each.name] = self._give(PORT, self.inputs.index(each.name))
            elif each.waveform is not None:
                self.given_of[each.name] = self._give_waveform(each.waveform)
            else:
                self.given_of[each.name] = self._give_parameter(each.pressure)
                self.given[each.name] = len(self.parameters) - 1

    def _unknowns(self) -> None:
        for each in self.compartments:
            if COMPARTMENTS[each.kind].law < JUNCTION:
                index = self._unknown(each.name, "volume", "m³", True, VOLUME_SCALE, VOLUME_SCALE)
                self.start[index] = each.volume
        for link in self.connections:
            law = CONNECTIONS[link.kind].law
            if law >= INERTIAL:
                self._unknown(link.name, "flow", "m³/s", True, FLOW_SCALE, FLOW_SCALE)
            if law == LEAFLET_VALVE:
                self._unknown(link.name, "opening", "1", True, 1.0, 1.0)
        for each in self.compartments:
            if COMPARTMENTS[each.kind].law == JUNCTION:
                self._unknown(each.name, "pressure", "Pa", False, PRESSURE_SCALE, FLOW_SCALE)
        for tie in self.circulation.couplings:
            if tie.kind == "septum":
                self._unknown(tie.name, "bulge", "m³", False, VOLUME_SCALE, PRESSURE_SCALE)
            else:
                self._unknown(tie.name, "pressure", "Pa", False, PRESSURE_SCALE, PRESSURE_SCALE)

    def _around(self, name: str) -> tuple[int, int]:
        """Given quantity and coupling's unknown that are the pressure around something; -1 for none."""
        if not name:
            return -1, -1
        if name in self.given_of:
            return self.given_of[name], -1
        return -1, self.row_of[f"{name} pressure"]

    def _nodes(self) -> None:
        driven = {port.node: j for j, port in enumerate(self.circulation.ports) if port.drive == "pressure"}
        sides = {tie.name: tie.members for tie in self.circulation.couplings if tie.kind == "septum"}
        for each in self.compartments:
            kind = COMPARTMENTS[each.kind]
            given, coupling = self._around(each.surroundings)
            at = state = -1
            if kind.law == RESERVOIR:
                if each.name in driven:
                    given = self._give(PORT, driven[each.name])
                elif each.waveform is not None:
                    given = self._give_waveform(each.waveform)
                else:
                    at = self._pack(each.name, kind, each.parameters)
                    given = self._give(PARAMETER, at)
            elif kind.law == JUNCTION:
                state = self.row_of[f"{each.name} pressure"]
            else:
                at = self._pack(each.name, kind, each.parameters)
                state = self.row_of[f"{each.name} volume"]
            side = 0.0
            if each.septum:
                # The septum bulges to the right: its volume is the left chamber's and not the right one's.
                side = -1.0 if sides[each.septum][0] == each.name else 1.0
            activation = self.activation_of.get(each.activation, -1)
            septum = self.row_of[f"{each.septum} bulge"] if each.septum else -1
            self.records["nodes"].append((kind.law, at, state, activation, given, coupling, septum, side))

    def _row(self, node: str) -> int:
        """Equation that a flow into a compartment enters; n where there is none."""
        kind = "" if node == OUTSIDE else self.circulation.compartment(node).kind
        if node == OUTSIDE or COMPARTMENTS[kind].law == RESERVOIR:
            return len(self.unknowns)
        return self.row_of[f"{node} {'pressure' if COMPARTMENTS[kind].law == JUNCTION else 'volume'}"]

    def _edges(self) -> tuple[str, ...]:
        names = []
        for each in self.connections:
            kind = CONNECTIONS[each.kind]
            given, coupling = self._around(each.surroundings)
            if kind.law == SOURCE and each.waveform is not None:
                at, given = -1, self._give_waveform(each.waveform)
            else:
                at = self._pack(each.name, kind, each.parameters)
                if kind.law == SOURCE:
                    given = self._give(PARAMETER, at)
            self._edge(kind.law, at, each.source, each.target, given, coupling, each.name)
            names.append(each.name)
        for j, port in enumerate(self.circulation.ports):
            if port.drive == "flow":
                self._edge(SOURCE, -1, OUTSIDE, port.node, self._give(PORT, j), -1, port.name)
                names.append(port.name)
        return tuple(names)

    def _edge(
        self, law: int, at: int, source: str, target: str, given: int, coupling: int, name: str
    ) -> None:
        self.records["edges"].append(
            (
                law,
                at,
                self.node_of.get(source, 0),
                self.node_of.get(target, 0),
                self._row(source),
                self._row(target),
                self.row_of.get(f"{name} flow", -1),
                self.row_of.get(f"{name} opening", -1),
                given,
                coupling,
            )
        )

    def _couplings(self) -> None:
        for each in self.circulation.couplings:
            kind = COUPLINGS[each.kind]
            at = self._pack(each.name, kind, each.parameters)
            given, outer = self._around(each.surroundings)
            nodes = [self.node_of[name] for name in each.members]
            begin = len(self.members)
            if each.kind == "pericardium":
                self.members += nodes
            self.records["couplings"].append(
                (
                    kind.law,
                    at,
                    self.row_of[f"{each.name} {'bulge' if each.kind == 'septum' else 'pressure'}"],
                    self.activation_of.get(each.activation, -1),
                    given,
                    outer,
                    nodes[0],
                    nodes[1] if len(nodes) > 1 else -1,
                    begin,
                    len(self.members),
                )
            )

    def _invariants(self, n: int) -> FloatArray:
        """One row for each part of the graph that no reservoir, pump or port to the outside touches."""
        parent = {name: name for name in (*self.node_of, OUTSIDE)}

        def root(name: str) -> str:
            while parent[name] != name:
                name = parent[name]
            return name

        for each in self.circulation.connections:
            parent[root(each.source)] = root(each.target)
        for port in self.circulation.ports:
            parent[root(port.node)] = root(OUTSIDE)
        for each_node in self.circulation.compartments:
            if COMPARTMENTS[each_node.kind].law == RESERVOIR:
                parent[root(each_node.name)] = root(OUTSIDE)
        rows: dict[str, FloatArray] = {}
        for name in self.node_of:
            state = self.row_of.get(f"{name} volume")
            if state is not None and root(name) != root(OUTSIDE):
                rows.setdefault(root(name), np.zeros(n))[state] = 1.0
        return np.array(list(rows.values())).reshape(len(rows), n)


def unknown_block(model: Model, row: int) -> str:
    """The block that an equation belongs to, as messages name it."""
    unknown = model.unknowns[row]
    return f"{unknown.quantity} of {unknown.block}"


def not_solved(model: Model, row: int, t: float) -> BoundaryError:
    """The error of a step that has no solution."""
    return BoundaryError(
        "a time step of the circulation has no solution",
        where=f"{model.circulation.origin or model.circulation.name}: {unknown_block(model, row)}",
        value=f"t = {t:.4g} s",
        expected="finite volumes, pressures and flows",
        remedy="check the parameters of this block and of its neighbours for values that are not physiological",
    )
