"""JSON, JSON lines and tables of references as programs and people write them."""

import csv
import json

import pytest
from references import SAM, facts, only, read

# --- JSON ------------------------------------------

CSL = {
    "id": "http://zotero.org/users/1/items/ABCD",
    "type": "article",
    "title": 'Segment <i>Anything</i> &amp; <span class="nocase">more</span>',
    "DOI": "10.48550/arXiv.2304.02643",
    "note": "arXiv:2304.02643 [cs]",
    "number": "arXiv:2304.02643",
    "publisher": "arXiv",
    "URL": "http://arxiv.org/abs/2304.02643",
    "author": [
        {"family": "Kirillov", "given": "Alexander"},
        {"family": "Berg", "given": "Jan", "non-dropping-particle": "van den", "suffix": "Jr."},
        {"literal": "Meta AI, Inc."},
    ],
    "issued": {"date-parts": [["2023", 4, 5]]},
}
CROSSREF = {
    "status": "ok",
    "message-type": "work",
    "message": {
        "DOI": "10.1109/CVPR.2016.90",
        "type": "proceedings-article",
        "title": ["Deep Residual Learning for Image Recognition"],
        "container-title": ["2016 IEEE Conference on Computer Vision and Pattern Recognition (CVPR)"],
        "author": [{"given": "Kaiming", "family": "He", "sequence": "first", "affiliation": []}],
        "issued": {"date-parts": [[2016, 6]]},
        "abstract": "<jats:title>Abstract</jats:title><jats:p>Deeper networks.</jats:p>",
        "reference": [{"key": "1", "DOI": "10.1000/other"}],
    },
}
BETTER_BIBTEX = {
    "config": {"id": "x", "options": {"items": [1]}},
    "collections": {},
    "items": [
        {
            "itemType": "preprint",
            "title": "Segment Anything",
            "creators": [
                {"firstName": "Alexander", "lastName": "Kirillov", "creatorType": "author"},
                {"firstName": "Martin Luther, Jr.", "lastName": "King", "creatorType": "author"},
                {"name": "Some Lab, Inc.", "creatorType": "author"},
                {"firstName": "E.", "lastName": "Ditor", "creatorType": "editor"},
            ],
            "date": "2023-04-05",
            "archiveID": "arXiv:2304.02643",
            "extra": "DOI: 10.1109/ICCV51070.2023.00371\nCites DOI: 10.1000/other",
            "citationKey": "kirillov2023",
            "attachments": [{"title": "x.pdf"}],
        },
        {"itemType": "attachment", "title": "Full text"},
        {"itemType": "note", "note": "read me"},
    ],
}


def test_csl_json_of_zotero_loses_its_formatting_and_keeps_institutions_whole(tmp_path):
    found = read(tmp_path, "zotero.json", json.dumps([CSL]))
    assert facts(found.records[0]) == SAM | {
        "title": "Segment Anything & more",
        "authors": "Alexander Kirillov; Jan van den Berg Jr.; Meta AI, Inc.",
    }
    assert found.records[0].external_id == "zotero.json#http://zotero.org/users/1/items/ABCD"


def test_an_answer_of_crossref_is_read_in_its_envelope(tmp_path):
    expected = {
        "title": "Deep Residual Learning for Image Recognition",
        "authors": "Kaiming He",
        "ids": "doi:10.1109/cvpr.2016.90",
        "venue": "2016 IEEE Conference on Computer Vision and Pattern Recognition (CVPR)",
        "year": 2016,
        "month": 6,
        "published_year": 2016,
        "abstract": "Deeper networks.",
    }
    assert only(tmp_path, "one.json", json.dumps(CROSSREF)) == expected
    many = CROSSREF | {"message": {"total-results": 1, "items": [CROSSREF["message"]]}}
    assert only(tmp_path, "many.json", json.dumps(many)) == expected


def test_better_bibtex_json_gives_its_items_without_notes_and_attachments(tmp_path):
    expected = SAM | {
        "authors": "Alexander Kirillov; Martin Luther King Jr.; Some Lab, Inc.",
        "ids": "arXiv:2304.02643 doi:10.1109/iccv51070.2023.00371",
    }
    found = read(tmp_path, "b.json", json.dumps(BETTER_BIBTEX))
    assert [facts(record) for record in found.records] == [expected]
    assert found.records[0].external_id == "b.json#kirillov2023"
    web = [{"key": item.get("citationKey"), "data": item} for item in BETTER_BIBTEX["items"]]
    assert only(tmp_path, "web.json", json.dumps(web)) == expected


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        ({"date-parts": [[2020]]}, (2020, None)),
        ({"date-parts": [["2020", "03"]]}, (2020, 3)),
        ({"date-parts": [[]], "raw": "2020-03-01"}, (2020, 3)),
        ({"literal": "March 2020"}, (2020, 3)),
        ({"year": 2020, "month": 3}, (2020, 3)),
        ("2020-03", (2020, 3)),
        ({"date-parts": [[None, 3]]}, (None, None)),
        ({"date-parts": "2020"}, (None, None)),
        ([2020], (None, None)),
    ],
)
def test_csl_dates_are_read_in_every_form(tmp_path, issued, expected):
    found = only(
        tmp_path, "x.json", json.dumps([{"id": "a", "type": "book", "title": "T", "issued": issued}])
    )
    assert (found.get("year"), found.get("month")) == expected


