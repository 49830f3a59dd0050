"""Files of references as programs and people write them: each entry read, and a broken one named."""

import pytest
from references import SAM, facts, only, read

from ingest.errors import Problem
from ingest.record import WorkId

# --- BibTeX ----------------------------------------

ARXIV_BIB = """
@misc{kirillov2023segment,
      title={Segment Anything},
      author={Alexander Kirillov and Eric Mintun and Piotr Doll\\'ar},
      year={2023},
      eprint={2304.02643},
      archivePrefix={arXiv},
      primaryClass={cs.CV},
      url={https://arxiv.org/abs/2304.02643},
}
"""
SCHOLAR_BIB = """@article{kirillov2023segment,
  title={Segment anything},
  author={Kirillov, Alexander and Mintun, Eric and Doll{\\'a}r, Piotr},
  journal={arXiv preprint arXiv:2304.02643},
  year={2023}
}

@inproceedings{he2016deep,
  title={Deep residual learning for image recognition},
  author={He, Kaiming and Zhang, Xiangyu and others},
  booktitle={Proceedings of the IEEE conference on computer vision and pattern recognition},
  pages={770--778},
  year={2016}
}
"""
ZOTERO_BIB = """
@misc{kirillovSegmentAnything2023,
\ttitle = {Segment {Anything}},
\turl = {http://arxiv.org/abs/2304.02643},
\tdoi = {10.48550/arXiv.2304.02643},
\tabstract = {We introduce the {Segment} {Anything} ({SA}) project \\& release 11M images, 5\\% of them new.},
\turldate = {2024-01-02},
\tpublisher = {arXiv},
\tauthor = {Kirillov, Alexander and Mintun, Eric and Dollár, Piotr},
\tmonth = apr,
\tyear = {2023},
\tnote = {arXiv:2304.02643 [cs]},
\tkeywords = {Computer Science - Computer Vision and Pattern Recognition},
}
"""
MENDELEY_BIB = """@article{Ronneberger2015,
abstract = {There is large consent that successful training of deep networks requires many thousand samples.},
archivePrefix = {arXiv},
arxivId = {1505.04597},
author = {Ronneberger, Olaf and Fischer, Philipp and Brox, Thomas},
doi = {10.1007/978-3-319-24574-4{\\_}28},
eprint = {1505.04597},
file = {:home/x/Ronneberger.pdf:pdf},
journal = {Lecture Notes in Computer Science},
month = {may},
pages = {234--241},
title = {{U-Net: Convolutional Networks for Biomedical Image Segmentation}},
url = {http://arxiv.org/abs/1505.04597},
volume = {9351},
year = {2015}
}
"""
JABREF_BIB = """% Encoding: UTF-8

@String { cvpr = {Conference on Computer Vision and Pattern Recognition} }

@InProceedings{Esser2021,
  author    = {Esser, Patrick and Rombach, Robin and Ommer, Bj{\\"o}rn},
  booktitle = "IEEE/CVF " # cvpr # { (} # "{CVPR})",
  date      = {2021-06},
  title     = {Taming Transformers for High-Resolution Image Synthesis},
  doi       = {10.1109/cvpr46437.2021.01268},
  eprint    = {2012.09841},
  eprinttype = {arxiv},
  groups    = {generative},
}

@Comment{jabref-meta: databaseType:bibtex;}
"""
DBLP_BIB = """@article{DBLP:journals/corr/VaswaniSPUJGKP17,
  author       = {Ashish Vaswani and
                  Lukasz Kaiser},
  title        = {Attention Is All You Need},
  journal      = {CoRR},
  volume       = {abs/1706.03762},
  year         = {2017},
  eprinttype    = {arXiv},
  eprint       = {1706.03762},
  biburl       = {https://dblp.org/rec/journals/corr/VaswaniSPUJGKP17.bib}
}
"""
SEMANTIC_SCHOLAR_BIB = """@article{Touvron2023LLaMAOA,
  title={LLaMA: Open and Efficient Foundation Language Models},
  author={Hugo Touvron and Thibaut Lavril},
  journal={ArXiv},
  year={2023},
  volume={abs/2302.13971},
  url={https://api.semanticscholar.org/CorpusID:257219404}
}
"""


