"""Where the derivatives of a circulation's blocks go: the pattern of its Jacobian and the program that fills it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hemoplan.arrays import IntArray
from lumped.blocks.compartment_laws import JUNCTION
from lumped.blocks.connection_laws import INERTIAL, LEAFLET_VALVE, SOURCE
from lumped.blocks.coupling_laws import PERICARDIUM, SHARE
from lumped.engine.network import EDGE_PARTIALS, ENTRY, PORT, STAMP, Records
from lumped.engine.sparse_lu import plan_elimination


class _Pattern:
    """Collects products of partial derivatives; columns from n on are those of the inputs."""

    def __init__(self, records: Mapping[str, Records], members: IntArray, n: int) -> None:
        self.nodes, self.edges, self.couplings = records["nodes"], records["edges"], records["couplings"]
        self.given, self.members = records["given"], members
        self.n = n
        self.one_chain = 3 * self.nodes.size
        self.one_partial = EDGE_PARTIALS * self.edges.size + self.couplings.size
        self.stamps: list[tuple[int, int, int, int, float]] = []

    def add(self, row: int, column: int, partial: int, chain: int, sign: float) -> None:
        if row < self.n and column >= 0:
            self.stamps.append((row, column, partial, chain, sign))

    def given_column(self, given: int) -> int:
        """Column of the input that a given quantity is; -1 for none."""
        if given >= 0 and self.given["kind"][given] == PORT:
            return int(self.n + self.given["at"][given])
        return -1

    def wall(self, node: int) -> list[tuple[int, int]]:
        """Columns that a compartment's transmural pressure depends on, with the derivative's place in the chain."""
        columns = [(int(self.nodes["state"][node]), 3 * node)]
        if self.nodes["septum"][node] >= 0:
            columns.append((int(self.nodes["septum"][node]), 3 * node + 2))
        return columns

    def pressure(self, node: int) -> list[tuple[int, int]]:
        """The same for its pressure."""
        columns = [] if self.nodes["state"][node] < 0 else self.wall(node)
        if self.nodes["law"][node] == JUNCTION:
            return columns
        if self.nodes["coupling"][node] >= 0:
            columns.append((int(self.nodes["coupling"][node]), self.one_chain))
        column = self.given_column(self.nodes["given"][node])
        return [*columns, (column, self.one_chain)] if column >= 0 else columns

    def edge(self, e: int) -> None:
        """Stamps of a connection."""
        edge = self.edges[e]
        law, k = edge["law"], EDGE_PARTIALS * e
        ends = ((int(edge["row_from"]), -1.0), (int(edge["row_to"]), 1.0))
        given = self.given_column(edge["given"])
        if law == SOURCE:
            for row, sign in ends:
                self.add(row, given, self.one_partial, self.one_chain, sign)
            return
        first, second = self.pressure(int(edge["source"])), self.pressure(int(edge["target"]))
        if law < INERTIAL:
            for row, sign in ends:
                for partial, columns in ((k, first), (k + 1, second)):
                    for column, chain in columns:
                        self.add(row, column, partial, chain, sign)
                for column in (int(edge["coupling"]), given):
                    self.add(row, column, k + 2, self.one_chain, sign)
            return
        flow = int(edge["flow"])
        for row, sign in ends:
            self.add(row, flow, self.one_partial, self.one_chain, sign)
        for column, chain in first:
            self.add(flow, column, k, chain, 1.0)
        for column, chain in second:
            self.add(flow, column, k + 1, chain, 1.0)
        self.add(flow, flow, k + 2, self.one_chain, 1.0)
        if law == LEAFLET_VALVE:
            opening = int(edge["opening"])
            self.add(flow, opening, k + 3, self.one_chain, 1.0)
            for column, chain in first:
                self.add(opening, column, k + 4, chain, 1.0)
            for column, chain in second:
                self.add(opening, column, k + 5, chain, 1.0)
            self.add(opening, opening, k + 6, self.one_chain, 1.0)

    def coupling(self, c: int) -> None:
        """Stamps of a coupling."""
        tie = self.couplings[c]
        law, row = tie["law"], int(tie["row"])
        partial = EDGE_PARTIALS * self.edges.size + c
        one = self.one_chain
        if law in (PERICARDIUM, SHARE):
            self.add(row, row, self.one_partial, one, -1.0)
            self.add(row, int(tie["outer"]), self.one_partial, one, 1.0)
            self.add(row, self.given_column(tie["given"]), self.one_partial, one, 1.0)
        if law == PERICARDIUM:
            for node in self.members[tie["members"] : tie["members_end"]]:
                self.add(row, int(self.nodes["state"][node]), partial, one, 1.0)
        elif law == SHARE:
            for column, chain in self.wall(int(tie["first"])):
                self.add(row, column, partial, chain, 1.0)
        else:
            for node, sign in ((tie["first"], 1.0), (tie["second"], -1.0)):
                for column, chain in self.pressure(int(node)):
                    self.add(row, column, self.one_partial, chain, sign)
            self.add(row, row, partial, one, -1.0)


def jacobian_arrays(
    unknowns: Records, records: Mapping[str, Records], members: IntArray, inputs: int
) -> dict[str, Any]:
    """The arrays of `Network` that say how its Jacobian is filled and factorised.

    Args:
        unknowns: (n,) with their diagonal's slots to be filled in.
        records: Nodes, edges, given quantities and couplings.
        members: Nodes in pericardia.
        inputs: Number of inputs.
    """
    n = unknowns.size
    pattern = _Pattern(records, members, n)
    for e in range(pattern.edges.size):
        pattern.edge(e)
    for c in range(pattern.couplings.size):
        pattern.coupling(c)
    entries = {(row, column) for row, column, *_ in pattern.stamps if column < n}
    empty = {i for i in range(n) if unknowns["is_rate"][i] == 0.0 and (i, i) not in entries}
    plan = plan_elimination(n, entries, empty)
    slots = dict(plan.slots)
    slot_rate = np.zeros(len(slots))
    for (row, _), slot in slots.items():
        slot_rate[slot] = unknowns["is_rate"][row]
    unknowns["diagonal"] = [slots[i, i] for i in range(n)]
    port_start: list[int] = [0]
    port_entries: list[tuple[int, int]] = []
    for j in range(inputs):
        for row in sorted({row for row, column, *_ in pattern.stamps if column == n + j}):
            slots[row, n + j] = len(slots)
            port_entries.append((slots[row, n + j], row))
        port_start.append(len(port_entries))
    stamps = [(slots[row, column], *rest) for row, column, *rest in pattern.stamps]
    return {
        "stamps": np.array(stamps, dtype=STAMP),
        "slot_rate": slot_rate,
        "pivots": plan.pivots,
        "lower": plan.lower,
        "upper": plan.upper,
        "updates": plan.updates,
        "port_start": np.array(port_start, dtype=np.int64),
        "port_entries": np.array(port_entries, dtype=ENTRY),
    }
