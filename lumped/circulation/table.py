"""A circulation as the table that its file holds: names, texts with units, lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hemoplan.waveform import Waveform
from lumped.blocks.record import Kind, Parameter
from lumped.circulation.graph import Circulation, Compartment, GasExchange, Surrounding
from lumped.circulation.kinds import CATALOGUES, Block, holds_blood
from lumped.circulation.own_parameters import BLOOD, GAS, PRESSURE, RATE_UNIT, VOLUME, WAVEFORM_UNITS, WEIGHT
from lumped.circulation.quantity_text import number_text, quantity_text, read_quantity

type Table = dict[str, Any]


_ENDS = {"source": "from", "target": "to", "members": "members", "acts_on": "acts_on"}
"""What a block says of its neighbours, and the keys for it."""


def to_table(circulation: Circulation) -> Table:
    """What the file of a circulation holds; `lumped.circulation.reading` is its inverse."""
    table: Table = {"name": circulation.name}
    if circulation.description:
        table["description"] = circulation.description
    table |= period_table(circulation.period)
    table["weight"] = _text(WEIGHT, circulation.weight)
    table["blood"] = {each.name: _text(each, getattr(circulation.blood, each.name)) for each in BLOOD}
    if circulation.gas is not None:
        table["gas"] = _gas(circulation.gas)
    groups = {
        "surroundings": {each.name: _surrounding(each) for each in circulation.surroundings},
        **{group: _blocks(group, getattr(circulation, group)) for group in CATALOGUES},
        "ports": {each.name: {"node": each.node, "drive": each.drive} for each in circulation.ports},
    }
    return table | {group: blocks for group, blocks in groups.items() if blocks}


def period_table(period: float) -> Table:
    """The heart rate where it says the period exactly, else the period."""
    rate = quantity_text(1.0 / period, RATE_UNIT)
    if 1.0 / read_quantity(rate, RATE_UNIT) == period:
        return {"heart_rate": rate}
    return {"period": quantity_text(period, "s")}


def _surrounding(surrounding: Surrounding) -> Table:
    if surrounding.driven:
        return {"driven": True}
    if surrounding.waveform is not None:
        return {"waveform": _waveform(surrounding.waveform, WAVEFORM_UNITS["surroundings"])}
    return {"pressure": _text(PRESSURE, surrounding.pressure)}


def _blocks(group: str, blocks: Iterable[Block]) -> Table:
    return {block.name: _block(group, block) for block in blocks}


def _block(group: str, block: Block) -> Table:
    kind = CATALOGUES[group][block.kind]
    table: Table = {"kind": block.kind}
    for attribute, key in _ENDS.items():
        value = getattr(block, attribute, None)
        if value is not None:
            table[key] = list(value) if isinstance(value, tuple) else value
    for key in ("activation", "surroundings", "septum", "senses"):
        if getattr(block, key, ""):
            table[key] = getattr(block, key)
    table |= _parameters(kind, block.parameters)
    waveform = getattr(block, "waveform", None)
    if waveform is not None:
        table["waveform"] = _waveform(waveform, WAVEFORM_UNITS[group])
    if isinstance(block, Compartment) and holds_blood(block):
        table["volume"] = _text(VOLUME, block.volume)
    return table


def _gas(gas: GasExchange) -> Table:
    table: Table = {each.name: _text(each, getattr(gas, each.name)) for each in GAS}
    return table | {
        "consumers": dict(gas.consumers),
        "lungs": list(gas.lungs),
        "placentas": list(gas.placentas),
    }


def _text(parameter: Parameter, value: float) -> str | float:
    """A number as the file has it: with its unit, if it has one."""
    return value if parameter.unit == "1" else quantity_text(value, parameter.unit)


def _parameters(kind: Kind, values: Mapping[str, float]) -> Table:
    return {each.name: _text(each, values[each.name]) for each in kind.parameters if each.name in values}


def _waveform(waveform: Waveform, unit: str) -> Table:
    factor = read_quantity(f"1 {unit}", unit)
    return {
        "shares": [float(number_text(float(t), waveform.period)) for t in waveform.times],
        "values": [float(number_text(float(value), factor)) for value in waveform.values],
        "unit": unit,
    }
