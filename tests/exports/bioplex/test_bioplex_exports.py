"""Bio-Plex Manager: every median, count and sample that allotropy finds."""

from __future__ import annotations

from tests.exports import allotrope
from tests.external import external

from correlates.readers import read

ROLES = {
    "standard sample role": "standard",
    "blank role": "blank",
    "control sample role": "qc",
    "unknown sample role": "unknown",
    "sample role": "unknown",
}


def test_medians_and_counts_agree_with_allotropy() -> None:
    """allotropy reads the wells whose beads the file lists; the readings of all other wells are checked by their number."""
    path = external("data/immunoassay/bioplex/bio-rad_bio-plex_manager_example_01.xml")
    wells = read(path).wells
    ours = {
        (w, t): (s, c, d, r)
        for w, t, s, c, d, r in wells.select("well", "target", "signal", "count", "dilution", "role").rows()
    }
    compared = 0
    for m in allotrope.measurements(allotrope.document(path, "BIORAD_BIOPLEX")):
        well = str(allotrope.text(m, "location identifier"))
        for analyte in (a for group in allotrope.find(m, "analyte document") for a in group):
            key = (well, analyte["analyte name"])
            medians = [
                value["value"]
                for value in allotrope.find(analyte, "statistical value")
                if value["has statistic datum role"] == "median role"
            ]
            signal, count, dilution, role = ours[key]
            assert [signal] == medians
            assert count == allotrope.number(analyte, "assay bead count")
            assert dilution == allotrope.number(m, "dilution factor setting")
            assert role == ROLES[str(allotrope.text(m, "sample role type"))]
            compared += 1
    assert compared == 120
    assert wells.height == 96 * 15
    assert wells["signal"].null_count() == 0
