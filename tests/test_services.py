"""The local services speak as the real ones do: the real clients read them, faults and all."""

import re
from collections.abc import Iterator

import arxiv
import httpx
import pytest
import requests
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import close_session
from lxml import etree
from semanticscholar import SemanticScholar
from semanticscholar.SemanticScholarException import (
    BadQueryParametersException,
    InternalServerErrorException,
    ObjectNotFoundException,
)
from services.universe import Universe
from services.works import Model
from tenacity import RetryError

SURVEY = "2312.10163"
RESNET = "1512.03385"
LIST_FIELDS = ["contexts", "intents", "isInfluential", "title", "abstract", "externalIds", "year"]


@pytest.fixture
def universe() -> Iterator[Universe]:
    with Universe() as running:
        yield running
    close_session()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


def arxiv_client(universe: Universe, page_size: int = 100) -> arxiv.Client:
    client = arxiv.Client(page_size=page_size, delay_seconds=0, num_retries=0)
    client.query_url_format = universe.arxiv.url + "/api/query?{}"
    return client


@pytest.fixture
def s2(universe: Universe) -> SemanticScholar:
    return SemanticScholar(api_url=universe.semantic_scholar.url, retry=False)


@pytest.fixture
def hub(universe: Universe) -> HfApi:
    return HfApi(endpoint=universe.hub.url, token=False)


def found_by_arxiv(universe: Universe, ids: list[str]) -> dict[str, arxiv.Result]:
    search = arxiv.Search(id_list=ids, max_results=None)
    return {result.get_short_id(): result for result in arxiv_client(universe).results(search)}


# arXiv


def test_the_arxiv_client_reads_every_fact_of_an_entry(universe: Universe):
    work = universe.world.works["resnet"]
    universe.world.change("resnet", version=3, doi="10.1109/cvpr.2016.90")
    result = found_by_arxiv(universe, [RESNET])[RESNET + "v3"]
    assert result.title == work.title
    assert tuple(author.name for author in result.authors) == work.authors
    assert result.summary == work.abstract
    assert (result.published.year, result.published.month) == (2015, 12)
    assert result.updated > result.published
    assert result.doi == "10.1109/cvpr.2016.90"
    assert result.primary_category == "cs.CV"
    assert result.pdf_url == f"https://arxiv.org/pdf/{RESNET}v3"


def test_arxiv_leaves_out_what_it_does_not_know_without_a_word(universe: Universe, http: httpx.Client):
    universe.arxiv.faults.drop = {"2103.00020"}
    universe.arxiv.faults.drop_once = {SURVEY}
    ids = [RESNET, "0808.05394", "2103.00020", SURVEY]
    version = universe.world.works["resnet"].version
    assert found_by_arxiv(universe, ids).keys() == {f"{RESNET}v{version}"}
    assert len(found_by_arxiv(universe, ids)) == 2
    query = {"id_list": ",".join(ids), "max_results": "100"}
    feed = http.get(universe.arxiv.url + "/api/query", params=query)
    total = etree.fromstring(feed.content).findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults")
    assert total == "2"
    assert feed.headers["content-type"].startswith("application/atom+xml")


def test_arxiv_pages_an_id_list_and_answers_in_its_own_order(universe: Universe):
    ids = [work.arxiv_id for work in universe.world.cited_by("vfm-survey") if work.arxiv_id]
    client = arxiv_client(universe)
    found = [re.sub(r"v\d+$", "", each.get_short_id()) for each in client.results(arxiv.Search(id_list=ids))]
    assert len(found) == 100
    search = arxiv.Search(id_list=ids, max_results=None)
    found = [re.sub(r"v\d+$", "", each.get_short_id()) for each in client.results(search)]
    assert sorted(found) == sorted(ids)
    assert found != ids
    assert universe.arxiv.count == 1 + 3


def test_arxiv_knows_versions_and_ids_of_the_old_style(universe: Universe):
    universe.world.change("resnet", version=3)
    old = next(work for work in universe.world.works.values() if "/" in (work.arxiv_id or ""))
    found = found_by_arxiv(universe, [RESNET + "v2", old.arxiv_id, RESNET + "v4"])
    assert found.keys() == {RESNET + "v2", f"{old.arxiv_id}v{old.version}"}


