"""The tree of errors is what its picture says."""

from linkage import errors


def _tree(error: type[errors.LinkageError]) -> set[type[errors.LinkageError]]:
    return {error}.union(*(_tree(child) for child in error.__subclasses__()))


def test_every_error_stands_in_the_picture_with_its_code() -> None:
    picture = errors.__doc__ or ""
    for error in _tree(errors.LinkageError):
        assert error.__name__ in picture


def test_a_leaf_of_the_tree_has_a_code_of_its_own_unless_it_is_plain_bad_input() -> None:
    leaves = [error for error in _tree(errors.LinkageError) if not error.__subclasses__()]
    codes = [error.code for error in leaves]
    assert len(set(codes)) == len(codes)


def test_an_error_reads_as_message_faults_and_next_step() -> None:
    error = errors.BadMapping("the mapping has 2 faults", details=["line 1", "line 2"], next_step="Mend them.")
    assert str(error) == "the mapping has 2 faults\n  - line 1\n  - line 2\nMend them."


def test_a_wrong_call_exits_with_2_and_failed_work_with_1() -> None:
    assert errors.BadInput.exit_status == 2
    assert errors.DatabaseUnavailable.exit_status == 1
