"""Commands that take the graph out: export, list-formats."""

from pathlib import Path

import click

from app.console import Options, emit_json, global_options, say, table
from app.filter_options import filter_options
from graph.filters import Filters


@click.command()
@click.argument("format_name", metavar="FORMAT")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is at PATH.")
@filter_options
@global_options
def export(options: Options, format_name: str, path: Path, filters: Filters, force: bool) -> None:
    """Write the graph to a file that other programs read.

    'vfm-atlas list-formats' names the formats. The filters choose the papers.
    """
    from graph.export import export as export_graph

    with options.open() as library, library.reading() as session:
        report = export_graph(session, format_name, path, filters, force=force)
    if options.as_json:
        emit_json(report)
        return
    counts = f"{report.papers} papers, {report.nodes} nodes, {report.edges} edges, {report.bytes} bytes"
    say(f"{report.path}: {counts}")


@click.command(name="list-formats")
@global_options
def list_formats(options: Options) -> None:
    """List the export formats."""
    from graph.export import FORMATS

    formats = [{"name": name, "description": item.description} for name, item in FORMATS.items()]
    if options.as_json:
        emit_json({"formats": formats})
        return
    table([(item["name"], item["description"]) for item in formats])


COMMANDS = (export, list_formats)
