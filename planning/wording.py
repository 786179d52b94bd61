"""Names and numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

_MINUS = "\N{MINUS SIGN}"


def spoken(name: str) -> str:
    """A name of the case file as people write it: `descending_aorta` -> `descending aorta`."""
    return name.replace("_", " ")


def listed(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def plain(value: float, digits: int) -> str:
    """A number with a fixed count of decimals, a real minus sign and no negative zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", _MINUS)


def signed(value: float, digits: int) -> str:
    """A difference: as `plain`, with a plus sign where positive, and `±0` where it rounds to zero."""
    text = plain(value, digits)
    if float(text.replace(_MINUS, "-")) == 0.0:
        return f"±{text}"
    return text if text.startswith(_MINUS) else f"+{text}"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s` or `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10.0 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
