"""Global ids."""

from __future__ import annotations

import base64

import pytest

from linkage.api.ids import LONGEST, NodeId, named, parse
from linkage.errors import BadInput


@pytest.mark.parametrize("identity", ["a1", "ünïcode/:+", "with:colon", "x" * 1_000])
def test_an_id_reads_back_as_it_was_written(identity: str) -> None:
    assert parse(str(NodeId("Account", identity))) == NodeId("Account", identity)


@pytest.mark.parametrize(
    "text",
    ["", "%%%", base64.b64encode(b"\xff\xfe").decode(), base64.b64encode(b"Query:1").decode(), "A" * (LONGEST + 4)],
)
def test_what_is_no_id_of_ours_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (str(NodeId("Cluster", "c1")), NodeId("Cluster", "c1")),
        ("account:a1", NodeId("Account", "a1")),
        ("organisation:o:1", NodeId("Organisation", "o:1")),
        ("a1", NodeId("Account", "a1")),
        ("urn:a1", NodeId("Account", "urn:a1")),
    ],
)
def test_people_may_name_a_subject_plainly(text: str, found: NodeId) -> None:
    assert named(text, "Account") == found


@pytest.mark.parametrize("text", ["", "x" * (LONGEST + 1), "a\0b"])
def test_what_can_be_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        named(text, "Account")
