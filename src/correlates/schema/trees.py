"""Trees: the nodes of conditional inference trees."""

from correlates.schema.table import NUMBER, TEXT, TEXTS, WHOLE, Column, Table

TREES = Table(
    name="trees",
    row="node of a tree",
    key=("analysis_id", "endpoint", "population", "node"),
    columns=(
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="name of the endpoint"),
        Column(name="population", dtype=TEXT, nullable=False, meaning="name of the population"),
        Column(name="node", dtype=WHOLE, nullable=False, minimum=1, meaning="number of the node; 1 is the root"),
        Column(name="parent", dtype=WHOLE, meaning="number of the node above it; null for the root"),
        Column(name="side", dtype=TEXT, meaning="left or right of its parent; null for the root"),
        Column(name="biomarker", dtype=TEXT, meaning="code of the biomarker that splits it; null for a leaf"),
        Column(name="threshold", dtype=NUMBER, meaning="values up to it go left; null for a leaf or categories"),
        Column(name="categories", dtype=TEXTS, nullable=False, meaning="categories that go left"),
        Column(name="n", dtype=WHOLE, nullable=False, minimum=0, meaning="subjects"),
        Column(name="n_event", dtype=WHOLE, minimum=0, meaning="subjects with the event; null for other outcomes"),
        Column(name="mean", dtype=NUMBER, meaning="mean score: share of events, mean grade, or mean log-rank score"),
        Column(
            name="p_node",
            dtype=NUMBER,
            meaning="P of the biomarker tested best in the node, adjusted for their number; null where none was tested",
        ),
    ),
)
