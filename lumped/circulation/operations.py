"""Surgery as text: `ligate duct`, `add shunt 3.5 mm from innominate to right_pulmonary_artery`.

A form names in capitals what differs from case to case; what stands in brackets can be left out. A compartment or a
connection can be named by its beginning where no other begins so: `duct` for `ductus_arteriosus`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hemoplan.errors import CaseError, HemoplanError, VariantError
from hemoplan.spelling import hint
from lumped.circulation.beat import with_period
from lumped.circulation.check import check_circulation
from lumped.circulation.graph import Circulation
from lumped.circulation.kinds import CATALOGUES
from lumped.circulation.quantity_text import read_quantity
from lumped.circulation.surgery import (
    BAND_LENGTH,
    SHUNT_LENGTH,
    add_hole,
    add_shunt,
    assign,
    band,
    constrict,
    insert,
    ligate,
    open_foramen,
    parameter_unit,
    redirect,
    remove,
    replace_connection,
    widen,
)
from lumped.circulation.tidying import tidied

type Slots = Mapping[str, str]
"""What stands in the place of the capitals of a form."""

SHORTEST_NAME = 4
"""Letters that the beginning of a name must have to stand for it."""
_PARTS = {
    "NAME": ("compartments", "connections"),
    "SOURCE": ("compartments",),
    "TARGET": ("compartments",),
    "CONNECTION": ("connections",),
}
"""What can stand in a slot that names a part."""
_NAME = r"[A-Za-z]\w*"
_QUANTITY = r"[-+.\d]\S*(?:\s+(?!(?:from|to|in|as|into|length)\b)[^\s\d]\S*)?"
_PATTERNS = {
    "DIAMETER": _QUANTITY,
    "LENGTH": _QUANTITY,
    "VESSEL": _QUANTITY,
    "VALUE": r".+",
    "PARAMETERS": r".+",
    "BLOCK.PARAMETER": rf"{_NAME}\.{_NAME}",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that surgery does.

    Attributes:
        form: How it is written.
        act: What it does with a circulation, given what stands in the place of the capitals.
    """

    form: str
    act: Callable[[Circulation, Slots], Circulation]

    @property
    def verb(self) -> str:
        """The words that it begins with."""
        return " ".join(re.findall(r"^[a-z ]+\b", self.form)[0].split())

    @property
    def pattern(self) -> re.Pattern[str]:
        """Of texts of this form."""
        parts = []
        for token in re.findall(r"\[|\]|[A-Z.]+|[a-z_]+", self.form):
            if token == "[":
                parts.append("(?:")
            elif token == "]":
                parts.append(")?")
            elif token.isupper():
                parts.append(rf"\s+(?P<{token.replace('.', '_')}>{_PATTERNS.get(token, _NAME)})")
            else:
                parts.append(rf"\s+{token}\b")
        return re.compile("".join(parts))


def apply(circulation: Circulation, *steps: str) -> Circulation:
    """A circulation after some operations, in this order.

    Raises:
        CaseError: A step cannot be read.
        VariantError: A step cannot be made.
        BoundaryError: What results is not one circulation any more.
    """
    for step in steps:
        circulation = _apply_one(circulation, step)
    if not steps:
        return circulation
    circulation = tidied(circulation)
    check_circulation(circulation)
    return circulation


def forms() -> tuple[str, ...]:
    """How operations are written, for a help text."""
    return tuple(operation.form for operation in OPERATIONS)


def _apply_one(circulation: Circulation, step: str) -> Circulation:
    operation, slots = _understood(step)
    slots = {key: _in_full(circulation, key, text) for key, text in slots.items()}
    try:
        return operation.act(circulation, slots)
    except HemoplanError as error:
        raise type(error)(
            error.what, where=step, value=error.value, expected=error.expected, remedy=error.remedy
        ) from None


def _in_full(circulation: Circulation, slot: str, name: str) -> str:
    """The only part that a slot can mean whose name begins so, if there is one; else the text as it is."""
    known = [each.name for group in _PARTS.get(slot, ()) for each in getattr(circulation, group)]
    longer = [each for each in known if each.startswith(name)]
    return longer[0] if len(longer) == 1 and len(name) >= SHORTEST_NAME else name


def _understood(step: str) -> tuple[Operation, Slots]:
    text = " ".join(step.split())
    for operation in OPERATIONS:
        match = operation.pattern.fullmatch(f" {text}")
        if match:
            return operation, {key: value for key, value in match.groupdict().items() if value is not None}
    begun = [each.form for each in OPERATIONS if f"{text} ".startswith(f"{each.verb} ")]
    begun = begun or [each.form for each in OPERATIONS if text.split()[:1] == each.verb.split()[:1]]
    if begun:
        raise CaseError(
            "cannot read this step of surgery", where=step, expected=" or ".join(f"'{f}'" for f in begun)
        )
    verbs = [each.verb for each in OPERATIONS]
    raise CaseError(
        f"unknown operation '{' '.join(text.split()[:2])}'; {hint(text.split()[0] if text else '', verbs)}",
        where=step or "surgery",
    )


