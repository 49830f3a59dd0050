"""BibTeX and biblatex files: blocks are split by bibtexparser, values and names are read here.

bibtexparser puts the text of an @string only where it stands alone; here `#` joins it to others too, with a
bound, because a file whose strings repeat each other would otherwise fill any memory.
"""

import logging
import re
from collections.abc import Iterator, Mapping

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names
from bibtexparser.model import Block, ParsingFailedBlock, String
from bibtexparser.model import Entry as BibtexEntry

from ingest.files.entry import Entry, Flaw, date_of, ends_a_list, month_named
from ingest.files.latex import plain, verbatim
from ingest.record import text_of

# It reports what it cannot read to the log; here that becomes a flaw with its line.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)

_LONGEST_VALUE = 300_000
_LONGEST_STRING = 5_000
_LONGEST_NAME = 1_000
_DELIMITER = re.compile(r'(?<!\\)[{}"]')
_BARE_WORD = re.compile(r"[^\s#{}\",=]+")
_SPACE = re.compile(r"\s*")
_FORGOTTEN_COMMA = re.compile(r"\s*([A-Za-z][\w:-]{0,40})\s*=\s*")
# biblatex writes a name by its parts where commas would not do: family=Oord, given=Aaron, prefix=van den
_NAME_PART = re.compile(r'(?:^|,)\s*(given|prefix|family|suffix)\s*=\s*("[^"]*"|[^,]+)')
_NAME_ORDER = ("given", "prefix", "family", "suffix")
_LINK = re.compile(r"https?://[^\s{}\\]+")
_PREPRINT_SERVER = re.compile(r"(?:arxiv|corr)\b", re.IGNORECASE)
_VENUES = ("journal", "journaltitle", "booktitle", "eventtitle")
_REMARKS = (
    "journal",
    "journaltitle",
    "booktitle",
    "publisher",
    "number",
    "note",
    "howpublished",
    "eid",
    "annote",
)
_LINKS = ("url", "ee", "biburl")
_INHERITED = ("booktitle", "year", "month", "date")

Fields = dict[str, str]


def read(text: str) -> Iterator[Entry | Flaw]:
    """The entries of a BibTeX file, in their order."""
    blocks = [_usable(block) for block in parse_string(text, parse_stack=[]).blocks]
    strings: Fields = {}
    for block in blocks:
        if isinstance(block, String):
            value, _ = _value(block.value, strings, _LONGEST_STRING)
            strings[block.key.lower()] = value
    entries = [
        (block, _fields(block, strings)) if isinstance(block, BibtexEntry) else (block, {})
        for block in blocks
    ]
    volumes = {block.key: fields for block, fields in entries if isinstance(block, BibtexEntry)}
    for block, fields in entries:
        line = (block.start_line or 0) + 1
        if isinstance(block, ParsingFailedBlock):
            yield Flaw(line, "entry", _why(block))
        elif isinstance(block, BibtexEntry) and block.entry_type.lower() == "proceedings":
            yield Flaw(line, "entry", "@proceedings is a volume of papers, not a paper")
        elif isinstance(block, BibtexEntry):
            yield _entry(line, block.key, _with_volume(fields, volumes))


def _usable(block: Block) -> Block:
    """The block; where a key or field merely stands twice, the entry that it is all the same."""
    while isinstance(block, ParsingFailedBlock) and block.ignore_error_block is not None:
        block = block.ignore_error_block
    return block


def _why(block: ParsingFailedBlock) -> str:
    reason = text_of(getattr(block.error, "abort_reason", None), "context") or "it cannot be understood"
    return f"is broken: {reason[:200]}"


def _entry(line: int, key: str, fields: Fields) -> Entry:
    year, month = date_of(fields.get("date"))
    if year is None:
        year, month = date_of(fields.get("year"))
    month = month_named(plain(fields.get("month", ""))) or month
    return Entry(
        line=line,
        key=key,
        title=_title(fields),
        authors=_names(fields.get("author", "")),
        year=year,
        month=month,
        venue=next((venue for name in _VENUES if (venue := _text(fields, name))), None),
        abstract=_text(fields, "abstract"),
        ids=_ids(fields),
        links=[verbatim(fields[name]) for name in _LINKS if name in fields]
        + _LINK.findall(fields.get("howpublished", "")),
        remarks=[verbatim(fields[name]) for name in _REMARKS if name in fields] + _volume(fields),
    )


