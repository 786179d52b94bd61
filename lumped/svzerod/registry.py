"""Which record stands behind each name of a block type in the file."""

from __future__ import annotations

from collections.abc import Mapping

from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from lumped.svzerod.activations import ACTIVATIONS, Activation
from lumped.svzerod.boundaries import (
    ClosedLoopWindkessel,
    FlowReference,
    ImpedanceOutlet,
    PressureReference,
    ResistanceOutlet,
    WindkesselOutlet,
)
from lumped.svzerod.chambers import (
    MATERIALS,
    ElastanceChamber,
    ExponentialChamber,
    LinearElastanceChamber,
    Material,
    SphereChamber,
)
from lumped.svzerod.coronaries import (
    ClosedLoopCoronaryLeft,
    ClosedLoopCoronaryRight,
    CoronaryOutlet,
    VaryingCoronaryOutlet,
)
from lumped.svzerod.junctions import BloodVesselJunction, Junction, ResistiveJunction
from lumped.svzerod.stamps import Block
from lumped.svzerod.valves import PiecewiseValve, TanhValve
from lumped.svzerod.vessels import BloodVessel, BloodVesselCRL, BloodVesselRC

type Types = Mapping[str, type[Block]]

VESSELS: Types = {
    "BloodVessel": BloodVessel,
    "BloodVesselCRL": BloodVesselCRL,
    "BloodVesselRC": BloodVesselRC,
    "CLHPulmonary": BloodVesselRC,
    "ChamberSphere": SphereChamber,
}
JUNCTIONS: Types = {
    "NORMAL_JUNCTION": Junction,
    "internal_junction": Junction,
    "resistive_junction": ResistiveJunction,
    "BloodVesselJunction": BloodVesselJunction,
}
BOUNDARIES: Types = {
    "FLOW": FlowReference,
    "PRESSURE": PressureReference,
    "RESISTANCE": ResistanceOutlet,
    "RCR": WindkesselOutlet,
    "CORONARY": CoronaryOutlet,
    "CORONARY_VAR_RES": VaryingCoronaryOutlet,
    "IMPEDANCE": ImpedanceOutlet,
    "ClosedLoopRCR": ClosedLoopWindkessel,
    "ClosedLoopCoronaryLeft": ClosedLoopCoronaryLeft,
    "ClosedLoopCoronaryRight": ClosedLoopCoronaryRight,
}
VALVES: Types = {
    "ValveTanh": TanhValve,
    "PiecewiseValve": PiecewiseValve,
    "RegazzoniValve": PiecewiseValve,
}
CHAMBERS: Types = {
    "ChamberElastanceInductor": ElastanceChamber,
    "ChamberElastanceInductorExponential": ExponentialChamber,
    "LinearElastanceChamber": LinearElastanceChamber,
    "PiecewiseCosineChamber": LinearElastanceChamber,
    "RegazzoniChamber": LinearElastanceChamber,
    "ChamberSphere": SphereChamber,
}
PARTS: Mapping[str, Mapping[str, type[Activation] | type[Material]]] = {
    "activation": ACTIVATIONS,
    "material": MATERIALS,
}
"""Parts of a chamber that are chosen by name, by the field of the chamber's record."""

USUAL_PARTS: Mapping[tuple[type[Block], str], str] = {
    (ElastanceChamber, "activation"): "half_cosine",
    (ExponentialChamber, "activation"): "half_cosine",
    (LinearElastanceChamber, "activation"): "piecewise_cosine",
    (SphereChamber, "activation"): "double_tanh",
    (SphereChamber, "material"): "mooney_rivlin",
}
"""What a chamber has whose file does not choose: the part's parameters then stand among those of the chamber."""

NUMBERED_ACTIVATIONS = ("half_cosine", "piecewise_cosine", "two_hill")
"""Activations by the number 'activation_type' of older files."""


def find_block(types: Types, name: str, where: str) -> type[Block]:
    """Record of a block type.

    Raises:
        CaseError: The name is unknown.
    """
    if name not in types:
        raise CaseError(f"unknown type '{name}'; {hint(name, types)}", where=where)
    return types[name]


def find_part(kind: str, name: object, where: str) -> type[Activation] | type[Material]:
    """Record of a part of a chamber.

    Raises:
        CaseError: The name is missing or unknown.
    """
    known = PARTS[kind]
    if not isinstance(name, str) or name not in known:
        raise CaseError(f"unknown type of {kind} '{name}'; {hint(str(name), known)}", where=where)
    return known[name]
