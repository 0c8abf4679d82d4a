"""Figures, tables and methods to one self-contained HTML file."""

from correlates.report.compose import Facts, compose
from correlates.report.content import Block, Content, Section, Source, Text
from correlates.report.methods import Used, markdown
from correlates.report.page import render

__all__ = ["Block", "Content", "Facts", "Section", "Source", "Text", "Used", "compose", "markdown", "render"]
