"""Standards of Vermeulen 2009 (63 genes, five ten-fold levels): Cq from the fluorescence, and every level recovered."""

from __future__ import annotations

import polars as pl
import pytest
from tests.external import external

from correlates.quantify import quantify
from correlates.quantify.settings import Qpcr
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES

REPEATS = "ALUsq(Eurogentec)_20080228"
"""Not a gene: Alu repeats of the genome, in every reaction whatever was put in; its standards do not dilute."""


@pytest.fixture(scope="module")
def recovered() -> pl.DataFrame:
    wells = read(external("data/qpcr/rdml/data_vermeulen_std_150000_15.rdml")).wells
    targets = {t: (t,) for t in wells["target"].unique().sort()}
    settings = Qpcr(files=("x",), targets=targets, cq="second_derivative")
    made = quantify("v", wells, SAMPLES.empty(), PRODUCT.empty(), settings)
    points = made.curve_points.filter(pl.col("used") & (pl.col("role") == "standard"))
    joined = points.join(made.curves.select("curve_id", "target", "r_squared", "efficiency"), on="curve_id")
    return joined.with_columns(error=(pl.col("back_calculated") / pl.col("nominal")).log10())


def test_every_level_of_every_gene_is_recovered_within_015_log10(recovered: pl.DataFrame):
    genes = recovered.filter(pl.col("target") != REPEATS)
    assert genes["target"].n_unique() == 63
    levels = genes.group_by("target", "nominal").agg(pl.col("error").mean())
    assert levels.height == 63 * 5
    assert levels["error"].abs().max() < 0.15


def test_genes_amplify_with_plausible_efficiency(recovered: pl.DataFrame):
    genes = recovered.filter(pl.col("target") != REPEATS).unique("target")
    assert genes["efficiency"].median() == pytest.approx(0.95, abs=0.1)
    assert genes["r_squared"].min() > 0.97


def test_the_repeats_are_seen_not_to_dilute(recovered: pl.DataFrame):
    assert recovered.filter(pl.col("target") == REPEATS)["r_squared"][0] < 0.9