def _title(fields: Fields) -> str | None:
    """The title, with the subtitle that biblatex keeps in a field of its own."""
    title, subtitle = _text(fields, "title"), _text(fields, "subtitle")
    return f"{title}: {subtitle}" if title and subtitle else title


def _text(fields: Mapping[str, str], name: str) -> str | None:
    return plain(fields[name]) if name in fields else None


def _ids(fields: Fields) -> dict[str, str]:
    ids = {}
    archive = fields.get("archiveprefix", fields.get("eprinttype", "arxiv")).strip("{} ").lower()
    if archive == "arxiv" and "eprint" in fields:
        ids["arxiv"] = verbatim(fields["eprint"])
    elif "arxivid" in fields:
        ids["arxiv"] = verbatim(fields["arxivid"])
    if "doi" in fields:
        ids["doi"] = verbatim(fields["doi"])
    return ids


def _volume(fields: Fields) -> list[str]:
    """`journal = {CoRR}, volume = {abs/2304.02643}`, as DBLP and Semantic Scholar write it."""
    journal = fields.get("journal", "").strip("{} ")
    return [f"{journal} {fields.get('volume', '')}"] if _PREPRINT_SERVER.match(journal) else []


def _with_volume(fields: Fields, volumes: Mapping[str, Fields]) -> Fields:
    """The fields, and those that an entry inherits from the volume that its `crossref` names."""
    volume = volumes.get(fields.get("crossref", ""))
    if volume is None:
        return fields
    inherited = {name: volume[name] for name in _INHERITED if name in volume}
    if "title" in volume:
        inherited.setdefault("booktitle", volume["title"])
    return inherited | fields


def _names(value: str) -> list[str]:
    names = []
    for name in split_multiple_persons_names(value):
        if len(name) > _LONGEST_NAME or ends_a_list(name):
            continue
        names.append(plain(_spoken(name)))
    return names


def _spoken(name: str) -> str:
    """A name in the order in which it is spoken, from either of BibTeX's forms or from biblatex's parts."""
    if parts := dict(_NAME_PART.findall(name)):
        return " ".join(parts[part].strip('"') for part in _NAME_ORDER if part in parts)
    if "," in name:
        return str(parse_single_name_into_parts(name, strict=False).merge_first_name_first)
    return name


def _fields(entry: BibtexEntry, strings: Mapping[str, str]) -> Fields:
    """The fields by lower-case name without their delimiters; of a name that stands twice, the first."""
    fields: Fields = {}
    for field in entry.fields:
        name, rest = field.key.lower(), str(field.value)
        while rest:
            value, rest = _value(rest, strings, _LONGEST_VALUE)
            fields.setdefault(name, value)
            following = _FORGOTTEN_COMMA.match(rest)
            if following is None:
                break
            name, rest = following.group(1).lower(), rest[following.end() :]
    return fields


def _value(raw: str, strings: Mapping[str, str], longest: int) -> tuple[str, str]:
    """The text of a value, its parts joined at each `#`, and what stands behind it."""
    parts, size, at = [], 0, _SPACE.match(raw).end()  # type: ignore[union-attr]
    while at < len(raw):
        part, at = _part(raw, at, strings)
        parts.append(part[: longest - size])
        size += len(parts[-1])
        at = _SPACE.match(raw, at).end()  # type: ignore[union-attr]
        if raw[at : at + 1] != "#":
            break
        at = _SPACE.match(raw, at + 1).end()  # type: ignore[union-attr]
    return "".join(parts), raw[at:]


def _part(raw: str, start: int, strings: Mapping[str, str]) -> tuple[str, int]:
    """A braced, quoted or bare part of a value, and where it ends; a bare word names a string, or itself."""
    if raw[start] in '{"':
        end = _end_of(raw, start)
        return raw[start + 1 : end], end + 1
    word = _BARE_WORD.match(raw, start)
    if word is None:
        return raw[start], start + 1
    return strings.get(word.group().lower(), word.group()), word.end()


def _end_of(raw: str, start: int) -> int:
    """Where the part that begins with a brace or quotation mark closes, or the end of the text."""
    closing, depth = {"{": "}", '"': '"'}[raw[start]], 0
    for mark in _DELIMITER.finditer(raw, start + 1):
        if mark.group() == closing and depth == 0:
            return mark.start()
        depth = max(0, depth + {"{": 1, "}": -1}.get(mark.group(), 0))
    return len(raw)
