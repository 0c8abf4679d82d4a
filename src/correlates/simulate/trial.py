"""What a simulated trial is, before any instrument has seen it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial with known truth. Days are relative to the infusion (day 0); frames are polars.

    Attributes
    ----------
    seed
        The seed it was drawn with.
    patients
        One row per subject: ``subject_id``, ``age``, ``sex``, ``ecog``, ``subtype``, ``stage``, ``ipi``,
        ``infusion_date`` (date), the latent variables of the causal graph, the true kinetic parameters (``foldx``,
        ``tmax``, ``cmax``, ``alpha``, ``fb``, ``beta``; cells/uL and days), ``spd`` (mm2, baseline), ``peak``
        (true maximum from day 0 to 28 while alive, cells/uL), ``auc_0_28`` (closed form, day x cells/uL),
        ``best_response``, ``durability`` (what the default rules give with the follow-up this subject has),
        ``crs_grade``, ``ne_grade``, ``progression_day``, ``death_day``, ``new_therapy_day``, ``transplant_day``,
        ``last_contact_day`` (null where it did not happen), ``tocilizumab``, ``steroids``.
        Also ``tocilizumab_day`` and ``steroids_day`` (first dose), ``sampled_peak`` (true maximum over the samples taken
        from day 0 to 28, what published peaks are compared with), ``il15_day0_pg_ml``, ``relapsed_after_landmark``
        (a responder whose documented progression came after day 365), ``uncensored_progression_day`` and
        ``uncensored_death_day`` (what happens when follow-up does not end). The latent variables are the columns
        ``latent_*``.
    product
        One row per subject: ``subject_id`` and the product attributes (``viable_dose_1e6``, ``doubling_time_days``,
        ``cd4_cd8_ratio``, ``ccr7_cd45ra_percent``, ``cd8_percent``, ``vcn``, ``transduction_percent``,
        ``viability_percent``, ``ifng_coculture_pg_ml``, ``weight_kg``, and the numbers infused ``ccr7_cd45ra_1e6`` and
        ``cd8_1e6``, shares of the viable dose).
    samples
        One row per blood or serum sample: ``sample_id``, ``subject_id``, ``matrix``, ``visit``, ``nominal_day``,
        ``study_day`` (may be fractional only by whole days: integers), ``dna_ng``, ``lymphocytes_per_ul``,
        ``monocytes_per_ul``, ``car_cells_per_ul`` (truth, blood only), ``missed`` (a missed visit has no sample file
        rows).
    cytokines
        ``sample_id``, ``analyte``, ``panel`` (``luminex`` or ``simple_plex``), ``pg_ml`` (truth).
    lesions
        ``subject_id``, ``lesion_id``, ``kind`` (target, non-target, new), ``location``, ``visit``, ``day``,
        ``ldiam_mm``, ``lperp_mm``, ``state`` (null, or ``TOO SMALL TO MEASURE``, ``NOT EVALUABLE``).
    assessments
        ``subject_id``, ``visit``, ``day``, ``response`` (overall, Lugano 2014 words CR PR SD PD NE).
    adverse_events
        ``subject_id``, ``term``, ``category`` (CRS, NEUROLOGIC, other), ``grade``, ``scale``, ``start_day``, ``end_day``.
    treatments
        ``subject_id``, ``treatment``, ``category`` (CONDITIONING, STUDY TREATMENT, CONCOMITANT), ``dose``,
        ``dose_unit``, ``day``.
    labs
        ``subject_id``, ``test`` (LDH, CRP, FERRITIN, ALC, ANC, PLAT, HGB, CREAT, ALB ...), ``label``, ``value``,
        ``unit``, ``upper_normal``, ``lower_normal``, ``visit``, ``day``.
    disposition
        ``subject_id``, ``event``, ``day``.
    """

    seed: int
    patients: pl.DataFrame
    product: pl.DataFrame
    samples: pl.DataFrame
    cytokines: pl.DataFrame
    lesions: pl.DataFrame
    assessments: pl.DataFrame
    adverse_events: pl.DataFrame
    treatments: pl.DataFrame
    labs: pl.DataFrame
    disposition: pl.DataFrame
