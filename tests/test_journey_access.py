"""Every page for everyone: axe-core's checks in light and dark, a phone's width, and what the pictures do."""

from importlib.resources import files

import pytest
from browser import overflow, screenshot, settled

pytestmark = pytest.mark.browser
PAGES = {
    "home": "/",
    "search": "/?q=promptable+segmentation",
    "card": "/?paper=sam",
    "years": "/?view=Years",
    "paper": "/paper?key=sam",
    "taxonomy": "/taxonomy?node=unified",
    "timeline": "/timeline",
    "unification": "/unification",
    "checkpoints": "/checkpoints",
    "leaderboard": "/leaderboard",
    "story": "/story",
    "compare": "/compare?papers=sam,clip,ldm",
    "collections": "/collections",
    "exports": "/exports",
    "data": "/data",
    "changes": "/changes",
    "ingest": "/ingest",
}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
FINDINGS = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .flatMap(({ id, nodes }) => nodes.map(({ target, html, failureSummary }) =>
    [id, target.flat().join(' '), html.slice(0, 200), failureSummary].join(' | ')))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_finding_of_axe(new_page, server, tmp_path, name, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(server + PAGES[name])
    settled(page)
    page.evaluate(AXE)
    findings = page.evaluate(FINDINGS)
    screenshot(page, f"{name}-{scheme}", tmp_path)
    assert findings == [], "\n".join(findings)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_phone(new_page, server, tmp_path, name, scheme):
    page = new_page(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    page.goto(server + PAGES[name])
    settled(page)
    screenshot(page, f"{name}-phone-{scheme}", tmp_path)
    assert overflow(page) <= 0