def test_arxiv_refuses_a_list_for_one_malformed_id(universe: Universe, http: httpx.Client):
    with pytest.raises(arxiv.HTTPError, match="HTTP 400"):
        found_by_arxiv(universe, [RESNET, "abc"])
    feed = etree.fromstring(
        http.get(universe.arxiv.url + "/api/query", params={"id_list": RESNET + ",abc"}).content
    )
    ns = {"atom": "http://www.w3.org/2005/Atom"}
    assert feed.findtext("atom:entry/atom:summary", namespaces=ns) == "incorrect id format for abc"
    assert feed.findtext("atom:entry/atom:id", namespaces=ns) == (
        "https://arxiv.org/api/errors#incorrect_id_format_for_abc"
    )


def test_arxiv_finds_words_of_a_title_and_shows_what_was_withdrawn(universe: Universe):
    universe.world.change("resnet", withdrawn=True)
    search = arxiv.Search('ti:"deep residual learning" AND au:he')
    (result,) = [r for r in arxiv_client(universe).results(search) if r.get_short_id().startswith(RESNET)]
    assert result.summary == ""
    assert "withdrawn" in result.comment


# Semantic Scholar


def test_the_whole_reference_list_comes_in_one_page(universe: Universe, s2: SemanticScholar):
    found = s2.get_paper_references(f"ARXIV:{SURVEY}", fields=LIST_FIELDS, limit=1000)
    assert len(found) == 305
    assert universe.semantic_scholar.count == 1
    nameless = [each.paper.title for each in found if each.paper.paperId is None]
    assert len(nameless) == 5
    assert all("no index holds" in title for title in nameless)
    known = [each for each in found if each.paper.paperId]
    without = sum(each.paper.abstract is None for each in known)
    assert 0.8 < without / len(known) < 1
    assert any(each.contexts and each.intents for each in known)
    assert {each.isInfluential for each in known} == {True, False}
    assert all(each.raw_data.keys() == {*LIST_FIELDS[:3], "citedPaper"} for each in found)
    assert set(known[0].paper.raw_data) == {"paperId", *LIST_FIELDS[3:]}


def test_pages_of_references_and_citations_follow_next(universe: Universe, s2: SemanticScholar):
    paged = s2.get_paper_references(f"ARXIV:{SURVEY}", fields=["title"], limit=100)
    assert paged.next == 100
    assert len(list(paged)) == 305
    assert paged.next == 0
    citing = s2.get_paper_citations(f"ARXIV:{SURVEY}", fields=["title", "year"], limit=1000)
    assert {each.paper.year for each in citing} == {2024, 2025}
    assert len(citing) == 20
    assert universe.semantic_scholar.count == 4 + 1


def test_a_batch_answers_in_order_with_null_for_what_is_unknown(universe: Universe, http: httpx.Client):
    work = universe.world.works["clip"]
    universe.world.change("clip", doi="10.5555/CLIP")
    names = ["ARXIV:2103.00020", "DOI:10.5555/clip", f"CorpusId:{work.corpus_id}", work.s2_id]
    universe.semantic_scholar.faults.drop = {RESNET}
    ids = [*names, "ARXIV:2101.99999", f"ARXIV:{RESNET}"]
    url = universe.semantic_scholar.url + "/graph/v1/paper/batch"
    reply = http.post(url, params={"fields": "title,abstract"}, json={"ids": ids})
    paper = {"paperId": work.s2_id, "title": work.title, "abstract": work.abstract}
    assert reply.json() == [paper, paper, paper, paper, None, None]


def test_the_client_reads_a_batch_with_the_references_of_all(universe: Universe, s2: SemanticScholar):
    cited = [work for work in universe.world.cited_by("vfm-survey") if work.arxiv_id]
    fields = ["title", "abstract", "referenceCount", "references.paperId", "references.externalIds"]
    names = [f"ARXIV:{work.arxiv_id}" for work in cited]
    half = s2.get_papers(names[:150], fields=fields)
    for paper, work in zip(half, cited[:150], strict=True):
        assert (paper.paperId, paper.abstract) == (work.s2_id, work.abstract)
        assert len(paper.references) == paper.referenceCount == len(work.entries)
        assert set(paper.references[0].raw_data) == {"paperId", "externalIds"}
    assert universe.semantic_scholar.count == 1
    with pytest.raises(BadQueryParametersException, match="exceed maximum size"):
        s2.get_papers(names, fields=fields)


