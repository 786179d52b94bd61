"""Stations of the aorta: root, arch between the head vessels, isthmus, narrowest place, descending aorta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Line
from geometry.measurements.anatomical import AnatomicalStation, MissingStation, Seek, absent, here
from geometry.measurements.routes import Leaving

Place = AnatomicalStation | MissingStation

_BULGE = 1.05
"""The sinuses are wider than the inlet and than the sinotubular junction by this factor at least; less is noise."""
_NARROWER = 0.9
"""The narrowest place's radius is below this share of the largest on either side of it; less is taper."""
_DILATION_REACH = 3.0
"""A post-stenotic dilation lies within this many diameters beyond the narrowest place."""
_DILATED = 1.04
"""It is wider than what follows by this factor at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aorta:
    """The aorta's way from inlet to descending opening, with what leaves it.

    Attributes:
        line: The way.
        brachiocephalic, left_carotid, left_subclavian, duct: Where each leaves it; None if the model has none.
        diaphragm: Height of the diaphragm in world coordinates (RAS z) [m]; None if nobody said.
    """

    line: Line
    brachiocephalic: Leaving | None
    left_carotid: Leaving | None
    left_subclavian: Leaving | None
    duct: Leaving | None
    diaphragm: float | None

    @property
    def first_branch(self) -> float:
        """Arc length of the first lip of the first head vessel; the aorta's end if there is none."""
        heads = (self.brachiocephalic, self.left_carotid, self.left_subclavian)
        return min((head.begin for head in heads if head is not None), default=self.line.length)


def aortic_stations(aorta: Aorta) -> tuple[Place, ...]:
    """All stations of the aorta, found or missing."""
    sinus, junction = _root(aorta)
    narrowest = _narrowest(aorta)
    isthmus = _isthmus(aorta, narrowest)
    post_stenotic = _post_stenotic(aorta, narrowest)
    diaphragm = _diaphragm(aorta)
    lowest = here("lowest_section", aorta.line, aorta.line.length - float(aorta.line.radius[-1]))
    low = diaphragm.arc if isinstance(diaphragm, AnatomicalStation) else lowest.arc
    return (
        here("aortic_inlet", aorta.line, 0.5 * float(aorta.line.radius[0])),
        sinus,
        junction,
        _mid_ascending(aorta, junction),
        _between("proximal_arch", aorta, aorta.brachiocephalic, aorta.left_carotid),
        _between("distal_arch", aorta, aorta.left_carotid, aorta.left_subclavian),
        isthmus,
        narrowest,
        post_stenotic,
        _descending(aorta, (narrowest, post_stenotic), low),
        diaphragm,
        lowest,
    )


def _root(aorta: Aorta) -> tuple[Place, Place]:
    """Sinuses and sinotubular junction, where the inscribed radius rises and falls again before the arch."""
    line, arc = aorta.line, aorta.line.arc
    ascending = arc <= (0.6 * aorta.first_branch if aorta.first_branch < line.length else 0.0)
    radius = line.radius[ascending]
    reason = "the aorta has no bulge behind its inlet: the model begins above the sinuses, or they are not in the scan"
    if len(radius) < 5:
        return absent("sinus", reason), absent("sinotubular_junction", reason)
    falls = np.minimum.accumulate(radius[::-1])[::-1]
    bulges = (radius >= _BULGE * radius[0]) & (radius >= _BULGE * falls)
    if not bulges.any():
        return absent("sinus", reason), absent("sinotubular_junction", reason)
    widest = int(np.where(bulges, radius, 0.0).argmax())
    tight = widest + int(radius[widest:].argmin())
    reach = 0.5 * float(radius[tight])
    return (
        _sought("sinus", line, float(arc[widest]), reach, Seek.GREATEST),
        _sought("sinotubular_junction", line, float(arc[tight]), reach, Seek.LEAST),
    )


def _mid_ascending(aorta: Aorta, junction: Place) -> Place:
    if aorta.brachiocephalic is None:
        return absent("mid_ascending", _needs("brachiocephalic"))
    found = isinstance(junction, AnatomicalStation)
    begin = junction.arc if isinstance(junction, AnatomicalStation) else 0.0
    end = aorta.brachiocephalic.begin
    if end - begin < float(aorta.line.radius[0]):
        return absent("mid_ascending", "the model holds less than a radius of ascending aorta")
    note = "" if found else "from the inlet, since no sinotubular junction is seen"
    return here("mid_ascending", aorta.line, 0.5 * (begin + end), note=note)


def _between(name: str, aorta: Aorta, before: Leaving | None, after: Leaving | None) -> Place:
    """Half-way between the lips that face each other of two ostia."""
    if before is None or after is None:
        vessels = {"proximal_arch": ("brachiocephalic", "left_carotid")}.get(
            name, ("left_carotid", "left_subclavian")
        )
        lacking = [vessel for vessel, place in zip(vessels, (before, after), strict=True) if place is None]
        return absent(name, _needs(*lacking))
    if after.arc <= before.arc:
        return absent(
            name,
            f"{after.name} leaves the arch before {before.name}: not the usual order of the head vessels",
        )
    note = "" if after.begin > before.end else "the ostia on both sides touch: the section opens into them"
    return here(name, aorta.line, 0.5 * (before.end + after.begin), note=note)


