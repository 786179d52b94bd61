"""What a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like one, capitals aside, or that contains it; nothing if none is."""
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if near:
        return folded[near[0]]
    return next((each for low, each in sorted(folded.items()) if name and name.lower() in low), "")


def hint(name: str, known: Iterable[str]) -> str:
    """For an error: the name that was meant, or all that there are."""
    names = sorted(set(known))
    near = nearest(name, names)
    if near:
        return f"did you mean '{near}'?"
    return f"expected one of {', '.join(names)}" if names else "there is none"
