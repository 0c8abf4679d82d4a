"""The assays run backwards: instrument files written from true concentrations, one module per software."""