def test_arxiv_writes_a_misc_entry_with_an_eprint(tmp_path):
    found = read(tmp_path, "arxiv.bib", ARXIV_BIB)
    assert facts(found.records[0]) == SAM
    assert found.records[0].external_id == "arxiv.bib#kirillov2023segment"
    assert found.ids == (WorkId("arxiv", "2304.02643"),)
    assert found.notes == ()


def test_google_scholar_puts_the_arxiv_id_into_the_journal_and_ends_long_lists_with_others(tmp_path):
    first, second = read(tmp_path, "scholar.bib", SCHOLAR_BIB).records
    assert facts(first) == SAM | {"title": "Segment anything"}
    venue = "Proceedings of the IEEE conference on computer vision and pattern recognition"
    assert facts(second) == {
        "title": "Deep residual learning for image recognition",
        "authors": "Kaiming He; Xiangyu Zhang",
        "venue": venue,
        "year": 2016,
        "published_year": 2016,
    }


def test_zotero_writes_publisher_note_and_arxivs_own_doi(tmp_path):
    abstract = "We introduce the Segment Anything (SA) project & release 11M images, 5% of them new."
    assert only(tmp_path, "zotero.bib", ZOTERO_BIB) == SAM | {"abstract": abstract}


def test_mendeley_escapes_dois_and_the_venue_has_the_year_of_the_entry(tmp_path):
    found = only(tmp_path, "mendeley.bib", MENDELEY_BIB)
    assert found.pop("abstract").startswith("There is large consent")
    assert found == {
        "title": "U-Net: Convolutional Networks for Biomedical Image Segmentation",
        "authors": "Olaf Ronneberger; Philipp Fischer; Thomas Brox",
        "ids": "arXiv:1505.04597 doi:10.1007/978-3-319-24574-4_28",
        "venue": "Lecture Notes in Computer Science",
        "year": 2015,
        "month": 5,
        "published_year": 2015,
    }


def test_jabref_joins_strings_and_the_preprint_keeps_its_own_year(tmp_path):
    assert only(tmp_path, "jabref.bib", JABREF_BIB) == {
        "title": "Taming Transformers for High-Resolution Image Synthesis",
        "authors": "Patrick Esser; Robin Rombach; Björn Ommer",
        "ids": "arXiv:2012.09841 doi:10.1109/cvpr46437.2021.01268",
        "venue": "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        "year": 2020,
        "month": 12,
        "published_year": 2021,
    }


def test_dblp_and_semantic_scholar_put_the_arxiv_id_into_the_volume(tmp_path):
    without_eprint = DBLP_BIB.replace("eprint ", "nothing ")
    assert only(tmp_path, "dblp.bib", without_eprint)["ids"] == "arXiv:1706.03762"
    found = only(tmp_path, "s2.bib", SEMANTIC_SCHOLAR_BIB)
    assert found["ids"] == "arXiv:2302.13971 CorpusId:257219404"
    assert "venue" not in found


def test_an_entry_inherits_from_the_volume_that_it_names(tmp_path):
    text = """@inproceedings{child, title={A child}, year={2017}, crossref={volume}}
    @proceedings{volume, title={The Volume}, year={2016}, month=jun}"""
    found = read(tmp_path, "x.bib", text)
    (record,) = found.records
    assert facts(record) == {
        "title": "A child", "venue": "The Volume", "year": 2017, "month": 6, "published_year": 2017,
    }  # fmt: skip
    assert found.problems == (
        Problem("x.bib", 2, "entry", "@proceedings is a volume of papers, not a paper"),
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("van der Maaten, Laurens and Hinton, Geoffrey", "Laurens van der Maaten; Geoffrey Hinton"),
        ("{Meta AI and Friends, Inc.} and {others} and A. B.", "Meta AI and Friends, Inc.; others; A. B."),
        ("Smith, Jr., John and Ludwig van Beethoven", "John Smith Jr.; Ludwig van Beethoven"),
        ("Dvo{\\v{r}}{\\'a}k, Anton{\\'i}n AND {\\L}ukasz Kaiser", "Antonín Dvořák; Łukasz Kaiser"),
        ("A B and others", "A B"),
        ("family=Oord, given=Aaron, prefix=van den, useprefix=true and Li, Yu", "Aaron van den Oord; Yu Li"),
        ('family=King, given="Martin Luther", given-i={M}, suffix=Jr.', "Martin Luther King Jr."),
        ("", None),
    ],
)
def test_names_are_given_in_the_order_in_which_they_are_spoken(tmp_path, names, expected):
    found = only(tmp_path, "x.bib", f"@misc{{x, title={{T}}, author={{{names}}}}}")
    assert found.get("authors") == expected


