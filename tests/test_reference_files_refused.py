"""Files that cannot be read say so in one line; files made to do harm are data like any other."""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import DAY, only, read, refused

import ingest.files
from ingest.errors import FileUnreadable
from ingest.files import FORMATS, read_file


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, suffix, content):
    assert "is empty" in refused(tmp_path, f"x{suffix}", content)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_a_usable_entry_is_refused_and_says_why(tmp_path, suffix):
    contents = {
        ".bib": "@misc{a, author={X}}", ".ris": "TY  - JOUR\nER  -", ".json": "[{}]", ".jsonl": "{}",
        ".csv": "title\n,\n",
    }  # fmt: skip
    message = refused(tmp_path, f"x{suffix}", contents[suffix])
    assert str(tmp_path / f"x{suffix}") in message
    assert "title" in message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.bib", "nothing here", "no entry of BibTeX"),
        ("x.ris", "nothing here", "TY  - JOUR"),
        ("x.json", "nothing here", "not JSON"),
        ("x.json", "[]", "no entry of CSL-JSON"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.json", "[" + "9" * 5_000 + "]", "number that is too large"),
        ("x.jsonl", "nothing here", "not JSON"),
        ("x.csv", "nothing,here\n1,2", "allowed are title, authors, year"),
        ("x.csv", "title,year\n", "no entry"),
        ("x.txt", "title", "ends in '.txt', allowed are .bib, .ris, .json, .jsonl, .csv"),
        ("x", "title", "no ending, allowed are .bib"),
        ("x.json", b"\xff\xfe[\0]\0", "UTF-16; save it as UTF-8"),
        ("x.csv", b"title\nok\ncaf\xe9", "not UTF-8 (byte 0xE9 in line 3)"),
        ("x.jsonl", b'{"title": "caf\xe9"}', "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_is_allowed(tmp_path, name, content, expected):
    assert expected in refused(tmp_path, name, content)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.bib")
    (tmp_path / "folder.bib").mkdir()
    for name, expected in [
        ("none.bib", "no such file"), ("folder.bib", "is a folder"), ("pipe.bib", "no ordinary file"),
        ("none.bib/x.bib", "no such file"), ("nul\0.bib", "null"), ("line\nbreak.bib", "no such file"),
        ("x" * 300 + ".bib", "name too long"),
    ]:  # fmt: skip
        with pytest.raises(FileUnreadable) as caught:
            read_file(tmp_path / name, DAY)
        assert expected in str(caught.value).lower()
        assert "\n" not in str(caught.value)
        assert "\0" not in str(caught.value)


def test_a_file_that_is_too_large_is_refused(tmp_path):
    with (tmp_path / "x.bib").open("wb") as handle:
        handle.truncate(ingest.files.LARGEST + 1)
    with pytest.raises(FileUnreadable, match=r"200,000,001 bytes, allowed are 200,000,000"):
        read_file(tmp_path / "x.bib", DAY)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a file that hides its size")
def test_a_file_that_holds_more_than_its_size_says_is_not_read_beyond_the_limit(tmp_path, monkeypatch):
    (tmp_path / "x.bib").symlink_to("/proc/self/status")
    monkeypatch.setattr(ingest.files, "LARGEST", 10)
    with pytest.raises(FileUnreadable, match="11 bytes, allowed are 10"):
        read_file(tmp_path / "x.bib", DAY)


@pytest.mark.parametrize("suffix", [".bib", ".ris"])
def test_old_encodings_are_read_with_a_note_where_programs_write_them(tmp_path, suffix):
    text = {".bib": "@misc{a, title={“Café”}}", ".ris": "TY  - JOUR\nTI  - “Café”\nER  - "}[suffix]
    found = read(tmp_path, f"x{suffix}", text.encode("cp1252"))
    assert found.records[0].title == "“Café”"
    assert len(found.notes) == 1
    assert f"x{suffix} is not UTF-8" in found.notes[0]
    undefined = read(tmp_path, f"y{suffix}", text.encode("cp1252") + b"\n\x81")
    assert undefined.records[0].title == "Café"


def test_the_suffix_may_be_in_capitals_and_a_mark_in_the_name_does_not_split_external_ids(tmp_path):
    record = read(tmp_path, "a#b\u202e.BIB", "@misc{key, title={T}}").records[0]
    assert record.external_id == "a-b.BIB#key"


# --- hostile content ------------------------------

CONTROLS = "\0\a\x1b[31m\u202e\ue000"


def entries(suffix, title):
    """A file of two entries, the first with this title."""
    if suffix == ".bib":
        return f"@misc{{a, title={{{title}}}}}\n@misc{{b, title={{Other}}}}"
    if suffix == ".ris":
        return f"TY  - JOUR\nTI  - {title}\nER  - \nTY  - JOUR\nTI  - Other\nER  - "
    both = [{"title": title, "type": "book"}, {"title": "Other", "type": "book"}]
    if suffix == ".json":
        return json.dumps(both)
    if suffix == ".jsonl":
        return "\n".join(map(json.dumps, both))
    return f'title\n"{title}"\nOther\n'


@pytest.mark.parametrize("suffix", FORMATS)
def test_markup_stays_text_and_control_characters_go(tmp_path, suffix):
    title = f"<script>alert(1)</script>{CONTROLS} ../../etc/passwd"
    found = read(tmp_path, f"x{suffix}", entries(suffix, title))
    assert found.records[0].title == "<script>alert(1)</script>[31m ../../etc/passwd"
    assert found.records[1].title == "Other"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_title_of_a_megabyte_is_a_problem_and_loses_no_other(tmp_path, suffix):
    found = read(tmp_path, f"x{suffix}", entries(suffix, "long " * 200_000))
    assert [record.title for record in found.records] == ["Other"]
    assert "longer than any title" in found.problems[0].message


def test_latex_never_reads_a_file_or_defines_a_command(tmp_path):
    (tmp_path / "secret.tex").write_text("secret")
    name = tmp_path / "secret.tex"
    text = f"@misc{{a, title={{T \\input{{{name}}}\\include{{{name}}}\\newcommand{{\\x}}{{y}}\\x}}}}"
    assert "secret" not in only(tmp_path, "x.bib", text)["title"].replace(str(name), "")


def laughing_strings(levels):
    strings = ["@string{s0 = {ha ha ha}}"]
    strings += [
        f"@string{{s{level} = s{level - 1} # s{level - 1} # s{level - 1}}}" for level in range(1, levels)
    ]
    return "\n".join([*strings, f"@misc{{a, title = {{T}}, note = s{levels - 1}}}"])


BOMBS = {
    "strings that repeat strings": ("x.bib", laughing_strings(100)),
    "a long sum": ("x.bib", "@string{a={" + "x" * 5000 + "}}@misc{a, title={T}, note=a" + "#a" * 99999 + "}"),
    "a string of itself": ("x.bib", "@string{a = a # a}@misc{a, title={T}, note = a # a}"),
    "deep braces": ("x.bib", "@misc{a, title={T}, abstract={\\'e" + "{" * 50_000 + "}" * 50_000 + "}}"),
    "deep commands": ("x.bib", "@misc{a, title={T}, abstract={" + "\\textbf{" * 10_000 + "}" * 10_000 + "}}"),
    "open braces": ("x.bib", "@misc{b, title={" * 20_000 + "\n@misc{a, title={T}}"),
    "open entries": ("x.bib", "@misc{b, title={\n" * 20_000 + "@misc{a, title={T}}"),
    "many accents": ("x.bib", ("@misc{a, title={T}, abstract={" + "\\'e" * 100_000 + "}}\n") * 12),
    "many dollars": ("x.bib", "@misc{a, title={T}, abstract={" + "$" * 500_001 + "}}"),
    "many names": ("x.bib", "@misc{a, title={T}, author={" + "A, B and " * 30_000 + "C}}"),
    "a name of braces": ("x.bib", ('@misc{a, title={T}, author="' + "}" * 250_000 + ', A"}\n') * 4),
    "many at signs": ("x.bib", "@" * 500_000 + "\n@misc{a, title={T}}"),
    "an endless word": ("x.bib", "@" + "a" * 1_000_000 + "\n@misc{a, title={T}}"),
    "fields without commas": ("x.bib", "@misc{a, title={T}" + " x={y}" * 50_000 + "}"),
    "a field of many lines": ("x.ris", "TY  - JOUR\nTI  - T\nAB  - a\n" + "more\n" * 300_000),
    "deep lists": ("x.jsonl", '{"title": "T"}\n' + "[" * 500_000),
    "a wide object": ("x.jsonl", json.dumps({"title": "T"} | {f"k{n}": n for n in range(100_000)})),
    "quotation marks": ("x.csv", "title,year\nT,2020\n" + '"a\nb\n' * 100_000),
    "a mark and many lines": ("x.csv", "title\nT\n" + ('"a\n' + "b\n" * 2_000) * 50),
    "commas": ("x.csv", "title\nT\n" + "," * 1_000_000),
    "a remark of ids": ("x.jsonl", json.dumps({"title": "T", "note": "arXiv:2304.02643 " * 100_000})),
    "a remark of lines": ("x.jsonl", json.dumps({"title": "T", "note": "DOI: \n" * 100_000})),
    "a date of digits": ("x.jsonl", json.dumps({"title": "T", "year": "1" * 100_000, "date": "2" * 100_000})),
    "tags": ("x.json", json.dumps([{"title": "T", "type": "book", "abstract": "<i " * 100_000}])),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), BOMBS.values(), ids=BOMBS)
def test_a_file_made_to_hang_or_to_fill_memory_ends_quickly(tmp_path, name, content):
    start = time.process_time()
    found = read(tmp_path, name, content)
    # A few seconds of processor time at most; what such files aim at are hours.
    assert time.process_time() - start < 10
    assert "T" in [record.title for record in found.records]
    assert all(len(str(problem)) < 500 for problem in found.problems)


pieces = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                b"@misc{a, title={", b"@string{a = a # ", b"}", b"{", b'"', b",", b"\n", b"\\", b"$", b"#",
                b"= a", b"author = {A, B, C, D and ", b"year=", b"TY  - JOUR\n", b"ER  - \n", b"TI  - T\n",
                b"AU  - \n", b"UR  - a;b\n", b"more\n", b'{"title": "T"', b'"items": [', b'"message": {',
                b'"data": {"itemType": 1}', b'"issued": {"date-parts": [[', b'"authors": [', b"]", b"null",
                b"1e999", b"title,year,authors\n", b'"T\n', b"2020", b"\xff\xfe", b"\xe9", b"\r", b"\0",
            ]
        ),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(suffix=st.sampled_from(list(FORMATS)), content=pieces)
