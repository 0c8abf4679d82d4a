from correlates.errors import InputError, PlanError, Problem, Where, closest, unknown


def test_a_problem_says_what_where_found_expected_and_what_to_do():
    problem = Problem(
        code="x",
        what="Sample 'A' is not in the manifest",
        where=Where(file="plate.xlsx", sheet="Results", row=12, column="Sample Name"),
        found="3 wells of it",
        expected="a sample of the manifest",
        do="Add it",
    )
    assert str(problem) == (
        "Sample 'A' is not in the manifest (plate.xlsx, sheet 'Results', row 12, column 'Sample Name'). "
        "Found: 3 wells of it. Expected: a sample of the manifest. Add it."
    )


def test_a_place_in_a_plan_is_file_line_column():
    assert str(Where(file="plan.yaml", row=41, column=12)) == "plan.yaml:41:12"


def test_an_error_carries_all_problems_and_its_exit_code():
    error = InputError([Problem(code="a", what="one"), Problem(code="b", what="two")])
    assert [p.code for p in error.problems] == ["a", "b"]
    assert error.exit_code == 4
    assert str(error) == "one.\ntwo."
    assert error.as_dict()["error"] == "input"
    assert PlanError(Problem(code="a", what="x")).exit_code == 3


def test_the_closest_name_ignores_case_and_refuses_what_is_far():
    assert closest("auc0_30", ["AUC0_28", "CMAX", "TMAX"]) == "AUC0_28"
    assert closest("zzz", ["AUC0_28"]) is None


def test_an_unknown_name_lists_what_exists():
    text = str(unknown("parameter", "CMAXX", ["TMAX", "CMAX"], code="unknown-parameter"))
    assert text == "Unknown parameter 'CMAXX'. Expected: one of CMAX, TMAX. Did you mean 'CMAX'?"
