"""Biomarker analysis of engineered-cell therapy trials: from instrument exports and clinical records to one report.

The names below are the public interface; everything else may change between versions. Each is imported from its module
when it is first used, so that ``import correlates`` costs nothing. Verbs are functions (``run_plan``, ``read_export``);
capitals are registries, hand-written tuples of records (``READERS``, ``METHODS``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from correlates._version import __version__

if TYPE_CHECKING:
    from correlates.association import METHODS, associate, compare
    from correlates.dataset.build import build as build_dataset
    from correlates.endpoints import ENDPOINTS
    from correlates.endpoints.derive import derive as derive_endpoints
    from correlates.errors import CorrelatesError
    from correlates.figures import FIGURES
    from correlates.parameters import PARAMETERS
    from correlates.parameters.derive import derive as derive_parameters
    from correlates.pipeline.run import check as check_plan
    from correlates.pipeline.run import run as run_plan
    from correlates.pipeline.store import open_run
    from correlates.pipeline.trace import trace_result, trace_value
    from correlates.plan import load_plan
    from correlates.quantify import QUANTIFIERS
    from correlates.quantify import quantify as quantify_wells
    from correlates.readers import READERS
    from correlates.readers import read as read_export
    from correlates.simulate import draw as draw_trial
    from correlates.simulate.write import write_trial

# No name may be that of a subpackage (quantify, parameters, ...): importing the subpackage would take its place.
_HOMES = {
    # a plan
    "load_plan": ("correlates.plan", "load_plan"),
    "check_plan": ("correlates.pipeline.run", "check"),
    "run_plan": ("correlates.pipeline.run", "run"),
    # a finished run
    "open_run": ("correlates.pipeline.store", "open_run"),
    "trace_value": ("correlates.pipeline.trace", "trace_value"),
    "trace_result": ("correlates.pipeline.trace", "trace_result"),
    # the stages, one by one
    "read_export": ("correlates.readers", "read"),
    "quantify_wells": ("correlates.quantify", "quantify"),
    "derive_parameters": ("correlates.parameters.derive", "derive"),
    "derive_endpoints": ("correlates.endpoints.derive", "derive"),
    "build_dataset": ("correlates.dataset.build", "build"),
    "associate": ("correlates.association", "associate"),
    "compare": ("correlates.association", "compare"),
    # a trial with known truth
    "draw_trial": ("correlates.simulate", "draw"),
    "write_trial": ("correlates.simulate.write", "write_trial"),
    # what there is
    "READERS": ("correlates.readers", "READERS"),
    "QUANTIFIERS": ("correlates.quantify", "QUANTIFIERS"),
    "PARAMETERS": ("correlates.parameters", "PARAMETERS"),
    "ENDPOINTS": ("correlates.endpoints", "ENDPOINTS"),
    "METHODS": ("correlates.association", "METHODS"),
    "FIGURES": ("correlates.figures", "FIGURES"),
    # what can go wrong
    "CorrelatesError": ("correlates.errors", "CorrelatesError"),
}

__all__ = [
    "ENDPOINTS",
    "FIGURES",
    "METHODS",
    "PARAMETERS",
    "QUANTIFIERS",
    "READERS",
    "CorrelatesError",
    "__version__",
    "associate",
    "build_dataset",
    "check_plan",
    "compare",
    "derive_endpoints",
    "derive_parameters",
    "draw_trial",
    "load_plan",
    "open_run",
    "quantify_wells",
    "read_export",
    "run_plan",
    "trace_result",
    "trace_value",
    "write_trial",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
