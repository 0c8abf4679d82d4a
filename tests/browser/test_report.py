"""The report as a reader opens it: from the disk, without a network, on a wide and on a narrow screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.browser.chromium import Page

from correlates.pipeline.publish import publish
from correlates.pipeline.store import open_run, silent
from correlates.plan import plan_from_text

pytestmark = pytest.mark.browser

BOX = "document.querySelector('[data-table=\"{}\"]')"
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">\'\u2028&amp;'
WORST = (HOSTILE, "Пациент №{} 患者 🧬 \u202e", "a-very-long-subject-identifier-" * 6)


def _report(demo: Path, folder: Path, change) -> Path:
    """The report of the demonstration with its tables changed."""
    run = open_run(demo / "run")
    plan = plan_from_text((demo / "plan.yaml").read_text(), demo / "plan.yaml").plan
    tables = change({name: run.table(name) for name in run.manifest.tables})
    (folder / "figures").mkdir(parents=True)
    publish(plan, tables, folder, run.manifest.stages, silent)
    return folder / "report.html"


@pytest.fixture(scope="module", params=[1280, 390], ids=["wide", "narrow"])
def page(demo: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    with Page(request.param) as page:
        page.open((demo / "run" / "report.html").as_uri())
        yield page


def _inert(page: Page) -> None:
    assert page.seen.complaints == []
    assert [url for url in page.seen.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in page.seen.requests if url.startswith("file:")]) == 1
    assert page.value("window.hacked") is None


def _fits(page: Page) -> None:
    assert page.value("document.documentElement.scrollWidth") == page.size[0]
    outside = """[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('.scroll, .chart, nav')).map((e) => e.outerHTML.slice(0, 100))"""
    assert page.value(outside) == []


def test_it_asks_for_nothing_and_complains_of_nothing(page: Page):
    _inert(page)


def test_every_chart_is_drawn(page: Page, demo: Path):
    manifest = json.loads((demo / "run" / "manifest.json").read_text())
    drawn = page.value(
        "[...document.querySelectorAll('[data-chart]')].filter((c) => c.querySelector('svg.marks path')).map((c) => c.dataset.chart)"
    )
    assert sorted(drawn) == sorted(manifest["figures"])


def test_the_page_is_no_wider_than_the_screen(page: Page):
    _fits(page)


def test_charts_that_take_the_width_are_not_cut(page: Page):
    cut = """[...document.querySelectorAll('.chart.responsive')].map((c) => {
        const edge = c.getBoundingClientRect().right;
        return [...c.querySelectorAll('svg.marks text')].filter((t) => t.getBoundingClientRect().right > edge + 1).length; })"""
    assert set(page.value(cut)) == {0}


def test_the_sections_are_reached_by_their_links(page: Page):
    for name in page.value("[...document.querySelectorAll('nav a')].map((a) => a.hash)"):
        page.value(f"document.querySelector('nav a[href=\"{name}\"]').click()")
        top = page.value(f"document.querySelector('{name}').getBoundingClientRect().top")
        bottom = page.value("innerHeight + scrollY >= document.documentElement.scrollHeight - 1")
        assert abs(top) < 80 or bottom, name


def test_a_table_sorts_by_numbers_both_ways_with_the_missing_last(page: Page, demo: Path):
    box = BOX.format("associations_exploratory")
    heads = page.value(f"[...{box}.querySelectorAll('th')].map((h) => h.textContent)")
    at = heads.index("P")
    page.value(f"{box}.querySelector('input').value = ''")
    column = f"[...{box}.querySelectorAll('tbody tr')].map((r) => r.cells[{heads.index('Estimate')}].textContent)"
    page.value(f"{box}.querySelectorAll('th button')[{heads.index('Estimate')}].click()")
    up = [float(t.replace(",", "")) for t in page.value(column)]
    assert up == sorted(up)
    page.value(f"{box}.querySelectorAll('th button')[{heads.index('Estimate')}].click()")
    down = [float(t.replace(",", "")) for t in page.value(column)]
    assert down == sorted(down, reverse=True)
    assert down[0] > up[-1]
    page.value(f"{box}.querySelectorAll('th button')[{at}].click()")
    results = pl.read_parquet(demo / "run" / "tables" / "results.parquet")
    mine = results.filter(~pl.col("prespecified") & (pl.col("stat_name") == "p") & (pl.col("level") == ""))
    smallest = mine.drop_nulls("value").sort("value")["result_id"][0]
    shown = page.value(f"[...{box}.querySelector('tbody tr').cells].at(-1).textContent")
    assert shown == smallest


def test_a_table_filters_by_words_and_by_choice_and_turns_its_pages(page: Page):
    box = BOX.format("associations_exploratory")
    type_in = "(b, t) => {{ const i = b.querySelector('input'); i.value = t; i.dispatchEvent(new Event('input')); }}"
    said = f"{box}.querySelector('output').textContent"
    page.value(f"({type_in.format()})({box}, '')")
    whole = page.value(said)
    assert re.fullmatch(r"1–20 of [\d,]+ rows", whole)
    first = page.value(f"{box}.querySelector('tbody').textContent")
    page.value(f"{box}.querySelector('.on').click()")
    assert page.value(said).startswith("21–40 of ")
    assert page.value(f"{box}.querySelector('tbody').textContent") != first
    page.value(f"({type_in.format()})({box}, 'peak IL6 durable')")
    rows = page.value(f"[...{box}.querySelectorAll('tbody tr')].map((r) => r.textContent.toLowerCase())")
    assert rows
    assert all("peak" in r and "il6" in r and "durable" in r for r in rows)
    page.value(f"({type_in.format()})({box}, 'no such text anywhere')")
    assert page.value(said).startswith("0 rows of ")
    page.value(f"({type_in.format()})({box}, '')")
    choose = f"""(() => {{ const s = {box}.querySelector('.tools select'); s.value = [...s.options].find((o) => o.text === 'Durable response').value;
        s.dispatchEvent(new Event('change')); return [...{box}.querySelectorAll('tbody tr')].map((r) => r.cells[1].textContent); }})()"""
    assert set(page.value(choose)) == {"Durable response"}
    page.value(
        f"{box}.querySelector('.tools select').value = ''; {box}.querySelector('.tools select').dispatchEvent(new Event('change'))"
    )
    assert page.value(said) == whole


def test_prespecified_and_exploratory_look_different(page: Page):
    badges = page.value(
        "[...document.querySelectorAll('.badge')].map((b) => [b.textContent, getComputedStyle(b).backgroundColor])"
    )
    looks = dict(badges)
    assert set(looks) == {"prespecified", "exploratory"}
    assert looks["prespecified"] != looks["exploratory"]


def test_hostile_and_strange_texts_are_only_texts(demo: Path, tmp_path: Path):
    def change(tables):
        subjects = tables["subjects"]["subject_id"].to_list()
        names = {s: WORST[i % 3].replace("{}", str(i)) + f" {i}" for i, s in enumerate(subjects)}
        codes = {"CMAX": "Peak", "IL6": HOSTILE}
        return {
            name: frame.with_columns(pl.col(pl.String).replace(names).replace(codes)) for name, frame in tables.items()
        }

    report = _report(demo, tmp_path / "run", change)
    for width in (1280, 390):
        with Page(width) as page:
            page.open(report.as_uri())
            _inert(page)
            _fits(page)
            assert HOSTILE[:40] in page.value(f"{BOX.format('exclusions')}.textContent")


def test_a_table_of_twenty_thousand_rows_answers_at_once(demo: Path, tmp_path: Path):
    def change(tables):
        rows = tables["results"].filter(pl.col("analysis_id") == "screen")
        copies = [rows.with_columns(pl.col("result_id") + f"-{i}", pl.col("biomarker") + f".{i}") for i in range(17)]
        nothing = {name: frame.clear() for name, frame in tables.items()}
        return {**nothing, "results": pl.concat([tables["results"], *copies])}

    report = _report(demo, tmp_path / "run", change)
    with Page() as page:
        page.open(report.as_uri())
        box = BOX.format("associations_exploratory")
        assert page.value("document.querySelectorAll('*').length") < 40_000
        took = page.value(f"""(() => {{ const start = performance.now(); {box}.querySelectorAll('th button')[5].click();
            const i = {box}.querySelector('input'); i.value = 'il6 .7'; i.dispatchEvent(new Event('input')); return performance.now() - start; }})()""")
        rows = int(
            page.value(f"{box}.querySelector('output').textContent").split(" of ")[-1].split()[0].replace(",", "")
        )
        assert rows > 20_000
        assert took < 3000  # a tenth of that on a quiet machine


def test_a_report_of_nothing_opens(demo: Path, tmp_path: Path):
    report = _report(demo, tmp_path / "run", lambda tables: {name: frame.clear() for name, frame in tables.items()})
    with Page(390) as page:
        page.open(report.as_uri())
        _inert(page)
        _fits(page)
        assert page.value("document.querySelectorAll('[data-chart]').length") == 0