def test_semantic_scholar_says_what_it_objects_to(
    universe: Universe, http: httpx.Client, s2: SemanticScholar
):
    with pytest.raises(ObjectNotFoundException, match=r"Paper with id ARXIV:2101\.99999 not found"):
        s2.get_paper("ARXIV:2101.99999")
    with pytest.raises(BadQueryParametersException, match=r"unsupported fields: \[unknown\]"):
        s2.get_paper(f"ARXIV:{SURVEY}", fields=["title", "unknown"])
    with pytest.raises(BadQueryParametersException, match="No valid paper ids given"):
        s2.get_papers(["ARXIV:2101.99999"])
    url = universe.semantic_scholar.url + "/graph/v1/paper/"
    for ids in ([f"ARXIV:{SURVEY}"] * 501, [f"ARXIV:{SURVEY}", ""], "ARXIV:1", None, [1]):
        assert http.post(url + "batch", json={"ids": ids}).status_code == 400
    page = http.get(url + f"ARXIV:{SURVEY}/references", params={"limit": "1001"})
    assert page.status_code == 400
    universe.semantic_scholar.keys = frozenset({"right"})
    assert http.get(url + f"ARXIV:{SURVEY}", headers={"x-api-key": "wrong"}).status_code == 403
    assert http.get(url + f"ARXIV:{SURVEY}", headers={"x-api-key": "right"}).status_code == 200


def test_the_client_reads_all_fields_that_it_can_name(s2: SemanticScholar, universe: Universe):
    work = universe.world.works["resnet"]
    paper = s2.get_paper(f"arXiv:{RESNET}")
    assert (paper.title, paper.year, paper.venue) == (
        work.title,
        2015,
        "Computer Vision and Pattern Recognition",
    )
    assert paper.journal.name.startswith("2016 ")
    assert paper.publicationDate.strftime("%Y-%m") == "2015-12"
    assert paper.citationCount == universe.world.citation_count("resnet")
    assert len(paper.citations) == len(universe.world.citing("resnet"))
    assert [author.name for author in paper.authors] == list(work.authors)
    assert paper.externalIds["ArXiv"] == RESNET


