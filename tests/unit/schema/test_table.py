import polars as pl
import pytest

from correlates.errors import InputError
from correlates.schema import ANALYSIS, SAMPLES, TABLES, conform


def codes(error: InputError) -> set[str]:
    return {problem.code for problem in error.problems}


def test_a_good_frame_gets_the_declared_columns_and_types():
    frame = conform(pl.DataFrame({"subject_id": ["s"], "sample_id": ["a"], "dna_ng": [50]}), SAMPLES)
    assert tuple(frame.columns) == SAMPLES.names
    assert frame.schema["dna_ng"] == pl.Float64
    assert frame["study_day"].to_list() == [None]


def test_every_deviation_is_reported_at_once_with_file_row_and_column():
    bad = pl.DataFrame(
        {
            "sample_id": ["a", "b", "c"],
            "subject_id": ["s", None, "t"],
            "dna_ng": [1.0, float("nan"), -2.0],
            "nominal_day": ["1", "x", "3"],
            "studyday": [1, 2, 3],
        }
    )
    with pytest.raises(InputError) as caught:
        conform(bad, SAMPLES, file="samples.csv")
    assert codes(caught.value) == {"unknown-column", "null", "not-finite", "too-low", "wrong-type"}
    text = str(caught.value)
    assert "Did you mean 'study_day'?" in text
    assert "samples.csv, row 2, column 'nominal_day'" in text
    assert "samples.csv, row 3, column 'dna_ng'" in text


def test_rows_are_named_by_their_number_in_the_file():
    frame = pl.DataFrame({"sample_id": ["a", "b"], "subject_id": ["s", None], "line": [7, 9]})
    with pytest.raises(InputError, match="row 9"):
        conform(frame.select("sample_id", "subject_id", "line"), SAMPLES, rows="line")


def test_a_key_that_stands_twice_is_named():
    with pytest.raises(InputError, match=r"sample_id = 'a'"):
        conform(pl.DataFrame({"sample_id": ["a", "a"], "subject_id": ["s", "s"]}), SAMPLES)


def test_words_outside_the_terms_are_refused():
    from correlates.schema import WELLS

    row = {
        "well_id": "w",
        "file_id": "f",
        "plate": "p",
        "well": "A1",
        "target": "CAR",
        "role": "standrad",
        "signal_kind": "cq",
        "extras": "{}",
    }
    with pytest.raises(InputError, match=r"standrad.*unknown, standard, ntc, qc, blank"):
        conform(WELLS.frame([row]), WELLS)


def test_an_open_table_keeps_its_further_columns():
    frame = conform(pl.DataFrame({"CMAX": [1.0], "subject_id": ["s"]}), ANALYSIS)
    assert frame.columns == ["subject_id", "CMAX"]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_each_table_is_well_declared(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert all(column.meaning for column in table.columns)
    assert conform(table.empty(), table).height == 0
    for name in table.key:
        assert not table.column(name).nullable


def test_table_names_are_unique():
    assert len({t.name for t in TABLES}) == len(TABLES)
