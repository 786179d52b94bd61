"""Where blood takes up and gives off gas: lungs, placentas and tissues, as the transport needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import CaseError
from lumped.circulation.graph import GasExchange
from lumped.gas.blood import Blood, contents
from lumped.gas.carriage import LUNGS, PLACENTAS, Graph, graph_of
from lumped.gas.passage import Passage
from lumped.lungs.exchange import inspired_po2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Exchange along a passage of blood. A row of 2 e numbers goes over the connections to their targets, then back.

    Attributes:
        gas: What is exchanged.
        blood: (6,) row of the blood's properties.
        graph: Of the passage, for `carriage.carry`.
        tissues: (t,) names of those that consume.
        demand: (t,) oxygen that they would take [m³/s STPD].
        supply: (t, 2 e) 1 for what a connection brings to a tissue, -1 for what it takes back.
        lungs: (2 e,) 1 where blood flows into a lung.
        exposed: Blood that meets alveolar gas in the passage [m³].
        inspired: PO2 of inspired gas [Pa].
        placental: (2,) contents of umbilical venous blood [m³/m³].
        placentas: (2 e,) 1 where blood flows into a placenta.
    """

    gas: GasExchange
    blood: FloatArray
    graph: Graph
    tissues: tuple[str, ...]
    demand: FloatArray
    supply: FloatArray
    lungs: FloatArray
    exposed: float
    inspired: float
    placental: FloatArray
    placentas: FloatArray


def sites_of(passage: Passage, gas: GasExchange, where: str) -> Sites:
    """The sites of exchange along a passage.

    Blood meets the gas of a lung where it flows in through a connection that brings more than it takes back; what
    flows back through the lung's other end is already in equilibrium.

    Args:
        passage: Of the blood.
        gas: What is exchanged.
        where: Name of the circulation, for messages.

    Raises:
        CaseError: Nothing brings oxygen, or a number is outside its limits.
    """
    consumers = {name: share for name, share in gas.consumers.items() if share * gas.oxygen_consumption > 0.0}
    if not gas.lungs and not gas.placentas:
        raise CaseError(
            "nothing brings oxygen",
            where=f"{where}: gas",
            expected="compartments in 'lungs' or in 'placentas'",
        )
    blood = Blood(
        hemoglobin=gas.haemoglobin,
        fetal_fraction=gas.fetal_fraction,
        base_excess=gas.base_excess,
        temperature=gas.temperature,
    ).row()
    ahead = np.full(len(passage.edges), -1, dtype=np.int64)
    back = ahead.copy()
    for forcing, names in ((LUNGS, gas.lungs), (PLACENTAS, gas.placentas)):
        feeding = _feeding(passage, names)
        ahead[feeding > 0] = forcing
        back[feeding < 0] = forcing
    tissues = np.array([passage.nodes.index(name) for name in consumers], dtype=np.int64)
    feeds = np.array([passage.feeds(name) for name in consumers]).reshape(tissues.size, len(passage.edges))
    lungs = np.concatenate([ahead == LUNGS, back == LUNGS]).astype(np.float64)
    passed = np.concatenate(
        [np.maximum(passage.moved, 0.0).sum(axis=0), np.maximum(-passage.moved, 0.0).sum(axis=0)]
    )
    oxygen, carbon_dioxide, *_ = contents(gas.placental_oxygen, gas.placental_carbon_dioxide, blood)
    return Sites(
        gas=gas,
        blood=blood,
        graph=graph_of(passage, ahead, back, gas.shunt_share, tissues),
        tissues=tuple(consumers),
        demand=gas.oxygen_consumption * np.array(list(consumers.values())),
        supply=np.hstack([feeds, -feeds]).astype(np.float64),
        lungs=lungs,
        exposed=(1.0 - gas.shunt_share) * float(lungs @ passed),
        inspired=inspired_po2(gas.inspired_oxygen),
        placental=np.array([oxygen, carbon_dioxide]),
        placentas=np.concatenate([ahead == PLACENTAS, back == PLACENTAS]).astype(np.float64),
    )


def _feeding(passage: Passage, names: Iterable[str]) -> IntArray:
    """(e,) 1 or -1 where a connection feeds one of the nodes from outside them all, ahead or back."""
    total = np.zeros(len(passage.edges), dtype=np.int64)
    inside = {passage.nodes.index(name) for name in names}
    for name in names:
        total += passage.feeds(name)
    # Blood that goes from one part of a lung to the next has met the gas before.
    for e, ends in enumerate(zip(passage.source, passage.target, strict=True)):
        if inside.issuperset(int(end) for end in ends):
            total[e] = 0
    return total
