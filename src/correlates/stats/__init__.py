"""Pure statistics: float arrays in, frozen results out.

Nothing here knows a biomarker, a file or a data frame. What is screened over panels is batched: ``x`` is (m, n), m biomarkers by
n subjects, with one group or outcome (n,) for all of them and a mask (m, n) of the values that are there. Where a quantity is
undefined for a row, its entry is NaN (the one place where NaN is spoken); the stage that called turns it into null with its reason.
"""
