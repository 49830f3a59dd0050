"""What stands in one entry: LaTeX, ids wherever programs put them, and dates as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import only

from ingest.files.entry import arxiv_id_in, date_of, date_of_arxiv_id
from ingest.files.latex import plain


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"{\'e}t{\'e} \"{u}ber na{\"\i}ve \c{c}a \AA ngstr\"om {\ss}", "été über naïve ça Ångström ß"),
        (r"5\% of R\&D costs \$3 \_ \#1", "5% of R&D costs $3 _ #1"),
        ("5% of R&D #1", "5% of R&D #1"),
        (r"5% of R&D #1 \'e", "5% of R&D #1 é"),
        ("costs $5 \\'e", "costs $5 é"),
        (r"$k$-means in $\mathcal{O}(n^2)$", "k-means in \U0001d4aa(n^2)"),
        ("``so'' it isn't--- or--is", "“so” it isn't\u2014 or\u2013is"),
        (r"\emph{Very} \textbf{bold} \texttt{code} {\em old}", "Very bold code old"),
        (r"see \url{https://a.b/c_d} and \href{https://a}{this}", "see https://a.b/c_d and this"),
        (r"a{\textless}b{\textgreater}c \textquotesingle{}", "a<b>c '"),
        (r"\unknowncommand{x} y, written in \LaTeX!", "x y, written in LaTeX!"),
        ("{{{A}lready} braced}", "Already braced"),
        ("unbalanced { brace", "unbalanced  brace"),
    ],
)
def test_latex_in_a_text_becomes_what_it_prints(latex, expected):
    assert plain(latex) == expected


@given(st.text(st.sampled_from("aZ {}&%#_-~`'$\\"), max_size=20))
def test_easy_latex_means_the_same_with_an_accent_beside_it(text):
    """Texts without difficult commands take a short way; both ways must agree."""
    text = "".join(text.split("\\")).replace("$", r"\$").replace("&", r"\&")
    one, other = plain(text), plain(f"{text}x\\'e")
    assert " ".join(other.split()) == " ".join(f"{one}xé".split())


def test_a_subtitle_belongs_to_the_title(tmp_path):
    text = "@article{x, title={Marking Time}, subtitle={A {Study}}, shorttitle={Time}}"
    assert only(tmp_path, "x.bib", text) == {"title": "Marking Time: A Study"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("eprint={2304.02643}", "arXiv:2304.02643"),
        ("eprint={2304.02643v2}, archiveprefix={arXiv}", "arXiv:2304.02643"),
        ("eprint={hep-th/9901001}, eprinttype={arxiv}", "arXiv:hep-th/9901001"),
        ("eprint={2304.02643}, archiveprefix={HAL}", None),
        ("url={https://arxiv.org/pdf/2304.02643v1.pdf}", "arXiv:2304.02643"),
        ("url={https://doi.org/10.1109/CVPR.2016.90}", "doi:10.1109/cvpr.2016.90"),
        ("doi={10.48550/ARXIV.2304.02643}", "arXiv:2304.02643"),
        ("doi={https://doi.org/10.1002%2Fabc.1}", "doi:10.1002/abc.1"),
        ("doi={10.1109/CVPR.2016.90.}", "doi:10.1109/cvpr.2016.90"),
        ("eprint={\uff12\uff13\uff10\uff14.\uff10\uff12\uff16\uff14\uff13}", None),
        ("doi={10.1002/(sici)1{\\textless}1::aid{\\textgreater}3;2-b}", "doi:10.1002/(sici)1<1::aid>3;2-b"),
        ("note={arXiv:2304.02643 [cs]}", "arXiv:2304.02643"),
        ("publisher={arXiv}, number={{arXiv}:2304.02643}", "arXiv:2304.02643"),
        ("howpublished={\\url{https://arxiv.org/abs/2304.02643}}", "arXiv:2304.02643"),
        ("note={Extended version of arXiv:2304.02643}", None),
        ("url={https://www.semanticscholar.org/paper/A-B/" + "0a" * 20 + "}", "s2:" + "0a" * 20),
        ("doi={n/a}, url={not a link}, eprint={soon}", None),
        ("eprint={2304.02643}, url={https://arxiv.org/abs/1512.03385}", "arXiv:2304.02643"),
    ],
)  # fmt: skip
def test_ids_are_found_wherever_programs_put_them(tmp_path, fields, expected):
    assert only(tmp_path, "x.bib", f"@misc{{x, title={{T}}, {fields}}}").get("ids") == expected


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("arXiv preprint arXiv:2304.02643", "2304.02643"),
        ("arXiv preprint 2304.02643 (2023)", "2304.02643"),
        ("CoRR, abs/2304.02643, 2023", "2304.02643"),
        ("Accepted at CVPR; also available as arXiv:2304.02643v3 [cs.CV]", "2304.02643"),
        ("arXiv e-prints, arXiv: cs/0112017", "cs/0112017"),
        ("cites arXiv:2304.02643", None),
        ("arXiv:2304.02643; arXiv:2304.02644", None),
        ("2304.02643", None),
        ("arXiv", None),
        ("x" * 10_000 + " arXiv:2304.02643", None),
        (7, None),
    ],
)
def test_an_arxiv_id_in_a_remark_counts_only_where_it_is_the_entrys_own(remark, expected):
    assert arxiv_id_in(remark) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-04-05", (2023, 4)), ("2023/04/05/", (2023, 4)), ("2023", (2023, None)),
        ("2023///", (2023, None)), ("5 April 2023", (2023, 4)), ("Sept. 2023", (2023, 9)),
        ("2023-00-00", (2023, None)), (2023, (2023, None)), (2023.0, (2023, None)), (2023.5, (None, None)),
        (float("nan"), (None, None)), ("²", (None, None)), ("12023", (None, None)),
        ("in press", (None, None)), ("may", (None, None)), (True, (None, None)), ("9" * 5_000, (None, None)),
        (None, (None, None)), (["2023"], (None, None)),
    ],
)  # fmt: skip
def test_a_date_is_read_as_far_as_it_goes(text, expected):
    assert date_of(text) == expected


def test_an_arxiv_id_tells_when_its_text_was_submitted(catalogue):
    for paper in catalogue.papers:
        if paper.arxiv_id:
            assert date_of_arxiv_id(paper.arxiv_id) == (paper.year, paper.month)
    assert date_of_arxiv_id("hep-th/9901001") == (1999, 1)
    assert date_of_arxiv_id("2313.00001") is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("year={2023}, month=may, eprint={2304.02643}", (2023, 5, None)),
        ("year={2024}, month=may, eprint={2304.02643}", (2023, 4, None)),
        ("year={2023}, month=oct, eprint={2304.02643}, booktitle={ICCV}", (2023, 4, 2023)),
        ("year={2016}, month=jun, booktitle={CVPR}", (2016, 6, 2016)),
        ("year={1998}, journal={Old}, eprint={2304.02643}", (1998, None, 1998)),
        ("eprint={2304.02643}", (2023, 4, None)),
        ("month=may", (None, None, None)),
    ],
)
def test_the_earliest_text_has_its_own_date_and_the_venue_its_own_year(tmp_path, fields, expected):
    found = only(tmp_path, "x.bib", f"@misc{{x, title={{T}}, {fields}}}")
    assert (found.get("year"), found.get("month"), found.get("published_year")) == expected
