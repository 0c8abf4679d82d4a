"""Correlates: biomarker analysis of engineered-cell therapy trials."""
