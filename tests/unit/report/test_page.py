from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from correlates.figures import Drawn
from correlates.report import Block, Content, Section, Source, Text, render
from correlates.report.page import PAGE_SIZE
from correlates.tables.record import DisplayTable, numbers, words

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\"'\u2028<!--"


class Elements(HTMLParser):
    """The elements of a page, and the text inside each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data


def _table(height=3, name="numbers"):
    return DisplayTable(
        name=name,
        title="Numbers",
        columns=(
            words("Word", [HOSTILE if i == 0 else f"w{i % 2}" for i in range(height)], choose=True),
            numbers("Number", [None if i == 1 else 100.0 - i for i in range(height)]),
        ),
        declared="exploratory",
    )


def _chart():
    import polars as pl

    spec = {"datasets": {"drawn": [{"x": HOSTILE}]}}
    return Drawn(name="chart", title=HOSTILE, caption=HOSTILE, spec=spec, data=pl.DataFrame({"x": [HOSTILE]}))


def _page(*parts, library="window.vegaEmbed = 1;"):
    section = Section(name="one", title="One", parts=parts)
    return render(Content(title=HOSTILE, study="S", product=None, brief=(("rows", "3"),), sections=(section,)), library)


def test_hostile_texts_add_no_element_and_no_attribute():
    harmless = _page(_table(), _chart(), Text(paragraphs=("x",)), Block(title="x", text="x"), Source(entries=("x",)))
    hostile = _page(
        _table(), _chart(), Text(paragraphs=(HOSTILE,)), Block(title=HOSTILE, text=HOSTILE), Source(entries=(HOSTILE,))
    )
    ours, theirs = ([(tag, sorted(attrs)) for tag, attrs in Elements(p).tags] for p in (harmless, hostile))
    assert ours == theirs
    assert [tag for tag, _ in theirs].count("script") == 4
    assert "img" not in [tag for tag, _ in theirs]


def test_the_policy_lets_run_what_stands_in_the_page_and_loads_nothing():
    page = _page(_table(), library='const a = "</script><!--";')
    elements = Elements(page)
    policy = next(a["content"] for t, a in elements.tags if t == "meta" and a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    run = [
        text
        for text, (_, a) in zip(elements.scripts, [t for t in elements.tags if t[0] == "script"], strict=True)
        if not a
    ]
    assert {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in run} == allowed
    assert len(run) == 2
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)


def _data(page, which):
    match = re.search(rf'<script type="application/json" id="{which}">(.*?)</script>', page, re.DOTALL)
    return json.loads(match.group(1))


def test_texts_of_charts_arrive_as_they_were():
    assert _data(_page(_chart()), "charts")["chart"]["datasets"]["drawn"] == [{"x": HOSTILE}]


def test_a_table_keeps_all_rows_as_data_and_shows_the_first():
    height = PAGE_SIZE * 3
    page = _page(_table(height))
    word, number = _data(page, "tables")["numbers"]
    assert [word["texts"][i] for i in word["rows"]] == list(_table(height).columns[0].texts)
    assert len(word["texts"]) == 3
    assert page.count("<tr>") == PAGE_SIZE + 1
    assert number["ranks"][1] is None
    ranked = [r for r in number["ranks"] if r is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert "ranks" not in word


def test_equal_numbers_have_equal_ranks():
    table = DisplayTable(name="t", title="t", columns=(numbers("n", [3.0, 1.0, 3.0, 2.0]),))
    assert _data(_page(table), "tables")["t"][0]["ranks"] == [2, 0, 2, 1]


def test_what_was_prespecified_is_marked():
    page = _page(_table())
    assert '<span class="badge">exploratory</span>' in page
    assert 'class="table exploratory"' in page


def test_the_same_content_gives_the_same_bytes():
    assert _page(_table(), _chart()) == _page(_table(), _chart())