def _narrowest(aorta: Aorta) -> Place:
    """The least inscribed radius that has wider aorta on both sides."""
    line, arc = aorta.line, aorta.line.arc
    begin = aorta.brachiocephalic.end if aorta.brachiocephalic is not None else float(line.radius[0])
    inside = np.flatnonzero((arc >= begin) & (arc <= arc[-1] - line.radius[-1]))
    reason = "the aorta is nowhere narrower by a tenth than on both sides of the place"
    if len(inside) < 3:
        return absent("narrowest", "the model holds too little aorta beyond the brachiocephalic artery")
    radius = line.radius[inside]
    upstream = np.maximum.accumulate(radius)
    downstream = np.maximum.accumulate(radius[::-1])[::-1]
    narrow = radius <= _NARROWER * np.minimum(upstream, downstream)
    if not narrow.any():
        return absent("narrowest", reason)
    least = int(np.where(narrow, radius, np.inf).argmin())
    reach = float(line.radius[inside[least]])
    return _sought("narrowest", line, float(arc[inside[least]]), reach, Seek.LEAST)


def _isthmus(aorta: Aorta, narrowest: Place) -> Place:
    if aorta.left_subclavian is None:
        return absent("isthmus", _needs("left_subclavian"))
    begin, line = aorta.left_subclavian.end, aorta.line
    if aorta.duct is not None:
        if aorta.duct.begin <= begin:
            return absent("isthmus", "the duct leaves the aorta at the left subclavian artery's ostium")
        return here("isthmus", line, 0.5 * (begin + aorta.duct.begin))
    if isinstance(narrowest, AnatomicalStation) and narrowest.arc > begin:
        return here("isthmus", line, 0.5 * (begin + narrowest.arc))
    place = begin + 2.0 * float(np.interp(begin, line.arc, line.radius))
    if place > line.length - line.radius[-1]:
        return absent("isthmus", "the model ends within a diameter of the left subclavian artery")
    return here(
        "isthmus", line, place, note="one diameter beyond the left subclavian artery: no duct, no narrowing"
    )


def _post_stenotic(aorta: Aorta, narrowest: Place) -> Place:
    if not isinstance(narrowest, AnatomicalStation):
        return absent("post_stenotic", narrowest.reason)
    line, arc = aorta.line, aorta.line.arc
    beyond = (arc > narrowest.arc) & (arc <= arc[-1] - line.radius[-1])
    if not beyond.any():
        return absent("post_stenotic", "the model ends at the narrowest place")
    reach = _DILATION_REACH * 2.0 * float(np.median(line.radius[beyond]))
    near = beyond & (arc <= narrowest.arc + reach)
    widest = int(np.where(near, line.radius, 0.0).argmax())
    after = beyond & (arc > arc[widest] + line.radius[widest])
    if not after.any() or line.radius[widest] < _DILATED * float(np.median(line.radius[after])):
        return absent("post_stenotic", "beyond the narrowest place the aorta is not wider than what follows")
    return _sought("post_stenotic", line, float(arc[widest]), 0.5 * float(line.radius[widest]), Seek.GREATEST)


def _diaphragm(aorta: Aorta) -> Place:
    if aorta.diaphragm is None:
        return absent("diaphragm", "no level was given for it")
    line, arc, heights = aorta.line, aorta.line.arc, aorta.line.points[:, 2]
    top = int(heights.argmax())
    below = top + int(np.argmax(heights[top:] <= aorta.diaphragm))
    if heights[below] > aorta.diaphragm or below == top:
        return absent(
            "diaphragm",
            f"the level z = {1e3 * aorta.diaphragm:.1f} mm is not in the descending aorta of the model, "
            f"z = {1e3 * heights[-1]:.1f} to {1e3 * heights[top]:.1f} mm",
        )
    share = (heights[below - 1] - aorta.diaphragm) / (heights[below - 1] - heights[below])
    return here("diaphragm", line, float(arc[below - 1] + share * (arc[below] - arc[below - 1])))


def _descending(aorta: Aorta, before: Sequence[Place], low: float) -> Place:
    begins = [station.arc for station in before if isinstance(station, AnatomicalStation)]
    begins += [place.end for place in (aorta.left_subclavian, aorta.duct) if place is not None]
    if not begins:
        reason = f"{_needs('left_subclavian')}, and there is no narrowing, to tell where the arch ends"
        return absent("descending", reason)
    if low <= max(begins):
        return absent("descending", "the model ends where the descending aorta begins")
    return here("descending", aorta.line, 0.5 * (max(begins) + low))


def _sought(name: str, line: Line, arc: float, reach: float, seek: Seek) -> AnatomicalStation:
    """A station of least or greatest area within a reach of a first guess."""
    window = (max(arc - reach, 0.0), min(arc + reach, line.length))
    return AnatomicalStation(name=name, line=line, arc=arc, window=window, seek=seek)


def _needs(*vessels: str) -> str:
    names = " and ".join(f"'{vessel}'" for vessel in vessels)
    return f"no opening is named {names}"
