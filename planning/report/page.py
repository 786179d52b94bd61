"""Templates of the HTML pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from planning.wording import duration, plain, signed, spoken

_FOLDER = Path(__file__).parent / "templates"


def read_template(name: str) -> str:
    """The text of a style sheet or a script of the pages."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def render_template(name: str, context: Mapping[str, Any]) -> str:
    """Fill a template. All text is escaped; a name that the context lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(spoken=spoken, plain=plain, signed=signed, duration=duration)
    return environment.get_template(name).render(context)
