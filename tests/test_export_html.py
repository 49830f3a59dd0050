"""The exported page: what its picture shows, that nothing in it runs or asks for anything, how it is used."""

import base64
import hashlib
import json
import math
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from itertools import combinations, pairwise
from statistics import fmean

import networkx as nx
import pytest
from browser import ARGUMENTS, chromium
from playwright.sync_api import expect, sync_playwright

from graph.export import export, picture
from graph.export.document import Document, Header, read_document
from graph.export.page import write
from graph.filters import Filters
from graph.library import Library
from graph.network import PAPER_EDGES, build_network

HOSTILE = {
    "clip": "<script>window.pwned = 1</script>",
    "coco": "</script><script>window.pwned = 2</script><!--",
    "resnet": "\"'><img src=x onerror=window.pwned=3><svg onload=window.pwned=4>",
    "vit": "{{ 7*7 }}{% raw %} \\u003c \u2028 ]]> &lt;b&gt;",
    "bert": "a href=javascript:window.pwned=5 http://evil.example/x.png",
}


class Reader(HTMLParser):
    """Every tag with its attributes, and the text directly in each element."""

    VOID = ("meta", "input", "path", "circle", "img")

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.texts.append([tag, ""])
            self.open.append(self.texts[-1])

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.open:
            self.open[-1][1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text_of(self, tag):
        return [text for name, text in self.texts if name == tag]


def embedded(text):
    return json.loads(Reader(text).text_of("script")[0])


@pytest.fixture(scope="module")
def document(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield read_document(session)


@pytest.fixture(scope="module")
def network(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield build_network(session)


@pytest.fixture(scope="module")
def drawn(document):
    return picture.draw(document)


@pytest.fixture(scope="module")
def file(document, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "atlas.html"
    write(document, path)
    return path


@pytest.fixture(scope="module")
def text(file):
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile_file(built_path, tmp_path_factory):
    """The page of a library in which titles, names and venues try to be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    own = folder / "own.sqlite"
    own.write_bytes(built_path.read_bytes())
    with closing(sqlite3.connect(own)) as raw, raw:
        for key, title in HOSTILE.items():
            values = (title, title, f"{title} 2021", key)
            changed = raw.execute("UPDATE paper SET title=?, short_name=?, venue=? WHERE key=?", values)
            assert changed.rowcount == 1
        raw.execute("UPDATE taxonomy_node SET label = ? WHERE id = 'unified'", (HOSTILE["resnet"],))
    with Library.open(own) as library, library.reading() as session:
        export(session, "html", folder / "atlas.html")
    return folder / "atlas.html"


def tiny(*keys, edges=()):
    network = nx.MultiDiGraph()
    for key in keys:
        network.add_node(key, kind="paper", label=key, title=f"Title of {key}", cited_by=0)
    for start, end in edges:
        network.add_edge(start, end, key="cites", kind="cites")
    return Document(network, Header("VFM Atlas 0", None, None, None, {}))


def test_the_picture_holds_every_paper_and_every_link_between_papers(text, network):
    data = embedded(text)
    papers = {key for key, kind in network.nodes(data="kind") if kind == "paper"}
    assert {node["id"] for node in data["nodes"]} == papers
    links = [(link["from"], link["to"], link["kind"]) for link in data["links"]]
    expected = [edge for edge in network.edges(keys=True) if edge[2] in PAPER_EDGES]
    assert sorted(links) == sorted(expected)
    assert len({link["id"] for link in data["links"]}) == len(links)


def test_links_that_are_not_drawn_at_first_are_said_aloud(text, network):
    links = embedded(text)["links"]
    drawn = [link for link in links if not link["hidden"]]
    assert len(drawn) == picture.LINK_BUDGET < len(links)
    assert f"Showing {len(drawn):,} of {len(links):,} links" in text


def test_typed_relations_are_all_drawn_and_no_paper_loses_its_citations_to_others(text):
    links = embedded(text)["links"]
    assert not [link for link in links if link["hidden"] and link["kind"] != "cites"]
    citing = {link["from"] for link in links if link["kind"] == "cites"}
    assert citing == {link["from"] for link in links if link["kind"] == "cites" and not link["hidden"]}


def test_all_links_are_drawn_when_they_are_few(library, tmp_path):
    with library.reading() as session:
        export(session, "html", tmp_path / "atlas.html", Filters(pillar="unified"))
    text = (tmp_path / "atlas.html").read_text(encoding="utf-8")
    links = embedded(text)["links"]
    assert links
    assert not [link for link in links if link["hidden"]]
    assert f"Showing all {len(links)} links." in text


def test_papers_beyond_the_budget_are_left_out_aloud_and_stay_in_the_table(library, tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "PAPER_BUDGET", 30)
    with library.reading() as session:
        report = export(session, "html", tmp_path / "atlas.html", Filters(pillar="unified"))
        cited = nx.get_node_attributes(build_network(session, Filters(pillar="unified")), "cited_by")
    text = (tmp_path / "atlas.html").read_text(encoding="utf-8")
    nodes = embedded(text)["nodes"]
    assert len(nodes) == 30
    least = min(cited[node["id"]] for node in nodes)
    assert least >= sorted(cited.values())[-30]
    assert f"Showing the 30 most cited of {report.papers} papers." in text
    assert len(Reader(text).of("tr")) == report.papers + 1


def test_positions_are_the_same_twice_and_no_two_papers_cover_each_other(drawn, text):
    again = {node["id"]: (node["x"], node["y"]) for node in drawn.nodes}
    nodes = embedded(text)["nodes"]
    assert {node["id"]: (node["x"], node["y"]) for node in nodes} == again
    covered = 0
    for at, one in enumerate(nodes):
        for other in nodes[:at]:
            apart = math.dist((one["x"], one["y"]), (other["x"], other["y"]))
            assert math.isfinite(apart)
            covered += apart < 0.8 * (one["size"] + other["size"])
    assert covered <= len(nodes) // 100


def test_nothing_drifts_apart(text):
    nodes = embedded(text)["nodes"]
    for axis in ("x", "y"):
        values = sorted(node[axis] for node in nodes)
        gaps = [after - before for before, after in pairwise(values)]
        assert max(gaps) < 0.15 * (values[-1] - values[0])


def test_papers_that_no_citation_joins_stand_with_those_of_their_taxonomy_node():
    groups = {"taxonomy:a": [f"a{at}" for at in range(6)], "taxonomy:b": [f"b{at}" for at in range(6)]}
    document = tiny(*groups["taxonomy:a"], *groups["taxonomy:b"])
    for node, papers in groups.items():
        document.network.add_node(node, kind="taxonomy", label=node)
        document.network.add_edges_from((key, node, "in_taxonomy", {"kind": "in_taxonomy"}) for key in papers)
    places = {node["id"]: (node["x"], node["y"]) for node in picture.draw(document).nodes}
    apart = {True: [], False: []}
    for one, other in combinations(places, 2):
        apart[one[0] == other[0]].append(math.dist(places[one], places[other]))
    assert fmean(apart[True]) < 0.7 * fmean(apart[False])


def test_the_most_cited_papers_carry_their_names_at_first_and_size_grows_with_citations(text, network):
    nodes = embedded(text)["nodes"]
    named = [node for node in nodes if node["font"]["size"] >= 12]
    assert 20 <= len(named) <= picture.LABEL_BUDGET
    cited = {node["id"]: network.nodes[node["id"]]["cited_by"] for node in nodes}
    assert min(cited[node["id"]] for node in named) > sorted(cited.values())[len(nodes) // 2]
    for shape in {node["shape"] for node in nodes}:
        alike = sorted((cited[node["id"]], node["size"]) for node in nodes if node["shape"] == shape)
        assert [size for _, size in alike] == sorted(size for _, size in alike)


def test_each_pillar_has_a_colour_and_a_shape_of_its_own_and_the_legend_counts_its_papers(drawn, network):
    looks = drawn.looks
    assert len({look.colour for look in looks}) == len({look.shape for look in looks}) == len(looks) == 7
    pillars = [paper.get("pillar") for _, paper in network.nodes(data=True) if paper["kind"] == "paper"]
    assert sorted(look.papers for look in looks) == sorted(pillars.count(pillar) for pillar in set(pillars))


@pytest.mark.parametrize("papers", [("one",), ("one", "two"), ("one", "two", "three", "four")])
def test_a_picture_of_a_few_papers_without_pillar_year_or_link_is_drawn_too(tmp_path, papers):
    assert write(tiny(*papers), tmp_path / "atlas.html") == (len(papers), 0)
    text = (tmp_path / "atlas.html").read_text(encoding="utf-8")
    places = {(node["x"], node["y"]) for node in embedded(text)["nodes"]}
    assert len(places) == len(papers)
    assert "no pillar known" in text
    assert "year not known, venue not known" in embedded(text)["nodes"][0]["title"]


def test_the_table_holds_key_title_year_venue_pillar_citations_and_arxiv_id(text, network):
    rows = re.findall(r"<tr><td><button.*?</tr>", text)
    papers = {key: paper for key, paper in network.nodes(data=True) if paper["kind"] == "paper"}
    assert len(rows) == len(papers)
    counts = []
    for row in rows:
        key = re.search('data-key="([^"]+)"', row).group(1)
        cells = [cell for _, cell in Reader(row).texts if cell]
        paper = papers.pop(key)
        counts.append(paper["cited_by"])
        pillar = network.nodes[f"taxonomy:{paper['pillar']}"]["label"]
        year, venue = str(paper.get("year", "not known")), paper.get("venue", "not known")
        arxiv = paper.get("arxiv_id", "none known")
        assert cells == [key, paper["title"], year, venue, pillar, str(paper["cited_by"]), arxiv]
    assert counts == sorted(counts, reverse=True)


def test_the_page_says_its_language_title_size_counts_snapshot_and_date(text, document):
    papers, header = len(document.papers()), document.header
    reader = Reader(text)
    assert text.startswith("<!DOCTYPE html>")
    assert reader.of("html") == [{"lang": "en"}]
    assert reader.text_of("title") == [f"VFM Atlas: {papers} papers, snapshot {header.snapshot}"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in reader.of("meta")
    assert f"{papers} papers and {len(document.paper_edges()):,} links between them" in text
    assert f"Snapshot {header.snapshot}, facts of {header.facts_date}." in text


def test_nothing_in_the_page_is_fetched_from_anywhere(text):
    reader = Reader(text)
    assert not {tag for tag, _ in reader.tags} & {
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "source",
    }
    for tag, attributes in reader.tags:
        assert "src" not in attributes
        assert "href" not in attributes or tag == "a"
    assert all(link["href"].startswith("https://arxiv.org/abs/") for link in reader.of("a"))
    assert "url(" not in reader.text_of("style")[0]
    assert "@import" not in text
    assert "sourceMappingURL" not in text


def test_the_security_policy_forbids_requests_and_names_the_only_scripts_that_run(text):
    reader = Reader(text)
    policy = next(tag["content"] for tag in reader.of("meta") if tag.get("http-equiv"))
    rules = {name: values for name, *values in (rule.split() for rule in policy.split(";"))}
    assert rules["default-src"] == ["'none'"]
    running = [
        body for tag, body in zip(reader.of("script"), reader.text_of("script"), strict=True) if not tag
    ]
    digests = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in running]
    assert rules["script-src"] == [f"'sha256-{digest}'" for digest in digests]
    assert len(running) == 2
    assert not {"connect-src", "img-src", "font-src", "frame-src"} & rules.keys()


def test_markup_in_titles_stays_text_in_the_page_and_in_its_data(hostile_file):
    text = hostile_file.read_text(encoding="utf-8")
    reader = Reader(text)
    assert len(reader.of("script")) == 3
    assert not reader.of("img")
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)
    titles = {node["id"]: node["title"] for node in embedded(text)["nodes"]}
    for key, title in HOSTILE.items():
        assert titles[key].startswith(title.split("\u2028")[0])
        assert title in reader.text_of("th")
    data = text[text.index('id="data">') + 10 :].partition("</script>")[0]
    assert not re.search("[<>&\u2028]", data)


# From here on in Chromium.

INK = "#1b2a41"  # what names are written in
MINE = "willReadFrequently"  # Chromium's advice to the function `colours` below


@pytest.fixture(scope="module")
def chromium_open():
    path = chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(chromium_open):
    """Opens a page with the network off; at the end, it must have asked for nothing and broken nothing."""
    context = chromium_open.new_context(
        viewport={"width": 1366, "height": 900}, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: MINE in message.text or complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))

    def go(path):
        page.goto(path.as_uri())
        expect(page.locator("#network")).to_have_attribute("data-ready", "true", timeout=20_000)
        return page

    yield go
    assert [url for url in requests if not url.startswith("file://")] == []
    assert len(requests) == 1
    assert complaints == []
    context.close()


def colours(page):
    """How many pixels of the picture have each colour, as #rrggbb."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector("#network canvas");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const counts = {};
            for (let at = 0; at < pixels.length; at += 4) {
                if (pixels[at + 3] < 255) continue;
                const parts = [...pixels.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, "0"));
                counts["#" + parts.join("")] = (counts["#" + parts.join("")] ?? 0) + 1;
            }
            return counts;
        }"""
    )


@pytest.mark.browser
def test_the_picture_is_drawn_with_the_network_off_in_the_colours_of_the_legend(visit, file, drawn):
    page = visit(file)
    page.wait_for_timeout(300)
    seen = colours(page)
    for look in drawn.looks:
        assert seen.get(look.colour, 0) > 200, look.label


@pytest.mark.browser
def test_a_search_shows_the_paper_its_facts_and_all_of_its_links(visit, file, network):
    page = visit(file)
    page.get_by_label("Find a paper").fill("segment anything")
    page.get_by_label("Find a paper").press("Enter")
    card = page.get_by_label("The chosen paper")
    expect(card.get_by_role("heading", level=2)).to_have_text("SAM")
    expect(card).to_contain_text("Segment Anything")
    expect(card).to_contain_text("2023, published at ICCV 2023")
    citing = {start for start, _, kind in network.in_edges("sam", keys=True) if kind == "cites"}
    expect(card).to_contain_text(f"cites this paper ({len(citing)})")
    out = [kind for *_, kind in network.out_edges("sam", keys=True) if kind in PAPER_EDGES]
    around = [kind for *_, kind in network.in_edges("sam", keys=True) if kind in PAPER_EDGES]
    expect(card.locator("li button")).to_have_count(len(out) + len(around))
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


@pytest.mark.browser
def test_choosing_a_paper_dims_the_others_and_the_whole_picture_comes_back(visit, file):
    page = visit(file)
    page.wait_for_timeout(300)
    before = colours(page)
    page.get_by_label("Find a paper").fill("clip")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_timeout(300)
    assert colours(page).get("#d1600f", 0) < 0.7 * before["#d1600f"]
    page.locator("#network").hover()
    for _ in range(8):
        page.mouse.wheel(0, -400)
    page.wait_for_timeout(200)
    page.get_by_role("button", name="Whole picture").click()
    page.mouse.move(1, 1)
    page.wait_for_timeout(300)
    after = colours(page)
    assert after["#d1600f"] == pytest.approx(before["#d1600f"], rel=0.1)
    assert after[INK] == pytest.approx(before[INK], rel=0.2)  # names are as large as they were


@pytest.mark.browser
def test_hovering_a_paper_shows_title_year_and_venue(visit, file):
    page = visit(file)
    page.get_by_label("Find a paper").fill("vit")
    page.get_by_label("Find a paper").press("Enter")
    page.wait_for_timeout(300)
    box = page.locator("#network").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    hint = page.locator(".vis-tooltip")
    expect(hint).to_be_visible()
    expect(hint).to_contain_text("An Image is Worth 16x16 Words")
    expect(hint).to_contain_text("2020, published at ICLR 2021")
    page.mouse.move(2, 2)
    expect(hint).to_be_hidden()


@pytest.mark.browser
def test_the_table_is_reached_and_used_with_the_keyboard_alone(visit, file):
    page = visit(file)
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    first = page.locator("tbody button").first
    expect(first).to_be_visible()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    card = page.get_by_label("The chosen paper")
    expect(card).to_contain_text(page.locator("tbody th").first.inner_text())
    card.locator("li button").first.focus()
    page.keyboard.press("Enter")
    expect(card.get_by_role("heading", level=2)).not_to_have_text("CLIP")


@pytest.mark.browser
def test_a_name_that_no_paper_has_is_answered(visit, file):
    page = visit(file)
    page.get_by_label("Find a paper").fill("no such paper <b>")
    page.get_by_label("Find a paper").press("Enter")
    expect(page.locator("#found")).to_have_text("No paper in the picture is named no such paper <b>")


@pytest.mark.browser
def test_markup_in_titles_runs_nothing_wherever_it_is_shown(visit, hostile_file):
    page = visit(hostile_file)
    for key, title in HOSTILE.items():
        page.get_by_label("Find a paper").fill(key)
        page.get_by_label("Find a paper").press("Enter")
        card = page.get_by_label("The chosen paper")
        expect(card.get_by_role("heading", level=2)).to_have_text(" ".join(title.split()))
        page.wait_for_timeout(150)
        box = page.locator("#network").bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        page.wait_for_timeout(150)
    page.locator("summary").click()
    expect(page.locator("th", has_text="window.pwned = 2")).to_have_text(HOSTILE["coco"])
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, svg[onload], iframe").count() == 0


@pytest.mark.browser
def test_the_policy_stops_scripts_and_requests_that_somebody_adds_to_the_page(chromium_open, file, tmp_path):
    """The page holds nothing of the kind; this shows that the policy would hold if it did."""
    added = "<script>window.pwned = 1</script><img src='http://127.0.0.1:9/x.png' onerror='window.pwned = 2'>"
    changed = tmp_path / "changed.html"
    changed.write_text(file.read_text(encoding="utf-8").replace("<main>", f"<main>{added}"), encoding="utf-8")
    page = chromium_open.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(changed.as_uri())
    expect(page.locator("#network")).to_have_attribute("data-ready", "true", timeout=20_000)
    assert page.evaluate("window.pwned") is None
    assert len([message for message in refused if "Content Security Policy" in message]) >= 2
    page.close()
