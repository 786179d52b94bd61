"""What surgery leaves behind: stumps of junctions, and what acts on nothing any more."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lumped.circulation.check import HEART
from lumped.circulation.graph import Circulation


def tidied(circulation: Circulation) -> Circulation:
    """Without junctions that pass nothing on, and without what acts on nothing any more."""
    without_stumps = _without_stumps(circulation)
    return _without_unused(_without_idle_regulations(_without_broken_couplings(without_stumps)))


def _without_stumps(circulation: Circulation) -> Circulation:
    """Junctions with one connection go, together with it, until there are none."""
    while True:
        count = Counter(end for each in circulation.connections for end in (each.source, each.target))
        count.update(port.node for port in circulation.ports)
        stumps = {
            each.name for each in circulation.compartments if each.kind == "junction" and count[each.name] < 2
        }
        if not stumps:
            return circulation
        circulation = replace(
            circulation,
            compartments=tuple(each for each in circulation.compartments if each.name not in stumps),
            connections=tuple(
                each
                for each in circulation.connections
                if each.source not in stumps and each.target not in stumps
            ),
        )


def _without_broken_couplings(circulation: Circulation) -> Circulation:
    """A pericardium loses members that are gone; a septum or a wall pressure that lost one goes.

    What it pressed on then feels what lies around it.
    """
    present = {each.name for each in circulation.compartments}
    kept, outer = [], {}
    for each in circulation.couplings:
        members = tuple(name for name in each.members if name in present)
        if members and (each.kind == "pericardium" or members == each.members):
            kept.append(replace(each, members=members))
        else:
            outer[each.name] = each.surroundings

    def beyond(name: str) -> str:
        while name in outer:
            name = outer[name]
        return name

    return replace(
        circulation,
        couplings=tuple(replace(each, surroundings=beyond(each.surroundings)) for each in kept),
        compartments=tuple(
            replace(
                each,
                surroundings=beyond(each.surroundings),
                septum="" if each.septum in outer else each.septum,
            )
            for each in circulation.compartments
        ),
        connections=tuple(
            replace(each, surroundings=beyond(each.surroundings)) for each in circulation.connections
        ),
    )


def _without_idle_regulations(circulation: Circulation) -> Circulation:
    """A regulation goes with what it senses, or with the last of what it acts on."""
    present = {each.name for each in circulation.compartments} | {HEART, ""}
    present |= {each.name for each in circulation.connections}
    kept = []
    for each in circulation.regulations:
        acts_on = tuple(name for name in each.acts_on if name in present)
        if each.senses in present and (acts_on or not each.acts_on):
            kept.append(replace(each, acts_on=acts_on))
    return replace(circulation, regulations=tuple(kept))


def _without_unused(circulation: Circulation) -> Circulation:
    """Activations without a chamber, wall pressures and surroundings that press on nothing."""
    felt = {each.surroundings for each in circulation.compartments}
    felt |= {each.surroundings for each in circulation.connections}
    couplings = tuple(
        each for each in circulation.couplings if each.kind != "wall_pressure" or each.name in felt
    )
    felt |= {each.surroundings for each in couplings}
    contracting = {each.activation for each in circulation.compartments}
    contracting |= {each.activation for each in couplings}
    return replace(
        circulation,
        couplings=couplings,
        surroundings=tuple(each for each in circulation.surroundings if each.name in felt),
        activations=tuple(each for each in circulation.activations if each.name in contracting),
    )
