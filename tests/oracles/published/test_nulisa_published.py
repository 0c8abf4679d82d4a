"""24 published Wilcoxon P values of a CAR T-cell cohort, and their Benjamini-Hochberg values, reached through the stage.

Samples of the NULISA-CART proteome cohort (jcbeer/NULISA-CART-Proteome): two protein-cluster scores between patients with and without
severe toxicity, by expansion group and day. The sample is the unit, as published. Tolerance 1e-9 relative: all are exact tests, and
the scores are given with full precision.
"""

from __future__ import annotations

import polars as pl
import pytest
from openpyxl import load_workbook
from tests.external import external

from correlates.association import Biomarker, Endpoint, Univariable, associate
from correlates.stats.multiplicity import Adjust, adjust
from correlates.terms import OutcomeKind

DAYS = ("DA", "DAY_0", "DAY_1_2", "DAY_3_5", "DAY_6_9", "DAY_11_16")
SCORES = (
    Biomarker(code="effector_score", label="Effector", group="scores"),
    Biomarker(code="vascular_score", label="Vascular", group="scores"),
)
SEVERE = Endpoint(
    name="any_severe_tox",
    label="Any severe toxicity",
    kind=OutcomeKind.BINARY,
    levels=("No/Mild Toxicity", "Severe Toxicity"),
)


def _table() -> pl.DataFrame:
    frame = pl.read_csv(external("data/cohorts/nulisa_cart/derived_combined_scores.csv")).rename(
        {"SampleName": "subject_id"}
    )
    return frame.with_columns(
        ((pl.col("expansion_group") == group) & (pl.col("day_cat") == day)).alias(f"population:{group}|{day}")
        for group in ("High Expansion", "Low Expansion")
        for day in DAYS
    )


@pytest.mark.parametrize("group", ["High Expansion", "Low Expansion"])
def test_all_published_p_values(group):
    published = pl.read_csv(external("data/cohorts/nulisa_cart/derived_pval_results.csv")).filter(expansion_group=group)
    results = associate(
        _table(),
        SCORES,
        (SEVERE,),
        Univariable(
            name=group,
            methods=("wilcoxon",),
            populations=tuple(f"{group}|{day}" for day in DAYS),
            families=("analysis_id", "biomarker"),
            adjust="bh",
            unit_of="patientID",
        ),
    )
    assert set(results.filter(stat_name="variant")["text"]) == {"exact"}
    compared = 0
    for cluster, day, p, adjusted in published.select("cluster", "day_cat", "p_value", "p_adj").iter_rows():
        mine = results.filter(biomarker=f"{cluster.lower()}_score", population=f"{group}|{day}")
        assert mine.filter(stat_name="p")["value"][0] == pytest.approx(p, rel=1e-9)
        assert mine.filter(stat_name="p_adjusted")["value"][0] == pytest.approx(adjusted, rel=1e-9)
        compared += 1
    assert compared == 12


@pytest.mark.parametrize("sheet", ["CRS_DayOfApheresis", "CRS_Day0", "ICANS_DayOfApheresis", "ICANS_Day0"])
def test_false_discovery_rates_of_204_proteins(sheet):
    """The published P values of a Cox model per protein, adjusted within their table, are the published false discovery rates."""
    book = load_workbook(external("data/cohorts/nulisa_cart/SuppTable5_cox_PH_results.xlsx"), read_only=True)
    book[sheet].reset_dimensions()
    (headings, *cells) = book[sheet].iter_rows(values_only=True)
    table = pl.DataFrame(cells, schema=list(headings), orient="row")
    assert table.height == 204
    found = adjust(table["pval"].to_numpy(), Adjust.BH)
    assert found == pytest.approx(table["pval_FDR"].to_numpy(), rel=1e-9)
