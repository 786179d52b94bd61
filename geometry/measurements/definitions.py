"""Where the aorta, the duct and the pulmonary arteries are measured: a sentence for each station, with its source.

The aortic levels follow the guideline on thoracic aortic disease; where the guideline, made for adults, has one level
between the head vessels and children's nomograms have two, the children's are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_AHA = "ACCF/AHA guideline on thoracic aortic disease 2010, doi:10.1161/CIR.0b013e3181d4739e"
_ASE = "ASE, quantification of a pediatric echocardiogram, J Am Soc Echocardiogr 2010;23:465-95"
_OWN = "hemoplan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a station is.

    Attributes:
        name: Its name in tables.
        sentence: Where it lies, by the centreline and the openings.
        source: Whose level it is; hemoplan where the place is our own choice.
    """

    name: str
    sentence: str
    source: str


_AORTIC = (
    Definition(
        name="aortic_inlet",
        sentence="half a radius behind the opening that the aorta begins at: the valve's level if it was cut there",
        source=_OWN,
    ),
    Definition(
        name="sinus",
        sentence="the widest section of the bulge between the inlet and the sinotubular junction",
        source=_AHA,
    ),
    Definition(
        name="sinotubular_junction",
        sentence="the narrowest section between the bulge of the sinuses and the tubular ascending aorta",
        source=_AHA,
    ),
    Definition(
        name="mid_ascending",
        sentence="half-way from the sinotubular junction, or without one from the inlet, to the brachiocephalic artery",
        source=_AHA,
    ),
    Definition(
        name="proximal_arch",
        sentence="half-way between the ostia of the brachiocephalic and the left carotid artery",
        source=_ASE,
    ),
    Definition(
        name="distal_arch",
        sentence="half-way between the ostia of the left carotid and the left subclavian artery",
        source=_ASE,
    ),
    Definition(
        name="isthmus",
        sentence="half-way from the left subclavian artery's ostium to the duct's, or without a duct to the narrowest "
        "place, and without either one diameter beyond the left subclavian artery",
        source=_OWN,
    ),
    Definition(
        name="narrowest",
        sentence="the section of least area beyond the brachiocephalic artery, where the aorta is wider by a tenth "
        "on both sides",
        source=_OWN,
    ),
    Definition(
        name="post_stenotic",
        sentence="the widest section within three diameters beyond the narrowest place, if it is wider than what "
        "follows",
        source=_OWN,
    ),
    Definition(
        name="descending",
        sentence="half-way to the diaphragm, or to the lowest section, from the last of the left subclavian artery, "
        "the duct and the post-stenotic section",
        source=_AHA,
    ),
    Definition(
        name="diaphragm",
        sentence="the section of the descending aorta at the level that was given for the diaphragm",
        source=_AHA,
    ),
    Definition(
        name="lowest_section",
        sentence="one radius before the opening that the descending aorta ends at",
        source=_OWN,
    ),
)
_DUCTAL = (
    Definition(
        name="duct_aortic",
        sentence="the first section of the duct, from the aorta, that does not open into the aorta: its ampulla",
        source=_OWN,
    ),
    Definition(
        name="duct_minimum",
        sentence="the section of least area between the two ends of the duct",
        source=_OWN,
    ),
    Definition(
        name="duct_pulmonary",
        sentence="the last section of the duct that does not open into the pulmonary artery",
        source=_OWN,
    ),
)
_PULMONARY = (
    Definition(
        name="main_pulmonary_artery",
        sentence="half-way from the opening of the main pulmonary artery to its bifurcation",
        source=_ASE,
    ),
    Definition(
        name="right_pulmonary_artery",
        sentence="half-way from the bifurcation to the first branch of the right pulmonary artery, or to its opening",
        source=_OWN,
    ),
    Definition(
        name="right_pulmonary_artery_distal",
        sentence="just before the first branch of the right pulmonary artery, or before its opening",
        source=_OWN,
    ),
    Definition(
        name="left_pulmonary_artery",
        sentence="half-way from the bifurcation to the first branch of the left pulmonary artery, or to its opening",
        source=_OWN,
    ),
    Definition(
        name="left_pulmonary_artery_distal",
        sentence="just before the first branch of the left pulmonary artery, or before its opening",
        source=_OWN,
    ),
)

AORTIC = tuple(entry.name for entry in _AORTIC)
DUCTAL = tuple(entry.name for entry in _DUCTAL)
PULMONARY = tuple(entry.name for entry in _PULMONARY)
DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {entry.name: entry for entry in (*_AORTIC, *_DUCTAL, *_PULMONARY)}
)
"""All stations by name, in the order of the table."""
