"""The kinds of endpoint that are a time to an event."""

from correlates.endpoints.record import EndpointKind
from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.time_to_event import derive_time_to_event

TIMES = (
    EndpointKind(
        code="time_to_event",
        label="Time to event",
        settings=TimeToEvent,
        needs=(
            "subjects",
            "assessments",
            "disposition",
            "exposure",
            "lesions",
            "labs",
            "adverse_events",
            "characteristics",
        ),
        function=derive_time_to_event,
        formula="days from the infusion (duration of response: from the first CR or PR) to the first event that counts; without one, to "
        "the last evaluable assessment (overall survival: the last day known alive), with the reason of censoring",
        citation="FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics, 2018, appendix 3, table A; EMA, "
        "EMA/CHMP/27994/2008/Rev.1, 2012",
        page="methods/time_to_event.md",
    ),
)
