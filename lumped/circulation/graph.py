"""The graph of a circulation: records that say what is connected to what, with SI numbers. No equation is here.

Every record names a kind of `lumped.blocks` and holds that kind's parameters by name. `lumped.engine.build` turns a
circulation into arrays, and refuses what makes no sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Self

from hemoplan.waveform import Waveform
from lumped.blocks.record import Blood

OUTSIDE = "outside"
"""What is not part of the circulation: the other end of a port or a pump that brings or takes blood."""

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """How chambers contract.

    Attributes:
        name: As chambers refer to it.
        kind: Of `lumped.blocks.rhythms.RHYTHMS`.
        parameters: By name, in SI.
    """

    name: str
    kind: str
    parameters: Mapping[str, float] = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """Something that holds blood, a junction, or a reservoir.

    Attributes:
        name: As connections refer to it.
        kind: Of `lumped.blocks.compartments.COMPARTMENTS`.
        parameters: By name, in SI.
        activation: Name of the activation of a chamber.
        surroundings: Name of the surrounding or the coupling whose pressure acts on it; the atmosphere if empty.
        septum: Name of the septum that is its wall, if any.
        volume: Of blood at the start [m³].
        waveform: Pressure of a reservoir over the beat [Pa], in the place of its parameter.
    """

    name: str
    kind: str
    parameters: Mapping[str, float] = _NONE
    activation: str = ""
    surroundings: str = ""
    septum: str = ""
    volume: float = 0.0
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A way for blood between two compartments; flow is positive from the first to the second.

    Attributes:
        name: As results and edits refer to it.
        kind: Of `lumped.blocks.connections.CONNECTIONS`.
        source, target: Names of compartments; `OUTSIDE` for one end of a pump.
        parameters: By name, in SI.
        surroundings: What presses on a collapsible vessel.
        waveform: Flow of a pump over the beat [m³/s], in the place of its parameter.
    """

    name: str
    kind: str
    source: str
    target: str
    parameters: Mapping[str, float] = _NONE
    surroundings: str = ""
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupling:
    """What ties compartments together other than flow.

    Attributes:
        name: As compartments refer to it, in `surroundings` or `septum`.
        kind: Of `lumped.blocks.couplings.COUPLINGS`.
        members: Compartments in a pericardium; the chamber of a wall pressure; left and right chamber of a septum.
        parameters: By name, in SI.
        activation: Of a septum.
        surroundings: The pressure around it.
    """

    name: str
    kind: str
    members: tuple[str, ...]
    parameters: Mapping[str, float] = _NONE
    activation: str = ""
    surroundings: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounding:
    """A pressure around compartments that is given, such as that of the pleura.

    Attributes:
        name: As compartments refer to it.
        pressure: [Pa].
        waveform: Over the beat [Pa], in the place of the constant.
        driven: Whether it comes from outside at each step, as a breath does; then it is an input named `name`.
    """

    name: str
    pressure: float = 0.0
    waveform: Waveform | None = None
    driven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Where a circulation meets a 3D domain.

    Attributes:
        name: Of the patch.
        node: Compartment that a flow port feeds; reservoir whose pressure a pressure port sets.
        drive: What comes from the 3D domain: the flow out of it, or the pressure at the patch.
    """

    name: str
    node: str
    drive: Literal["flow", "pressure"] = "flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulation:
    """A reflex or a vessel's own control: what is sensed in one beat changes parameters in the next.

    Attributes:
        name: As results refer to it.
        kind: Of `lumped.regulation`.
        senses: The compartment or connection that is watched.
        acts_on: Connections or compartments that it changes; "heart" for the heart rate.
        parameters: By name, in SI.
    """

    name: str
    kind: str
    senses: str = ""
    acts_on: tuple[str, ...] = ()
    parameters: Mapping[str, float] = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class GasExchange:
    """Oxygen and carbon dioxide of a circulation: what the blood binds, who consumes, where it is renewed.

    Attributes:
        haemoglobin: [kg/m³].
        fetal_fraction: Share of haemoglobin F.
        temperature: [K].
        base_excess: [mol/m³].
        oxygen_consumption: Of the whole body [m³/s, STPD].
        respiratory_quotient: CO2 made over O2 consumed.
        consumers: Compartments and their shares of the consumption.
        lungs: Compartments whose blood meets the alveolar gas.
        shunt_share: Share of each lung's flow that passes the alveoli by.
        inspired_oxygen: Share of O2 in what is breathed in.
        alveolar_ventilation: [m³/s, BTPS].
        placentas: Compartments whose blood meets the gas pressures below.
        placental_oxygen, placental_carbon_dioxide: Pressures of umbilical venous blood [Pa].
    """

    haemoglobin: float = 160.0
    fetal_fraction: float = 0.75
    temperature: float = 310.15
    base_excess: float = -2.0
    oxygen_consumption: float = 4.0e-7
    respiratory_quotient: float = 0.8
    consumers: Mapping[str, float] = _NONE
    lungs: tuple[str, ...] = ()
    shunt_share: float = 0.02
    inspired_oxygen: float = 0.21
    alveolar_ventilation: float = 8.0e-6
    placentas: tuple[str, ...] = ()
    placental_oxygen: float = 4000.0
    placental_carbon_dioxide: float = 5300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circulation:
    """A circulation.

    Attributes:
        name: Of the anatomy or the patient.
        period: Of the beat [s].
        compartments, connections, activations, couplings, surroundings, ports: Its parts.
        regulations: What its reflexes do from beat to beat.
        gas: Oxygen and carbon dioxide, if they are followed.
        blood: What flows.
        weight: Of the child [kg].
        description: A few lines.
        origin: Where it comes from, as messages name it: a file.
    """

    name: str
    period: float
    compartments: tuple[Compartment, ...]
    connections: tuple[Connection, ...]
    activations: tuple[Activation, ...] = ()
    couplings: tuple[Coupling, ...] = ()
    surroundings: tuple[Surrounding, ...] = ()
    ports: tuple[Port, ...] = ()
    regulations: tuple[Regulation, ...] = ()
    gas: GasExchange | None = None
    blood: Blood = field(default_factory=Blood)
    weight: float = 3.5
    description: str = ""
    origin: str = ""

    def compartment(self, name: str) -> Compartment:
        """The compartment of this name."""
        return next(each for each in self.compartments if each.name == name)

    def connection(self, name: str) -> Connection:
        """The connection of this name."""
        return next(each for each in self.connections if each.name == name)

    def changed(self, block: str, parameter: str, value: float) -> Self:
        """The same circulation with one parameter of one block changed [SI].

        Raises:
            KeyError: There is no such block, or it has no such parameter.
        """
        for group in ("compartments", "connections", "activations", "couplings"):
            parts = getattr(self, group)
            for index, part in enumerate(parts):
                if part.name == block:
                    if parameter not in part.parameters:
                        raise KeyError(f"{block}.{parameter}")
                    new = replace(part, parameters={**part.parameters, parameter: value})
                    groups: dict[str, Any] = {group: (*parts[:index], new, *parts[index + 1 :])}
                    return replace(self, **groups)
        raise KeyError(block)
