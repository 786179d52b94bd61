"""Kinds of compartment: vessels, chambers of the heart, junctions and reservoirs."""

from __future__ import annotations

from lumped.blocks.compartment_laws import (
    ELASTANCE,
    FIBRE,
    FILLING,
    JUNCTION,
    LINEAR,
    RESERVOIR,
    STIFFENING,
)
from lumped.blocks.record import Kind, Parameter, catalogue, in_order

_UNSTRESSED = Parameter("unstressed_volume", "mL", -500.0, 2000.0, "volume at zero transmural pressure", 0.0)
_DIASTOLIC = Parameter("diastolic_elastance", "mmHg/mL", 1e-4, 1e4, "slope of pressure with volume at rest")
_SYSTOLIC = Parameter("systolic_elastance", "mmHg/mL", 1e-4, 1e5, "the same at the height of contraction")
_STIFFENING = Parameter("stiffening_volume", "mL", 1e-3, 1e5, "volume over which the slope rises by e")

CHAMBERS = frozenset({"elastance_chamber", "filling_chamber", "fibre_chamber"})
"""Kinds that contract: they need an activation."""

COMPARTMENTS = catalogue(
    Kind(
        name="vessel",
        law=LINEAR,
        meaning="p = (V - unstressed_volume) / compliance",
        parameters=(
            Parameter("compliance", "mL/mmHg", 1e-9, 1e4, "rise of volume with pressure"),
            _UNSTRESSED,
        ),
        pack=lambda v, blood: [1.0 / v["compliance"], v["unstressed_volume"]],
    ),
    Kind(
        name="stiffening_vessel",
        law=STIFFENING,
        meaning="p = E Vk (exp((V - V0) / Vk) - 1); linear below V0",
        parameters=(
            Parameter("elastance", "mmHg/mL", 1e-6, 1e5, "slope of pressure at the unstressed volume"),
            _UNSTRESSED,
            _STIFFENING,
        ),
        pack=in_order("elastance", "unstressed_volume", "stiffening_volume"),
    ),
    Kind(
        name="elastance_chamber",
        law=ELASTANCE,
        meaning="p = (Ed + (Es - Ed) a(t)) (V - V0)",
        source="Suga & Sagawa, Circ. Res. 35, 1974, DOI 10.1161/01.RES.35.1.117",
        parameters=(_DIASTOLIC, _SYSTOLIC, _UNSTRESSED),
        pack=in_order("diastolic_elastance", "systolic_elastance", "unstressed_volume"),
        check=lambda v: (
            ""
            if v["systolic_elastance"] >= v["diastolic_elastance"]
            else "the systolic elastance is below the diastolic one"
        ),
    ),
    Kind(
        name="filling_chamber",
        law=FILLING,
        meaning="p = a Es (V - V0) + (1 - a) E Vk (exp((V - V0) / Vk) - 1): the passive wall stiffens as it fills",
        source="Smith et al., Med. Eng. Phys. 26, 2004, DOI 10.1016/j.medengphy.2003.10.001",
        parameters=(_SYSTOLIC, _DIASTOLIC, _UNSTRESSED, _STIFFENING),
        pack=in_order("systolic_elastance", "diastolic_elastance", "unstressed_volume", "stiffening_volume"),
    ),
    Kind(
        name="fibre_chamber",
        law=FIBRE,
        meaning="p = (sigma / 3) ln(1 + Vw / V), sigma the stress of fibres that wind through the wall",
        source="Arts et al., Biophys. J. 59, 1991, DOI 10.1016/S0006-3495(91)82201-9",
        parameters=(
            Parameter(
                "unstressed_volume", "mL", 0.01, 500.0, "cavity at which fibres have their rest length"
            ),
            Parameter("wall_volume", "mL", 0.01, 500.0, "volume of the wall"),
            Parameter("active_stress", "kPa", 0.1, 500.0, "stress of contracted fibres at their rest length"),
            Parameter(
                "slack_stretch", "1", 0.3, 0.99, "stretch at which contracted fibres bear nothing", 0.7
            ),
            Parameter("passive_stress", "kPa", 1e-4, 100.0, "scale of the stress of relaxed fibres", 0.9),
            Parameter("passive_exponent", "1", 0.1, 100.0, "growth of that stress with stretch", 12.0),
        ),
        pack=in_order(
            "unstressed_volume",
            "wall_volume",
            "active_stress",
            "slack_stretch",
            "passive_stress",
            "passive_exponent",
        ),
    ),
    Kind(
        name="junction",
        law=JUNCTION,
        meaning="holds no blood; the flows in and out of it balance",
        parameters=(),
        pack=in_order(),
    ),
    Kind(
        name="reservoir",
        law=RESERVOIR,
        meaning="a pressure that does not depend on the flow",
        parameters=(Parameter("pressure", "mmHg", -200.0, 500.0, "its pressure", 0.0),),
        pack=in_order("pressure"),
    ),
)
