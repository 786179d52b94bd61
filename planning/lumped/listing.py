"""What there is for the 0D circulation: anatomies, operations and kinds of block."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lumped.blocks.record import Kind
from lumped.circulation.file import load_anatomy
from lumped.circulation.kinds import CATALOGUES
from lumped.circulation.library import anatomies
from lumped.circulation.operations import forms


def show_listing(console: Console) -> None:
    """Print everything."""
    table = Table(title="Anatomies", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name")
    table.add_column("what it is")
    for name in anatomies():
        table.add_row(name, escape(load_anatomy(name).name))
    console.print(table)
    console.print("[bold]Operations[/bold], for `edit --do` and for `surgery` in a file")
    for form in forms():
        console.print(f"  {escape(form)}", highlight=False)
    for group, kinds in CATALOGUES.items():
        console.print(_kinds(group, kinds))


def _kinds(group: str, kinds: Mapping[str, Kind]) -> Table:
    table = Table(title=f"Kinds of {group}", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("kind", "what it is", "parameters"):
        table.add_column(column)
    for kind in kinds.values():
        parameters = ", ".join(f"{each.name} [{each.unit}]" for each in kind.parameters[:10])
        more = ", …" if len(kind.parameters) > 10 else ""
        table.add_row(kind.name, escape(kind.meaning), escape(parameters + more))
    return table
