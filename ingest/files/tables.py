"""Tables with a header (.csv) and one JSON object per line (.jsonl)."""

import csv
import json
import re
from collections.abc import Iterator, Sequence

from ingest.files import columns, csl
from ingest.files.entry import Entry, Flaw, Unusable

_DELIMITERS = ",;\t"
_MOST_LINES = 200
# The apostrophe that keeps a spreadsheet from taking a text for a formula, as exports put it in.
_PROTECTED = re.compile("'+[=+\\-@\t\n]")
_SHOWN = 8


def read_jsonl(text: str) -> Iterator[Entry | Flaw]:
    """One entry per line; blank lines are left out."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except RecursionError:
            yield Flaw(number, "json", "is nested too deeply")
        except json.JSONDecodeError as reason:
            yield Flaw(number, "json", f"the line is not JSON ({reason.msg})")
        except ValueError:  # a whole number of thousands of digits
            yield Flaw(number, "json", "holds a number that is too large")
        else:
            if (entry := csl.entry_of(value, number)) is not None:
                yield entry


def read_csv(text: str) -> Iterator[Entry | Flaw]:
    """One entry per row. Commas, semicolons or tabs part the cells, as the header shows."""
    lines = text.split("\n")
    first = next(number for number, line in enumerate(lines) if line.strip())
    delimiter = max(_DELIMITERS, key=lambda each: columns.known_columns(_parsed(lines[first], each) or ()))
    rows = _rows(lines, first, delimiter)
    _, header = next(rows)
    names = [name.strip() for name in header or ()]
    if not columns.known_columns(names):
        shown = ", ".join(ascii(name[:30]) for name in names[:_SHOWN])
        raise Unusable(
            f"no column of its header is known ({shown}); "
            "allowed are title, authors, year, month, doi, arxiv_id, abstract, venue, url, s2_id, openalex_id"
        )
    for number, row in rows:
        if row is None:
            yield Flaw(number, "row", "its quotation marks do not close")
        elif len(row) != len(names) and (len(row) < len(names) or any(row[len(names) :])):
            yield Flaw(number, "row", f"has {len(row)} cells, the header {len(names)}")
        else:
            cells = {name: _unprotected(cell) for name, cell in zip(names, row, strict=False) if name}
            if (entry := columns.entry_of(cells, number)) is not None:
                yield entry


def _rows(lines: Sequence[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Each row with the line on which it begins; None where its quotation marks do not close.

    A row goes on over several lines while a quotation mark is open. If that gives no row as wide as the
    header, the mark was never meant to open anything, and the lines count one by one: else one stray
    quotation mark would swallow every row up to the next.
    """
    width = None
    while start < len(lines):
        end = _end(lines, start)
        row = _parsed("\n".join(lines[start:end]), delimiter) if end > start + 1 else None
        if row is None or (width is not None and len(row) != width):
            end = start + 1
            if not lines[start].strip():
                start = end
                continue
            row = _parsed(lines[start], delimiter)
        if width is None and row is not None:
            width = len(row)
        yield start + 1, row
        start = end


def _end(lines: Sequence[str], start: int) -> int:
    """The line after the row that begins here: where all quotation marks are closed."""
    quotes = 0
    for end in range(start, min(start + _MOST_LINES, len(lines))):
        quotes += lines[end].count('"')
        if quotes % 2 == 0:
            return end + 1
    return start + 1


def _parsed(text: str, delimiter: str) -> list[str] | None:
    """The one row that the text is, else None."""
    former = csv.field_size_limit(len(text) + 1)
    try:
        # Text behind a closing quotation mark is let pass only where nothing can be swallowed by it.
        strict = "\n" in text or text.count('"') % 2 == 1
        rows = list(csv.reader([text], delimiter=delimiter, strict=strict))
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(former)
    return rows[0] if len(rows) == 1 else None


def _unprotected(cell: str) -> str:
    return cell[1:] if _PROTECTED.match(cell) else cell