def test_a_json_file_that_breaks_off_gives_what_stands_before_the_break(tmp_path):
    text = '[\n{"title": "One", "type": "book"},\n7,\n{"title": 8, "type": "book"},\n{"title": "Two"'
    found = read(tmp_path, "x.json", text)
    assert [record.title for record in found.records] == ["One"]
    assert [(problem.line, problem.field) for problem in found.problems] == [
        (3, "entry"), (4, "title"), (5, "json"),
    ]  # fmt: skip
    assert "not JSON" in found.problems[-1].message


def test_several_objects_in_a_json_file_are_not_silently_one(tmp_path):
    found = read(tmp_path, "x.json", '{"title": "One"}\n{"title": "Two"}\n')
    assert [record.title for record in found.records] == ["One"]
    assert ".jsonl" in found.problems[0].message


# --- tables ----------------------------------------

ZOTERO_CSV = """\
"Key","Item Type","Publication Year","Author","Title","Publication Title","DOI","Url","Abstract Note","Date","Extra"
"ABCD2345","preprint","2023","Kirillov, Alexander; Mintun, Eric; Dollár, Piotr","Segment Anything","","10.48550/arXiv.2304.02643","http://arxiv.org/abs/2304.02643","A ""task"",
a model","2023-04-05","arXiv:2304.02643 [cs]"
"EFGH2345","journalArticle","2016","He, Kaiming; Zhang, Xiangyu","Deep Residual Learning","CVPR","10.1109/CVPR.2016.90","","","2016-06",""
"IJKL2345","attachment","","","Full Text PDF","","","","","",""
"""  # noqa: E501


def test_a_csv_export_of_zotero_is_read(tmp_path):
    found = read(tmp_path, "zotero.csv", "\ufeff" + ZOTERO_CSV)
    first, second = found.records
    assert facts(first) == SAM | {"abstract": 'A "task", a model'}
    assert facts(second) == {
        "title": "Deep Residual Learning",
        "authors": "Kaiming He; Xiangyu Zhang",
        "ids": "doi:10.1109/cvpr.2016.90",
        "venue": "CVPR",
        "year": 2016,
        "month": 6,
        "published_year": 2016,
    }
    assert [record.external_id for record in found.records] == ["zotero.csv#ABCD2345", "zotero.csv#EFGH2345"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_ones_own_may_have_any_of_the_columns(tmp_path, delimiter):
    rows = [
        ["Title", "authors", "year", "venue", "arxiv_id", "remarks"],
        ["Deep Residual Learning", "Kaiming He and Jian Sun", "2015", "CVPR 2016", "1512.03385", "x"],
    ]
    text = "\n".join(delimiter.join(row) for row in rows)
    found = only(tmp_path, "own.csv", text)
    assert found == {
        "title": "Deep Residual Learning",
        "authors": "Kaiming He; Jian Sun",
        "ids": "arXiv:1512.03385",
        "venue": "CVPR 2016",
        "year": 2015,
        "month": 12,
        "published_year": 2016,
    }


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Kaiming He; Jian Sun", "Kaiming He; Jian Sun"),
        ("He, Kaiming", "Kaiming He"),
        ("Kaiming He, Jian Sun", "Kaiming He; Jian Sun"),
        ("He, Kaiming and Sun, Jian", "Kaiming He; Jian Sun"),
        ("Kaiming He et al.", "Kaiming He et al."),
        ("He, Kaiming; et al.", "Kaiming He"),
        ("He, Kaiming, Jr., PhD", "Kaiming He Jr. PhD"),
        ("Meta, Inc.", "Meta, Inc."),
        ("van den Berg, Jan Willem", "Jan Willem van den Berg"),
        ([{"name": "Kaiming He"}, "Sun, Jian", {"x": 1}, 7, None], "Kaiming He; Jian Sun"),
        (7, None),
    ],
)
def test_authors_are_parted_as_people_write_them(tmp_path, authors, expected):
    row = json.dumps({"title": "T", "authors": authors})
    assert only(tmp_path, "x.jsonl", row).get("authors") == expected