def _millimetres(slots: Slots, key: str, default: float | None = None) -> float:
    """A length of a step [m]."""
    if key not in slots and default is not None:
        return default
    return _number(slots[key], "mm")


def _number(text: str, unit: str) -> float:
    try:
        return read_quantity(text, unit) if unit != "1" else float(text)
    except ValueError as error:
        words = "not a number; expected one without a unit" if unit == "1" else str(error)
        raise CaseError(words, value=text) from None


def _add_shunt(circulation: Circulation, slots: Slots) -> Circulation:
    return add_shunt(
        circulation,
        slots["SOURCE"],
        slots["TARGET"],
        diameter=_millimetres(slots, "DIAMETER"),
        length=_millimetres(slots, "LENGTH", SHUNT_LENGTH),
        name=slots.get("NEW", "shunt"),
    )


def _add_hole(circulation: Circulation, slots: Slots) -> Circulation:
    diameter, name = _millimetres(slots, "DIAMETER"), slots.get("NEW", "hole")
    return add_hole(circulation, slots["SOURCE"], slots["TARGET"], diameter=diameter, name=name)


def _band(circulation: Circulation, slots: Slots) -> Circulation:
    return band(
        circulation,
        slots["NAME"],
        _millimetres(slots, "DIAMETER"),
        vessel_diameter=_millimetres(slots, "VESSEL") if "VESSEL" in slots else None,
        length=_millimetres(slots, "LENGTH", BAND_LENGTH),
    )


def _set(circulation: Circulation, slots: Slots) -> Circulation:
    block, parameter = slots["BLOCK_PARAMETER"].split(".")
    unit = parameter_unit(circulation, block, parameter)
    return assign(circulation, block, parameter, _number(slots["VALUE"], unit))


def _set_heart_rate(circulation: Circulation, slots: Slots) -> Circulation:
    rate = _number(slots["VALUE"], "1/min")
    if not rate > 0.0:
        raise VariantError("the heart must beat", value=slots["VALUE"], expected="20 to 400 1/min")
    return with_period(circulation, 1.0 / rate)


def _replace(circulation: Circulation, slots: Slots) -> Circulation:
    """`replace duct with conduit diameter=3 mm length=10 mm`."""
    kind = CATALOGUES["connections"].get(slots["KIND"])
    units = {each.name: each.unit for each in kind.parameters} if kind else {}
    values = {}
    for name, text in re.findall(r"(\w+)\s*=\s*(.*?)(?=\s+\w+\s*=|$)", slots.get("PARAMETERS", "")):
        if kind and name not in units:
            raise CaseError(f"unknown parameter '{name}' of a {kind.name}; {hint(name, units)}")
        values[name] = _number(text, units[name]) if kind else 0.0
    return replace_connection(circulation, slots["NAME"], slots["KIND"], values)


def _redirect(circulation: Circulation, slots: Slots) -> Circulation:
    return redirect(circulation, slots["NAME"], source=slots.get("SOURCE"), target=slots.get("TARGET"))


OPERATIONS = (
    Operation("ligate NAME", lambda c, s: ligate(c, s["NAME"])),
    Operation("close NAME", lambda c, s: ligate(c, s["NAME"])),
    Operation("remove NAME", lambda c, s: remove(c, s["NAME"])),
    Operation("add shunt DIAMETER from SOURCE to TARGET [length LENGTH] [as NEW]", _add_shunt),
    Operation("add hole DIAMETER from SOURCE to TARGET [as NEW]", _add_hole),
    Operation("band NAME [to] DIAMETER [in VESSEL] [length LENGTH]", _band),
    Operation("open foramen DIAMETER", lambda c, s: open_foramen(c, _millimetres(s, "DIAMETER"))),
    Operation(
        "open foramen DIAMETER with flap",
        lambda c, s: open_foramen(c, _millimetres(s, "DIAMETER"), flap=True),
    ),
    Operation("dilate NAME [to] DIAMETER", lambda c, s: widen(c, s["NAME"], _millimetres(s, "DIAMETER"))),
    Operation("stent NAME [to] DIAMETER", lambda c, s: widen(c, s["NAME"], _millimetres(s, "DIAMETER"))),
    Operation(
        "constrict NAME [to] DIAMETER", lambda c, s: constrict(c, s["NAME"], _millimetres(s, "DIAMETER"))
    ),
    Operation("replace NAME with KIND [PARAMETERS]", _replace),
    Operation("redirect NAME [from SOURCE] [to TARGET]", _redirect),
    Operation("insert NEW into CONNECTION", lambda c, s: insert(c, s["NEW"], s["CONNECTION"])),
    Operation("set heart_rate VALUE", _set_heart_rate),
    Operation("set BLOCK.PARAMETER VALUE", _set),
)