def test_whatever_stands_in_a_file_it_is_read_or_refused_in_one_line(suffix, content):
    with TemporaryDirectory() as folder:
        try:
            found = read(folder, f"x{suffix}", content)
        except FileUnreadable as reason:
            refusal = str(reason)
        else:
            refusal = None
    if refusal is not None:
        assert refusal.isprintable()
        return
    assert found.records or found.ids
    externals = [record.external_id for record in found.records]
    assert len(set(externals)) == len(externals)
    for problem in found.problems:
        assert problem.line >= 1
        assert str(problem).isprintable()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2304.02643"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    "title author authors issued year month date DOI doi URL id type creators itemType data note "
    "container-title abstract venue arxiv_id s2_id corpus_id openalex_id kind published extra items "
    "message".split()
)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.dictionaries(keys, values, max_size=6), min_size=1, max_size=3))
def test_fields_of_any_kind_are_dropped_rather_than_believed(objects):
    objects.append({"title": "Kept"})
    with TemporaryDirectory() as folder:
        for name, text in [("x.json", json.dumps(objects)), ("x.jsonl", "\n".join(map(json.dumps, objects)))]:
            found = read(folder, name, text)
            assert found.records[-1].title == "Kept"
            for record in found.records:
                assert isinstance(record.title, str)
                assert record.year is None or 1500 <= record.year <= 2100
                assert all(isinstance(author, str) for author in record.authors)
                json.dumps(record.to_json(), allow_nan=False)
