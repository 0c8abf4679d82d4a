from __future__ import annotations

from correlates.report import Used, markdown
from correlates.report.methods import paragraphs, references

QPCR = Used(
    topic="Assay",
    names=("car",),
    label="Quantitative PCR",
    formula="quantity = 10^((Cq - b) / m)",
    citation="Bustin 2009",
    settings=(("accept.r_squared", "0.98"), ("rerun", "True")),
)
RATIO = Used(
    topic="Parameter", names=("R", "S"), label="{numerator} per {denominator}", formula="a / b", citation="Locke 2020"
)
PLAIN = Used(topic="Parameter", names=(), label="age", formula="as recorded", citation="")
AGAIN = Used(topic="Parameter", names=("T",), label="other", formula="a - b", citation="Bustin 2009")


def test_each_thing_used_is_a_paragraph_with_its_number_and_settings():
    used = (QPCR, RATIO, PLAIN, AGAIN)
    assert references(used) == ("Bustin 2009", "Locke 2020")
    assert paragraphs(used, references(used)) == (
        "Quantitative PCR (car). Quantity = 10^((Cq - b) / m) [1]. Settings: accept r squared 0.98; rerun yes.",
        "Numerator per denominator (R, S). A / b [2].",
        "Age. As recorded.",
        "Other (T). A - b [1].",
    )


def test_the_document_has_a_heading_per_topic_and_numbered_references():
    text = markdown("Trial", (QPCR, RATIO), ("Days are relative.",))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# Methods: Trial", "## Assays", "## Parameters", "## References"]
    assert "1. Bustin 2009\n2. Locke 2020\n" in text
