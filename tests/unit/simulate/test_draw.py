"""A drawn trial: complete, repeatable, and consistent from table to table."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from correlates.simulate import DEFAULT, Trial, draw
from correlates.simulate.cytokines import ANALYTES
from correlates.simulate.schedule import VISITS
from correlates.stats.kinetic_curve import KineticCurve

FRAMES = [f.name for f in fields(Trial) if f.name != "seed"]
# columns of each table as the description of a trial names them
DECLARED = {
    "patients": "subject_id age sex ecog subtype stage ipi infusion_date foldx tmax cmax alpha fb beta spd peak auc_0_28 best_response "
    "durability crs_grade ne_grade progression_day death_day new_therapy_day transplant_day last_contact_day tocilizumab steroids",
    "product": "subject_id viable_dose_1e6 doubling_time_days cd4_cd8_ratio ccr7_cd45ra_percent cd8_percent vcn transduction_percent "
    "viability_percent ifng_coculture_pg_ml weight_kg",
    "samples": "sample_id subject_id matrix visit nominal_day study_day dna_ng lymphocytes_per_ul monocytes_per_ul car_cells_per_ul missed",
    "cytokines": "sample_id analyte panel pg_ml",
    "lesions": "subject_id lesion_id kind location visit day ldiam_mm lperp_mm state",
    "assessments": "subject_id visit day response",
    "adverse_events": "subject_id term category grade scale start_day end_day",
    "treatments": "subject_id treatment category dose dose_unit day",
    "labs": "subject_id test label value unit upper_normal lower_normal visit day",
    "disposition": "subject_id event day",
}


@pytest.fixture(scope="module")
def trial() -> Trial:
    return draw(5, 600)


@pytest.mark.parametrize("name", FRAMES)
def test_same_seed_same_trial(name: str) -> None:
    assert_frame_equal(getattr(draw(3, 30), name), getattr(draw(3, 30), name), check_exact=True)


def test_other_seed_other_trial() -> None:
    assert draw(3, 30).patients["cmax"].to_list() != draw(4, 30).patients["cmax"].to_list()


@pytest.mark.parametrize("n", [1, 2, 9, 1200])
def test_any_number_of_subjects(n: int) -> None:
    drawn = draw(1, n)
    assert drawn.patients.height == n
    assert drawn.patients["subject_id"].n_unique() == n
    assert drawn.samples["sample_id"].n_unique() == drawn.samples.height


@pytest.mark.parametrize(("seed", "n"), [(1, 0), (-1, 10)])
def test_no_subjects_and_negative_seeds_are_refused(seed: int, n: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        draw(seed, n)


@pytest.mark.parametrize("name", FRAMES)
def test_declared_columns_and_finite_numbers(trial: Trial, name: str) -> None:
    frame = getattr(trial, name)
    assert set(DECLARED[name].split()) <= set(frame.columns)
    for column in frame.select(pl.selectors.float()).iter_columns():
        assert column.drop_nulls().is_finite().all(), column.name


def test_every_table_speaks_of_the_same_subjects(trial: Trial) -> None:
    subjects = set(trial.patients["subject_id"])
    for name in FRAMES:
        frame = getattr(trial, name)
        if "subject_id" in frame.columns:
            assert set(frame["subject_id"]) <= subjects, name
    assert set(trial.product["subject_id"]) == subjects


def test_samples_hold_the_curve_of_their_subject(trial: Trial) -> None:
    blood = trial.samples.filter((pl.col("matrix") == "blood") & ~pl.col("missed")).join(
        trial.patients, on="subject_id"
    )
    before = blood.filter(pl.col("study_day") < 0)
    assert (before["car_cells_per_ul"] == 0.0).all()
    after = blood.filter(pl.col("study_day") > 0)
    curve = KineticCurve(**{p: after[p].to_numpy() for p in ("foldx", "tmax", "cmax", "alpha", "fb", "beta")})
    assert after["car_cells_per_ul"].to_numpy() == pytest.approx(
        curve.at(after["study_day"].to_numpy().astype(float)), rel=1e-12
    )
    assert (blood["lymphocytes_per_ul"] >= blood["car_cells_per_ul"].round() - 1.0).all()
    assert (blood["dna_ng"] > 0.0).all()


def test_peak_and_area_are_those_of_the_curve(trial: Trial) -> None:
    p = trial.patients
    alive = pl.col("death_day").is_null() | (pl.col("death_day") > pl.col("tmax"))
    early = p.filter((pl.col("tmax") <= 28) & alive)
    assert early["peak"].to_numpy() == pytest.approx(early["cmax"].to_numpy(), rel=1e-12)
    assert (
        p["sampled_peak"].drop_nulls() <= p.filter(pl.col("sampled_peak").is_not_null())["peak"] * (1 + 1e-12)
    ).all()


def test_schedule_about_ten_blood_samples_each_on_days_in_their_window(trial: Trial) -> None:
    taken = trial.samples.filter(~pl.col("missed"))
    windows = {v.name: (v.earliest, v.latest) for v in VISITS}
    for visit, day in taken.select("visit", "study_day").unique().iter_rows():
        assert windows[visit][0] <= day <= windows[visit][1]
    per_subject = taken.group_by("matrix").agg((pl.len() / trial.patients.height).alias("each"))
    each = dict(per_subject.iter_rows())
    assert 8.0 < each["blood"] < 11.0
    assert 6.0 < each["serum"] < 8.0
    missed = trial.samples["missed"].mean()
    assert missed is not None
    assert 0.01 < float(missed) < 0.05
    assert (
        trial.samples.filter("missed").select("car_cells_per_ul", "dna_ng").null_count().row(0)
        == (trial.samples["missed"].sum(),) * 2
    )
    assert (taken["study_day"] != taken["nominal_day"]).any()
    planned = {v.name: v.day for v in VISITS}
    assert all(planned[v] == d for v, d in taken.select("visit", "nominal_day").unique().iter_rows())


def test_no_sample_after_death_or_last_contact(trial: Trial) -> None:
    together = trial.samples.join(trial.patients, on="subject_id")
    assert (together["study_day"] < together["last_contact_day"]).all()


def test_cytokines_every_analyte_of_every_serum_sample_taken(trial: Trial) -> None:
    serum = trial.samples.filter((pl.col("matrix") == "serum") & ~pl.col("missed"))
    assert trial.cytokines.height == serum.height * len(ANALYTES)
    assert set(trial.cytokines["sample_id"]) == set(serum["sample_id"])
    assert (trial.cytokines["pg_ml"] > 0.0).all()


def test_some_analytes_lie_largely_below_quantification_and_some_above(trial: Trial) -> None:
    limits = pl.DataFrame(
        {"analyte": [a.code for a in ANALYTES], "lloq": [a.lloq for a in ANALYTES], "uloq": [a.uloq for a in ANALYTES]}
    )
    shares = (
        trial.cytokines.join(limits, on="analyte")
        .group_by("analyte")
        .agg(below=(pl.col("pg_ml") < pl.col("lloq")).mean(), above=(pl.col("pg_ml") > pl.col("uloq")).mean())
    )
    assert shares.filter(pl.col("below") > 0.5).height >= 5
    assert shares.filter(pl.col("below") < 0.05).height >= 15
    assert shares.filter(pl.col("above") > 0.005).height >= 2


def test_conditioning_raises_il15_il7_and_ccl2_by_day_0(trial: Trial) -> None:
    levels = trial.cytokines.join(trial.samples.select("sample_id", "visit"), on="sample_id")
    middle = (
        levels.group_by("analyte", "visit")
        .agg(pl.col("pg_ml").median())
        .pivot(on="visit", index="analyte", values="pg_ml")
    )
    fold = dict(middle.select("analyte", pl.col("Day 0") / pl.col("Baseline")).iter_rows())
    assert fold["IL15"] > 4.0
    assert fold["IL7"] > 2.0
    assert fold["CCL2"] > 1.6
    assert 0.7 < fold["TNFA"] < 1.4


def test_il15_of_day_0_is_the_one_of_the_graph(trial: Trial) -> None:
    il15 = trial.cytokines.filter(pl.col("analyte") == "IL15").join(
        trial.samples.filter(pl.col("visit") == "Day 0"), on="sample_id"
    )
    both = il15.join(trial.patients.select("subject_id", "il15_day0_pg_ml"), on="subject_id")
    assert both["pg_ml"].to_numpy() == pytest.approx(both["il15_day0_pg_ml"].to_numpy(), rel=1e-12)


def test_maximum_grades_are_those_of_the_adverse_events(trial: Trial) -> None:
    worst = (
        trial.adverse_events.group_by("subject_id", "category")
        .agg(pl.col("grade").max())
        .pivot(on="category", index="subject_id", values="grade")
    )
    both = trial.patients.join(worst, on="subject_id", how="left").with_columns(
        pl.col("CRS", "NEUROLOGIC").fill_null(0)
    )
    assert both["CRS"].to_list() == both["crs_grade"].to_list()
    assert both["NEUROLOGIC"].to_list() == both["ne_grade"].to_list()
    assert set(trial.adverse_events.filter(pl.col("category") == "CRS")["scale"]) == {"lee_2014"}
    assert set(trial.adverse_events.filter(pl.col("category") != "CRS")["scale"]) == {"ctcae_4_03"}
    assert (trial.adverse_events["start_day"] <= trial.adverse_events["end_day"]).all()


def test_fatal_crs_ends_in_death(trial: Trial) -> None:
    fatal = trial.patients.filter(pl.col("crs_grade") == 5)
    assert fatal.height > 0
    assert (fatal["death_day"] <= 28).all()


def test_treatments_of_every_subject(trial: Trial) -> None:
    given = trial.treatments
    conditioning = given.filter(pl.col("category") == "CONDITIONING")
    assert conditioning.height == 6 * trial.patients.height
    assert set(conditioning["day"]) == {-5, -4, -3}
    infusion = given.filter(pl.col("category") == "STUDY TREATMENT").join(trial.product, on="subject_id")
    assert infusion.height == trial.patients.height
    assert infusion["dose"].to_list() == infusion["viable_dose_1e6"].to_list()
    assert (infusion["day"] == 0).all()
    first = given.filter(pl.col("treatment") == "TOCILIZUMAB").group_by("subject_id").agg(pl.col("day").min())
    both = trial.patients.join(first, on="subject_id", how="left")
    assert both["day"].to_list() == both["tocilizumab_day"].to_list()
    assert both.select((pl.col("day").is_not_null() == pl.col("tocilizumab")).all()).item()


def test_numbers_infused_are_shares_of_the_dose(trial: Trial) -> None:
    q = trial.product
    assert q["viable_dose_1e6"].max() == 200.0
    assert q["ccr7_cd45ra_1e6"].to_numpy() == pytest.approx(
        (q["viable_dose_1e6"] * q["ccr7_cd45ra_percent"] / 100).to_numpy(), rel=0.01, abs=0.01
    )
    assert q["cd4_cd8_ratio"].to_numpy() == pytest.approx(
        ((100 - q["cd8_percent"]) / q["cd8_percent"]).to_numpy(), abs=1e-4
    )


def test_lab_counts_are_those_of_the_blood_sample_of_the_day(trial: Trial) -> None:
    blood = trial.samples.filter((pl.col("matrix") == "blood") & ~pl.col("missed"))
    alc = trial.labs.filter(pl.col("test") == "ALC")
    both = blood.join(alc, left_on=["subject_id", "study_day"], right_on=["subject_id", "day"])
    assert both.height > trial.patients.height
    assert both["value"].to_numpy() == pytest.approx(
        both["lymphocytes_per_ul"].to_numpy() / 1000, abs=0.0051
    )  # two decimals


def test_labs_before_conditioning_and_to_week_4(trial: Trial) -> None:
    assert set(trial.labs["visit"]) == {"Baseline", "Day 0", "Day 3", "Day 7", "Week 2", "Week 4"}
    assert (trial.labs.filter(pl.col("visit") == "Baseline")["day"] <= -6).all()
    assert {"LDH", "CRP", "FERRITIN", "ALC", "AMC", "ANC", "PLAT", "HGB", "CREAT", "ALB"} == set(trial.labs["test"])


def test_common_cut_off_date(trial: Trial) -> None:
    closed = trial.disposition.filter(pl.col("event") == "DATA CUT-OFF").join(trial.patients, on="subject_id")
    assert closed.select(pl.col("infusion_date") + pl.duration(days=pl.col("day"))).to_series().n_unique() == 1


def test_disposition_holds_what_happened(trial: Trial) -> None:
    for event, column in (
        ("DEATH", "death_day"),
        ("NEW ANTICANCER THERAPY", "new_therapy_day"),
        ("STEM CELL TRANSPLANT", "transplant_day"),
    ):
        told = dict(trial.disposition.filter(pl.col("event") == event).select("subject_id", "day").iter_rows())
        assert told == dict(trial.patients.drop_nulls(column).select("subject_id", column).iter_rows())


def test_most_but_not_all_have_a_year_of_follow_up() -> None:
    short = [
        draw(seed).patients.filter(pl.col("death_day").is_null() & (pl.col("last_contact_day") < 365)).height
        for seed in range(12)
    ]
    assert 1.0 < float(np.mean(short)) < 10.0


def test_prespecified_covariates_are_independent_of_all_that_matters() -> None:
    n = 4000
    p = draw(2, n).patients
    codes = {
        "age": p["age"].to_numpy(), "ecog": p["ecog"].to_numpy(), "ipi": p["ipi"].to_numpy(),
        "subtype": (p["subtype"] == "DLBCL").to_numpy(), "stage": p["stage"].replace_strict({"I": 1, "II": 2, "III": 3, "IV": 4}).to_numpy(),
    }  # fmt: skip
    latent = [c for c in p.columns if c.startswith("latent_")]
    for code in codes.values():
        for name in (*latent, "cmax", "spd"):
            values = np.log(p[name].to_numpy()) if name in ("cmax", "spd") else p[name].to_numpy()
            assert abs(np.corrcoef(code.astype(float), values)[0, 1]) < 4.5 / n**0.5, name  # 40 comparisons


def test_without_effects_into_efficacy_outcome_and_peak_are_unrelated() -> None:
    p = draw(8, 4000, coefficients=DEFAULT.without("efficacy")).patients
    durable = (p["durability"] == "durable").to_numpy().astype(float)
    assert abs(np.corrcoef(durable, np.log(p["peak"].to_numpy()))[0, 1]) < 4.0 / 4000**0.5


def test_docstring_of_a_trial_names_every_column(trial: Trial) -> None:
    text = Trial.__doc__ or ""
    named = set(re.findall(r"``(\w+)``", text))
    for name in FRAMES:
        extra = {c for c in getattr(trial, name).columns if not c.startswith("latent_")} - named
        assert not extra, (name, extra)
