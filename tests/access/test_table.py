"""The table of access: a row for everything there is, no row for anything else, and nothing by default."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type

from linkage.access.roles import Role
from linkage.access.table import TABLE, Action, action_of, roles_for, rule_of
from linkage.api.schema import build_schema

SCHEMA = build_schema()._schema
ROOTS = ("Query", "Mutation", "Subscription")
A_TYPE = {name: one for name, one in SCHEMA.type_map.items() if not name.startswith("__")}
OBJECTS = {name: one for name, one in A_TYPE.items() if isinstance(one, GraphQLObjectType)}


def rows_of_schema() -> Iterator[str]:
    for name, one in OBJECTS.items():
        for field, defined in one.fields.items():
            yield f"{name}.{field}"
            yield from (f"{name}.{field}({argument})" for argument in defined.args)


def test_every_field_has_a_row_of_its_own_or_of_its_type() -> None:
    missing = [
        row
        for row in rows_of_schema()
        if not row.endswith(")") and row not in TABLE and (row.split(".")[0] in ROOTS or row.split(".")[0] not in TABLE)
    ]
    assert missing == []


def test_every_row_is_of_something_that_is_there() -> None:
    there = {*rows_of_schema(), *OBJECTS, "Query.__schema", "Query.__type"}
    assert [row for row in TABLE if " " not in row and row not in there] == []


def test_what_has_no_row_is_denied_to_everybody() -> None:
    for row in ("Query.new", "Mutation.new", "New.field", "Query", "GET /new", ""):
        assert {action_of(role, row) for role in Role} == {Action.DENY}


def test_whoever_may_switch_something_on_may_ask_for_the_field() -> None:
    for row in TABLE:
        if row.endswith(")"):
            field = row.partition("(")[0]
            for role in Role:
                assert action_of(role, row) is Action.DENY or action_of(role, field) is not Action.DENY


def test_whatever_reveals_has_a_row_and_asks_for_a_purpose() -> None:
    for name, one in OBJECTS.items():
        for field, defined in one.fields.items():
            if "reveal" in defined.args:
                assert f"{name}.{field}(reveal)" in TABLE
                assert "purpose" in defined.args
                assert rule_of(f"{name}.{field}").mask == frozenset(Role)


def test_a_field_of_an_interface_is_as_open_as_on_every_type_behind_it() -> None:
    for one in A_TYPE.values():
        if isinstance(one, GraphQLInterfaceType):
            assert SCHEMA.get_possible_types(one)
            assert one.name not in TABLE


def test_a_viewer_and_a_service_reveal_nothing_decide_nothing_and_administer_nothing() -> None:
    for role in (Role.VIEWER, Role.SERVICE):
        assert not [row for row in TABLE if row.endswith("(reveal)") and action_of(role, row) is not Action.DENY]
        changing = {row for row in TABLE if row.startswith("Mutation.") and action_of(role, row) is not Action.DENY}
        assert changing <= {"Mutation.recordObservations", "Mutation.recordUsage", "Mutation.recordAccounts"}
    assert action_of(Role.VIEWER, "Mutation.recordAccounts") is Action.DENY


def test_who_may_is_told_in_words() -> None:
    assert roles_for("Mutation.decide") == "analyst or admin"
    assert roles_for("Identifier.value(reveal)", "Query.node") == "investigator, analyst or admin"
    assert roles_for("Query.audit") == "admin"
    assert roles_for("Query.new") == ""


def test_an_admin_is_denied_nothing_that_has_a_row() -> None:
    assert [row for row in TABLE if action_of(Role.ADMIN, row) is Action.DENY] == []


def test_every_mutation_but_those_that_send_facts_is_accounted_for() -> None:
    fields = OBJECTS["Mutation"].fields
    assert [
        name for name in fields if not name.startswith("record") and not rule_of(f"Mutation.{name}").accounted
    ] == []
    assert get_named_type(fields["decide"].type).name == "DecisionEffect"
