"""The plan file: a strict typed model, loaded with line and column, its names resolved."""

from correlates.plan.follow import biomarker_groups, expand
from correlates.plan.inputs import InputFiles, find_inputs
from correlates.plan.load import PlanFile, load_plan, plan_from_text, plan_schema
from correlates.plan.model import Plan
from correlates.plan.names import check_names

__all__ = [
    "InputFiles",
    "Plan",
    "PlanFile",
    "biomarker_groups",
    "check_names",
    "expand",
    "find_inputs",
    "load_plan",
    "plan_from_text",
    "plan_schema",
]