def test_a_broken_entry_is_named_with_its_line_and_loses_no_other(tmp_path):
    text = """@misc{good, title={Good}}
@misc{open, title={Never closed, year={2020}

@misc{untitled, author={A B}, eprint={2304.02643}}
@misc{, title={No key}}
@misc{comma title={x}}
@misc{forgot, title={Forgot} year={2019}}
@misc{twice, title={First}, title={Second}}
@misc{good, title={Same key}}
"""
    found = read(tmp_path, "x.bib", text)
    titles = [record.title for record in found.records]
    assert titles == ["Good", "No key", "Forgot", "First", "Same key"]
    assert found.records[2].year == 2019
    ids = [record.external_id for record in found.records]
    assert ids == ["x.bib#good", "x.bib#5", "x.bib#forgot", "x.bib#twice", "x.bib#good@9"]
    assert [(problem.line, problem.field) for problem in found.problems] == [
        (2, "entry"), (4, "title"), (6, "entry"),
    ]  # fmt: skip
    assert "arXiv:2304.02643" in found.problems[1].message
    assert found.ids == (WorkId("arxiv", "2304.02643"),)


def test_reading_a_broken_file_prints_nothing(tmp_path, capfd, caplog):
    read(
        tmp_path, "x.bib", "@misc{a, title={T \\frac}}\n@misc{b, title={open\n@misc{c, title={\\undefined$}}"
    )
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


# --- RIS -------------------------------------------

ZOTERO_RIS = """TY  - UNPB
TI  - Segment Anything
AU  - Kirillov, Alexander
AU  - Mintun, Eric
AU  - Dollár, Piotr
AB  - We introduce a project:
a task, a model and data.
DA  - 2023/04/05/
PY  - 2023
DO  - 10.48550/arXiv.2304.02643
DP  - arXiv.org
M1  - arXiv:2304.02643
PB  - arXiv
UR  - http://arxiv.org/abs/2304.02643
Y2  - 2024/01/02/10:00:00
N1  - arXiv:2304.02643 [cs]
ER  - 

"""  # noqa: W291
SPRINGER_RIS = """Provider: a publisher
Database: chapters

TY  - CONF
A1  - Ronneberger, Olaf
A1  - Berg, Jr., A. C.
Y1  - 2015//
DA  - 2015/11/18
T1  - U-Net
T2  - MICCAI
N2  - Medical images.
XX  - a tag of the program's own
DO  - https://doi.org/10.1007/978-3-319-24574-4_28
ER  -
"""


def test_zotero_and_publishers_write_ris(tmp_path):
    found = read(tmp_path, "refs.ris", ZOTERO_RIS + SPRINGER_RIS)
    first, second = found.records
    abstract = "We introduce a project: a task, a model and data."
    assert facts(first) == SAM | {"abstract": abstract}
    assert facts(second) == {
        "title": "U-Net",
        "authors": "Olaf Ronneberger; A. C. Berg Jr.",
        "ids": "doi:10.1007/978-3-319-24574-4_28",
        "abstract": "Medical images.",
        "venue": "MICCAI",
        "year": 2015,
        "month": 11,
        "published_year": 2015,
    }
    assert found.problems == ()
    assert first.external_id == "refs.ris#arXiv:2304.02643"


def test_a_ris_entry_without_end_or_title_loses_no_other(tmp_path):
    text = """TY  - JOUR
TI  - Never ended
TY  - JOUR
stray line
AU  - No Title
ER  -
TY - JOUR
TI - Loosely spaced
AU - One, A.
Two, B.
ER -
TY  - JOUR
TI  - Cut off
"""
    found = read(tmp_path, "x.ris", text.replace("\n", "\r\n"))
    assert [record.title for record in found.records] == ["Never ended", "Loosely spaced", "Cut off"]
    assert found.records[1].authors == ("A. One", "B. Two")
    assert found.problems == (Problem("x.ris", 3, "title", "the entry has none"),)
