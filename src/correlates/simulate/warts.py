"""Warts: the faults of real data that a simulated trial's files carry, each of which can be left out.

Values below quantification, wells without a Cq and droplet wells without a call arise by themselves from the truth and
are no warts. What was planted, and where, stands in ``truth.parquet`` at level ``wart`` under the code of the wart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Wart:
    """A fault that can be planted: ``code``, the file it stands in, what it is and what an analysis should do."""

    code: str
    file: str
    what: str
    remedy: str


WARTS: tuple[Wart, ...] = (
    Wart(
        code="qpcr_failed_plate",
        file="exports/qpcr",
        what="The standards of one plate were diluted badly: slope near -2.8 and scatter between levels",
        remedy="The plate fails its acceptance rule and none of its samples is reported from it",
    ),
    Wart(
        code="qpcr_rerun",
        file="exports/qpcr",
        what="Part of the samples of the failed plate stand again on a later plate",
        remedy="The accepted plate is used; the samples that were not repeated stay without a value",
    ),
    Wart(
        code="control_samples",
        file="exports/qpcr",
        what="Quality controls run as UNKNOWN under names that no manifest lists (QC-HIGH, QC-LOW)",
        remedy="They are recognised as controls, not reported as samples without a subject",
    ),
    Wart(
        code="ddpcr_low_droplets",
        file="exports/ddpcr",
        what="One of the two wells of a sample made too few droplets",
        remedy="The well is left out; the sample rests on the other well",
    ),
    Wart(
        code="luminex_shifted_decimal",
        file="exports/luminex",
        what="The expected concentration of one standard of one analyte is typed in ten times too low on one plate",
        remedy="The value that breaks the geometric series is named and its wells are left out of the curve",
    ),
    Wart(
        code="luminex_low_beads",
        file="exports/luminex",
        what="One sample well was partly clogged: few beads of every region",
        remedy="The well is left out; the sample rests on its duplicate",
    ),
    Wart(
        code="missed_visits",
        file="samples.csv",
        what="Visits that did not take place have no row in the manifest and none in the exports",
        remedy="Parameters whose window is not covered are null with a reason",
    ),
    Wart(
        code="duplicated_subject",
        file="product.csv",
        what="The record of one subject stands twice, identically",
        remedy="Counted once, and said",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warts:
    """Which warts are planted; the fields are the codes of ``WARTS``."""

    qpcr_failed_plate: bool = True
    qpcr_rerun: bool = True
    control_samples: bool = True
    ddpcr_low_droplets: bool = True
    luminex_shifted_decimal: bool = True
    luminex_low_beads: bool = True
    missed_visits: bool = True
    duplicated_subject: bool = True

    def without(self, *codes: str) -> Warts:
        """The same warts without those named."""
        return replace(self, **dict.fromkeys(codes, False))


DEFAULT = Warts()
"""Every wart."""

CLEAN = DEFAULT.without(*(field.name for field in fields(Warts)))
"""No wart: files as a careful laboratory hopes for."""