def test_a_list_of_ids_alone_gives_the_ids_and_says_what_is_missing(tmp_path):
    found = read(
        tmp_path, "ids.csv", "arxiv_id,s2_id,openalex_id\n2304.02643,,\n," + "0A" * 20 + ",W123\n,,\n"
    )
    assert found.records == ()
    assert list(map(str, found.ids)) == ["arXiv:2304.02643", "s2:" + "0a" * 20, "openalex:W123"]
    assert [problem.line for problem in found.problems] == [2, 3, 4]


def test_a_stray_quotation_mark_costs_its_row_and_no_other(tmp_path):
    text = """title,year
Good,2020
"Never closed,2021
A 5" screen,2022
too,many,cells
short
"Two
lines",2023
"Last, never closed,2024
"""
    found = read(tmp_path, "x.csv", text)
    assert [record.title for record in found.records] == ["Good", 'A 5" screen', "Two lines"]
    assert [(problem.line, problem.field) for problem in found.problems] == [
        (3, "row"), (5, "row"), (6, "row"), (9, "row"),
    ]  # fmt: skip


def test_a_quotation_mark_that_closes_far_below_swallows_nothing(tmp_path):
    near = 'title,year\n"Open,2020\nFine,2021\nEnd",2022,more\n'
    found = read(tmp_path, "near.csv", near)
    assert [record.title for record in found.records] == ["Fine"]
    assert [problem.line for problem in found.problems] == [2, 4]
    far = 'title,year\n"Open,2020\n' + "Fine,2021\n" * 300 + 'End",2022\n'
    found = read(tmp_path, "far.csv", far)
    assert [record.title for record in found.records] == ["Fine"] * 300 + ['End"']
    assert [problem.line for problem in found.problems] == [2]


def test_reading_a_table_leaves_the_limit_of_the_csv_module_as_it_was(tmp_path):
    before = csv.field_size_limit()
    read(tmp_path, "x.csv", "title,abstract\nT," + "long " * 100_000)
    assert csv.field_size_limit() == before


def test_a_line_of_json_that_is_broken_costs_no_other(tmp_path):
    lines = [
        '{"title": "One"}',
        "",
        "{broken",
        "[1]",
        '{"title": null}',
        json.dumps(CSL),
        '{"title": "Last"}',
    ]
    found = read(tmp_path, "x.jsonl", "\n".join(lines))
    assert [record.title for record in found.records] == ["One", "Segment Anything & more", "Last"]
    assert [(problem.line, problem.field) for problem in found.problems] == [
        (3, "json"), (4, "entry"), (5, "title"),
    ]  # fmt: skip


def test_no_two_entries_of_a_file_share_an_external_id(tmp_path):
    keys = ["a@3", "a", "a", "a"]
    lines = [json.dumps({"key": key, "title": f"Title {number}"}) for number, key in enumerate(keys)]
    found = read(tmp_path, "x.jsonl", "\n".join(lines))
    assert [record.external_id for record in found.records] == [
        "x.jsonl#a@3", "x.jsonl#a", "x.jsonl#a@3+", "x.jsonl#a@4",
    ]  # fmt: skip


def test_a_month_belongs_to_the_year_of_its_own_date(tmp_path):
    lines = [{"title": "T", "year": 2020, "date": "2019-05"}, {"title": "T", "year": 2020, "date": "2020-05"}]
    found = read(tmp_path, "x.jsonl", "\n".join(map(json.dumps, lines)))
    assert [(record.year, record.month) for record in found.records] == [(2020, None), (2020, 5)]


def test_a_year_of_publication_beside_ones_own_venue_is_that_of_the_venue(tmp_path):
    row = {"title": "T", "venue": "CVPR", "publication_year": 2016}
    assert only(tmp_path, "x.jsonl", json.dumps(row)) == {
        "title": "T",
        "venue": "CVPR",
        "published_year": 2016,
    }
    row["date"] = "2015-03-01"
    assert only(tmp_path, "y.jsonl", json.dumps(row))["year"] == 2015


def test_an_object_of_ones_own_may_have_a_type_and_a_url(tmp_path):
    row = {
        "type": "journal",
        "URL": "https://arxiv.org/abs/2304.02643",
        "title": "T",
        "authors": ["A B"],
        "year": 2020,
    }
    found = only(tmp_path, "x.jsonl", json.dumps(row))
    assert (found["authors"], found["ids"]) == ("A B", "arXiv:2304.02643")


def test_a_quoted_value_may_hold_any_braces(tmp_path):
    text = '@misc{x, title = "An {"}odd{"} title", author = "A } B and {C, D}" # " and E"}'
    assert only(tmp_path, "x.bib", text) == {"title": 'An "odd" title', "authors": "A B; C, D; E"}
