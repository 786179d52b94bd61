"""Where in an anatomy the quantities of the bedside are taken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LANDMARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aorta": ("ascending_aorta", "neoaorta", "aorta", "intrathoracic_arteries"),
        "preductal": ("innominate_artery", "ascending_aorta", "neoaorta", "aorta", "intrathoracic_arteries"),
        "postductal": ("abdominal_aorta", "descending_aorta", "extrathoracic_arteries"),
        "pulmonary_artery": (
            "main_pulmonary_artery",
            "pulmonary_artery",
            "pulmonary_arteries",
            "right_pulmonary_artery",
            "left_pulmonary_artery",
        ),
        "left_atrium": ("left_atrium", "common_atrium", "pulmonary_veins"),
        "right_atrium": ("right_atrium", "common_atrium"),
        "brain": ("brain", "head"),
    }
)
"""Names of compartments, the best first; the first that an anatomy has is taken."""


def landmark(role: str, names: tuple[str, ...]) -> str | None:
    """The compartment that serves as a landmark among those that there are."""
    return next((each for each in LANDMARKS[role] if each in names), None)