def test_more_requests_than_a_service_takes_are_answered_429(universe: Universe, http: httpx.Client):
    universe.semantic_scholar.allowance = (2, 60)
    url = universe.semantic_scholar.url + f"/graph/v1/paper/ARXIV:{SURVEY}"
    replies = [http.get(url) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["message"].startswith("Too Many Requests")


# The hub


def test_the_hub_client_finds_the_models_of_a_paper(universe: Universe, hub: HfApi):
    expand = ["downloads", "gated", "sha", "tags", "lastModified", "library_name", "cardData", "safetensors"]
    found = list(hub.list_models(filter="arxiv:2103.00020", sort="downloads", expand=expand, limit=50))
    assert {each.id for each in found} == {m.hub_id for m in universe.world.models_of("2103.00020")}
    assert [each.downloads for each in found] == sorted((each.downloads for each in found), reverse=True)
    assert all(re.fullmatch(r"[0-9a-f]{40}", each.sha) and each.last_modified for each in found)
    tuned = [each for each in found if each.id.startswith("test-user")]
    assert tuned
    assert all(f"base_model:{each.card_data.base_model[0]}" in each.tags for each in tuned)
    assert all(each.likes is None for each in found)
    assert universe.hub.count == 1


def test_the_hub_client_follows_links_to_further_pages(universe: Universe, hub: HfApi, http: httpx.Client):
    ids = {
        universe.world.add_model(Model(f"lab/m{n}", "timm", None, arxiv_ids=("2101.1",))).hub_id
        for n in range(7)
    }
    page = http.get(universe.hub.url + "/api/models", params={"filter": "arxiv:2101.1", "limit": 3})
    assert len(page.json()) == 3
    found = page.json()
    while "next" in page.links:
        page = http.get(page.links["next"]["url"])
        found += page.json()
    assert {each["modelId"] for each in found} == ids
    assert len(found) == 7
    assert len(list(hub.list_models(filter="arxiv:2101.1"))) == 7


def test_the_hub_redirects_renamed_models_and_has_none_that_are_deleted(universe: Universe, hub: HfApi):
    old, gone, gated = list(universe.world.models)[:3]
    universe.world.move_model(old, "new-owner/new-name")
    universe.world.remove_model(gone)
    universe.world.models[gated].gated = "manual"
    assert hub.model_info(old, expand=["sha"]).id == "new-owner/new-name"
    assert hub.model_info(gated).gated == "manual"
    with pytest.raises(RepositoryNotFoundError):
        hub.model_info(gone)
    universe.hub.hides_missing = True
    with pytest.raises(HfHubHTTPError) as hidden:
        hub.model_info(gone)
    assert hidden.value.response.status_code == 401


def test_the_hub_tells_size_and_hash_of_files(universe: Universe, hub: HfApi):
    name, model = next((n, m) for n, m in universe.world.models.items() if m.parameters)
    info = hub.model_info(name, files_metadata=True)
    (weights,) = [each for each in info.siblings if each.lfs]
    assert weights.rfilename == "model.safetensors"
    assert weights.size == weights.lfs.size > 4 * model.parameters
    assert re.fullmatch(r"[0-9a-f]{64}", weights.lfs.sha256)
    assert info.safetensors.total == model.parameters


# OpenAlex and Crossref


def openalex_page(universe: Universe, http: httpx.Client, **query: str) -> dict:
    return http.get(universe.openalex.url + "/works", params=query).raise_for_status().json()


def test_openalex_finds_works_by_id_and_by_doi(universe: Universe, http: httpx.Client):
    work = universe.world.works["clip"]
    url = universe.openalex.url + "/works/"
    by_id = http.get(url + work.openalex_id).json()
    assert by_id == http.get(url + "doi:10.48550/ARXIV.2103.00020").json()
    assert by_id == http.get(url + f"https://openalex.org/{work.openalex_id.lower()}").json()
    index = by_id["abstract_inverted_index"]
    words = {place: word for word, places in index.items() for place in places}
    assert " ".join(words[place] for place in sorted(words)) == work.abstract
    assert by_id["ids"]["doi"] == "https://doi.org/10.48550/arxiv.2103.00020"
    assert by_id["authorships"][0]["author"]["display_name"] == work.authors[0]
    universe.world.change("clip", doi="10.5555/clip")
    assert http.get(url + "doi:10.48550/arxiv.2103.00020").status_code == 404
    published = http.get(url + "doi:10.5555/CLIP", params={"select": "abstract_inverted_index,id"}).json()
    assert published == {"abstract_inverted_index": None, "id": f"https://openalex.org/{work.openalex_id}"}


def test_openalex_lists_works_in_pages_and_by_cursor(universe: Universe, http: httpx.Client):
    survey = universe.world.works["vfm-survey"]
    cited = http.get(f"{universe.openalex.url}/works/{survey.openalex_id}").json()["referenced_works"]
    assert len(cited) == 300
    numbers = [each.rpartition("/")[2] for each in cited]
    page = openalex_page(universe, http, filter="openalex:" + "|".join(numbers[:100]), per_page="100")
    assert sorted(each["id"] for each in page["results"]) == sorted(cited[:100])
    found, cursor = [], "*"
    while cursor:
        page = openalex_page(
            universe, http, filter=f"cites:{survey.openalex_id}", per_page="7", cursor=cursor, select="id"
        )
        found += page["results"]
        cursor = page["meta"]["next_cursor"]
    assert len(found) == page["meta"]["count"] > 15
    over = http.get(
        universe.openalex.url + "/works", params={"filter": "openalex:" + "|".join(numbers[:101])}
    )
    assert over.status_code == 400
    assert "Maximum number of values exceeded" in over.json()["message"]
    wrong = http.get(universe.openalex.url + "/works", params={"filter": "openalex:W1", "select": "abstract"})
    assert "abstract is not a valid select field" in wrong.json()["message"]


def test_openalex_redirects_merged_works_and_wants_a_key_for_lists(universe: Universe, http: httpx.Client):
    old = universe.world.merge_in_openalex("clip")
    moved = http.get(f"{universe.openalex.url}/works/{old}", params={"select": "id"})
    assert moved.status_code == 301
    new = http.get(moved.headers["location"]).json()
    assert new == {"id": f"https://openalex.org/{universe.world.works['clip'].openalex_id}"}
    universe.openalex.strict = True
    universe.openalex.keys = frozenset({"key"})
    lists = {"filter": "doi:10.48550/arxiv.2103.00020"}
    spent = http.get(universe.openalex.url + "/works", params=lists)
    assert spent.status_code == 429
    assert int(spent.headers["retry-after"]) > 3_600
    assert openalex_page(universe, http, **lists, api_key="key")["meta"]["count"] == 1
    assert http.get(moved.headers["location"]).status_code == 200


def test_crossref_knows_publishers_dois_and_no_others(universe: Universe, http: httpx.Client):
    work = next(w for w in universe.world.works.values() if w.kind == "catalogue" and w.doi)
    url = universe.crossref.url + "/works"
    reply = http.get(f"{url}/{work.doi.upper()}")
    item = reply.json()["message"]
    assert (item["title"], item["DOI"]) == ([work.title], work.doi.lower())
    assert " ".join([item["author"][0]["given"], item["author"][0]["family"]]) == work.authors[0]
    assert item["issued"]["date-parts"][0][0] == work.venue_year
    assert len(item["reference"]) == item["reference-count"] == len(work.entries)
    forms = {key for each in item["reference"] for key in each}
    assert {"DOI", "article-title", "unstructured"} <= forms
    assert reply.headers["x-rate-limit-limit"].isdigit()
    missing = http.get(f"{url}/10.48550/arxiv.2103.00020")
    assert (missing.status_code, missing.text) == (404, "Resource not found.")
    several = [w.doi for w in universe.world.works.values() if w.doi][:60]
    query = {"filter": ",".join(f"doi:{doi}" for doi in [*several, "10.1/none"]), "rows": "1000"}
    message = http.get(url, params=query).json()["message"]
    assert message["total-results"] == 60
    assert {each["DOI"] for each in message["items"]} == {doi.lower() for doi in several}
    assert any(each.get("abstract", "").startswith("<jats:") for each in message["items"])
    assert http.get(url, params={"filter": "doi:10.1/a", "rows": "1001"}).status_code == 400
    assert http.get(url, params={"filter": "title:a"}).json()["status"] == "failed"


def test_the_clients_take_faults_as_they_are_known_to(universe: Universe, s2: SemanticScholar, hub: HfApi):
    universe.semantic_scholar.faults.then("502", "429", "500")
    assert s2.get_paper(f"ARXIV:{SURVEY}", fields=["title"]).title is None
    with pytest.raises(RetryError):
        s2.get_paper(f"ARXIV:{SURVEY}", fields=["title"])
    with pytest.raises(InternalServerErrorException, match="Internal Server Error"):
        s2.get_paper(f"ARXIV:{SURVEY}", fields=["title"])
    universe.arxiv.faults.then("503", "html", "cut")
    with pytest.raises(arxiv.HTTPError, match="HTTP 503"):
        found_by_arxiv(universe, [RESNET])
    assert found_by_arxiv(universe, [RESNET]) == {}
    with pytest.raises(requests.RequestException):
        found_by_arxiv(universe, [RESNET])
    universe.hub.faults.then("504")
    with pytest.raises(HfHubHTTPError, match="504"):
        hub.model_info(next(iter(universe.world.models)))


def test_hostile_texts_arrive_as_they_are(universe: Universe, s2: SemanticScholar):
    for service in universe.services:
        service.faults.hostile = {"*"}
    keys = [work.key for work in universe.world.cited_by("vfm-survey")][:60]
    ids = [universe.world.works[key].s2_id for key in keys]
    titles = " ".join(paper.title for paper in s2.get_papers(ids, fields=["title"]))
    assert "<script>" in titles
    assert "\x1b[31m" in titles
    assert "\u202e" in titles
    assert max(len(paper.title) for paper in s2.get_papers(ids, fields=["title"])) > 5_000
    arxiv_ids = [universe.world.works[key].arxiv_id for key in keys if universe.world.works[key].arxiv_id]
    feed = found_by_arxiv(universe, arxiv_ids)
    assert len(feed) == len(arxiv_ids)
    assert any("<script>" in result.title for result in feed.values())
