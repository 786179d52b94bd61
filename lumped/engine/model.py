"""A circulation that is ready to run: its structure as arrays, its parameters, and the names of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.blocks.record import Kind
from lumped.circulation.graph import Circulation
from lumped.engine.network import Network

STEP = 1e-30


@dataclass(frozen=True, slots=True)
class Unknown:
    """One unknown of a circulation.

    Attributes:
        block: The block that it belongs to.
        quantity: What it is, such as "volume".
        unit: In SI.
        has_rate: Whether it is a state, with a rate; else it follows from the states at each moment.
        scale: Its size, for tolerances.
        row_scale: Size of its equation's left-hand side.
    """

    block: str
    quantity: str
    unit: str
    has_rate: bool
    scale: float
    row_scale: float


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """A block's parameters and where their numbers are.

    Attributes:
        kind: What it is.
        values: By name, in SI, defaults filled in.
        at, size: Place of the law's numbers in the flat parameters.
    """

    kind: Kind
    values: Mapping[str, float]
    at: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A circulation as arrays.

    Attributes:
        circulation: What it was built from.
        network: Structure.
        parameters: (p,) flat parameters of the laws.
        period: Of the beat [s].
        unknowns: (n,) names and units of y.
        nodes, edges, inputs: Names, in the order of the arrays.
        blocks: Where each block's parameters are.
        given: Where the pressure of each surrounding is in the flat parameters.
        start: (n,) unknowns at the start: the volumes that the circulation gives.
        invariants: (k, n) weights of the states whose sum no beat changes: the blood of each closed part.
    """

    circulation: Circulation
    network: Network
    parameters: FloatArray
    period: float
    unknowns: tuple[Unknown, ...]
    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    inputs: tuple[str, ...]
    blocks: Mapping[str, PackedBlock]
    given: Mapping[str, int]
    start: FloatArray
    invariants: FloatArray

    def state(self, block: str, quantity: str = "volume") -> int:
        """Index of an unknown.

        Raises:
            KeyError: There is none.
        """
        for index, each in enumerate(self.unknowns):
            if each.block == block and each.quantity == quantity:
                return index
        raise KeyError(f"{quantity} of {block}")

    def with_values(self, changes: Mapping[tuple[str, str], float]) -> Self:
        """The same structure with other values [SI] of (block, parameter).

        Raises:
            KeyError: There is no such block or parameter.
        """
        parameters = self.parameters.copy()
        blocks = dict(self.blocks)
        by_block: dict[str, dict[str, float]] = {}
        for (name, parameter), value in changes.items():
            if name in self.given and parameter == "pressure":
                parameters[self.given[name]] = value
                continue
            if parameter not in blocks[name].values:
                raise KeyError(f"{name}.{parameter}")
            by_block.setdefault(name, {})[parameter] = value
        for name, values in by_block.items():
            block = replace(blocks[name], values={**blocks[name].values, **values})
            blocks[name] = block
            numbers = block.kind.pack(block.values, self.circulation.blood)
            parameters[block.at : block.at + block.size] = numbers
        return replace(self, parameters=parameters, blocks=blocks)

    def with_period(self, period: float) -> Self:
        """The same with another length of the beat [s]."""
        return replace(self, period=period)

    def direction(self, name: str, parameter: str) -> FloatArray:
        """(p,) derivative of the flat parameters with respect to a block's parameter [SI], by a complex step."""
        slope = np.zeros(self.parameters.size)
        if name in self.given and parameter == "pressure":
            slope[self.given[name]] = 1.0
            return slope
        block = self.blocks[name]
        value = block.values[parameter]
        step = STEP * max(abs(value), 1e-12)
        moved = {**block.values, parameter: complex(value, step)}
        numbers = np.array(block.kind.pack(moved, self.circulation.blood), dtype=np.complex128)  # type: ignore[arg-type]
        slope[block.at : block.at + block.size] = numbers.imag / step
        return slope

    def total_volume(self, y: FloatArray) -> float:
        """Blood in all compartments [m³]."""
        volumes = [index for index, each in enumerate(self.unknowns) if each.quantity == "volume"]
        return float(np.sum(y[volumes]))
