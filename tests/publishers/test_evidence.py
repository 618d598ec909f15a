"""What was written once and is otherwise now is found, whoever changed it, and is named."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from publishing_world import World, line

from publishers import audit, evidence
from publishers.identities import speak_for

LINK = """
encode(sha256(convert_to(concat_ws('|', table_name, number, row_key, row_hash, {before}), 'UTF8')),
'hex')
"""


@pytest.fixture
def decided(warehouse_world: World) -> World:
    """Three approvals, numbered 2, 4 and 6: the server's stamp takes each number anew."""
    warehouse_world.propose([line(number) for number in (1, 2, 3)])
    for number in (1, 2, 3):
        warehouse_world.approve(line_keys=(line(number)["line_key"],))
    return warehouse_world


def _found(world: World, kept: list[evidence.Head] | None = None) -> set[tuple[str, str | None]]:
    with world.warehouse() as conn:
        return {(each.kind, each.row_key) for each in evidence.verify(conn, kept or [])}


def _tamper(world: World, table: str, statement: str) -> None:
    world.administer(
        f"alter table ops.{table} disable trigger user; {statement};"
        f" alter table ops.{table} enable trigger user"
    )


def test_what_nobody_touched_fits(published: World) -> None:
    assert _found(published) == set()
    links = published.query("select table_name, count(*) from ops.evidence group by 1 order by 1")
    assert {"line_approvals", "publications", "publication_lines", "publication_events"} <= {
        table for table, _count in links
    }


def test_ordinary_steps_of_a_document_change_no_link(published: World) -> None:
    before = published.query("select * from ops.evidence where table_name = 'publications'")
    published.publish()
    assert published.query("select * from ops.evidence where table_name = 'publications'") == before
    assert _found(published) == set()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update ops.line_approvals set note = 'forged' where approval_id = 4", "changed"),
        (
            "update ops.line_approvals set decided_at = decided_at - '1 day'::interval"
            " where approval_id = 4",
            "changed",
        ),
        ("delete from ops.line_approvals where approval_id = 4", "removed"),
    ],
)
def test_a_row_that_was_changed_or_removed_is_named(
    decided: World, statement: str, found: str
) -> None:
    _tamper(decided, "line_approvals", statement)
    assert _found(decided) == {(found, "4")}


def test_a_row_that_was_written_past_the_server_is_named(decided: World) -> None:
    _tamper(
        decided,
        "line_approvals",
        "insert into ops.line_approvals (approval_id, line_key, content_hash, decision, decided_by)"
        " overriding system value values (99, 'k', 'h', 'approve', 'fay')",
    )
    assert _found(decided) == {("added", "99")}


def test_a_closed_month_is_in_the_chain_too(warehouse_world: World) -> None:
    warehouse_world.query(
        "create table marts.dim_build as select build_id, as_of from ops.builds;"
        " create table marts.dim_services as select 'America/Toronto' as timezone"
    )
    with warehouse_world.warehouse() as conn, conn.cursor() as cursor:
        speak_for(cursor, "fay")
        cursor.execute(
            "insert into ops.month_closings (month, sheet, waited)"
            " values ('2026-01-01', '{\"sides\": []}', '[]')"
        )
    assert _found(warehouse_world) == set()
    ((key,),) = warehouse_world.query("select closing_id::text from ops.month_closings")
    _tamper(warehouse_world, "month_closings", "update ops.month_closings set sheet = '{}'")
    assert _found(warehouse_world) == {("changed", key)}


def test_two_rows_that_changed_places_are_named(decided: World) -> None:
    _tamper(
        decided,
        "line_approvals",
        "update ops.line_approvals as one set line_key = other.line_key, decided_at ="
        " other.decided_at, content_hash = other.content_hash, content = other.content"
        " from ops.line_approvals as other where (one.approval_id, other.approval_id)"
        " in ((2, 4), (4, 2))",
    )
    assert _found(decided) == {("changed", "2"), ("changed", "4")}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "delete from ops.evidence where table_name = 'line_approvals' and number = 2",
            {("added", "4"), ("broken", "6")},
        ),
        (
            "update ops.evidence set number = case number when 2 then -3 when 3 then -2 end"
            " where number in (2, 3) and table_name = 'line_approvals';"
            " update ops.evidence set number = -number where number < 0",
            {("broken", "6"), ("broken", "4")},
        ),
    ],
)
def test_a_chain_that_was_moved_or_cut_does_not_fit(
    decided: World, statement: str, found: set[tuple[str, str | None]]
) -> None:
    _tamper(decided, "evidence", statement)
    assert _found(decided) == found


def test_a_forged_row_with_a_forged_link_breaks_the_chain_behind_it(decided: World) -> None:
    _tamper(
        decided,
        "line_approvals",
        "update ops.line_approvals set note = 'forged' where approval_id = 4",
    )
    _tamper(decided, "evidence", _links_anew("number = 2"))
    assert _found(decided) == {("broken", "6")}


def test_a_chain_that_was_written_anew_as_a_whole_does_not_fit_its_kept_head(
    decided: World, tmp_path: Path
) -> None:
    file = tmp_path / "heads.jsonl"
    with decided.warehouse() as conn:
        evidence.keep_heads(conn, file)
    kept = evidence.kept_heads(file.read_text().splitlines(), file.name)
    assert _found(decided, kept) == set()
    _tamper(
        decided,
        "line_approvals",
        "update ops.line_approvals set note = 'forged' where approval_id = 4",
    )
    for number in (2, 3):
        _tamper(decided, "evidence", _links_anew(f"number = {number}"))
    assert _found(decided) == set()
    assert _found(decided, kept) == {("replaced", None)}


def test_rows_that_were_taken_off_the_end_do_not_fit_the_kept_head(decided: World) -> None:
    with decided.warehouse() as conn:
        kept = evidence.heads(conn)
    _tamper(decided, "line_approvals", "delete from ops.line_approvals where approval_id = 6")
    _tamper(
        decided,
        "evidence",
        "delete from ops.evidence where table_name = 'line_approvals' and number = 3",
    )
    assert _found(decided) == set()
    assert _found(decided, kept) == {("replaced", None)}


def test_a_file_of_heads_that_is_none_is_named_by_its_line() -> None:
    with pytest.raises(evidence.HeadsError, match=r"heads\.jsonl, line 2"):
        evidence.kept_heads([json.dumps({"heads": {}}), "nonsense"], "heads.jsonl")


def test_publishing_keeps_the_heads_where_it_is_told(
    world: World, customers: SimpleNamespace, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere" / "heads.jsonl"
    settings = world.settings.model_copy(update={"billing_heads": file})
    world.propose(world.lines(customers, 1))
    world.approve()
    from publishers.drafts import publish

    assert publish(settings, go=True, service=world.service).created == 1
    kept = evidence.kept_heads(file.read_text().splitlines(), file.name)
    assert {"publications", "line_approvals"} <= {head.table for head in kept}
    assert _found(world, kept) == set()


def test_a_published_line_had_its_approvals_at_its_claim(published: World) -> None:
    with published.warehouse() as conn:
        assert list(audit.approvals(conn)) == []
        assert list(audit.totals(conn)) == []


def test_an_approval_that_was_forged_after_the_claim_is_none(published: World) -> None:
    _tamper(
        published,
        "line_approvals",
        "update ops.line_approvals set decided_at = now() + '1 day'::interval",
    )
    with published.warehouse() as conn:
        [found] = audit.approvals(conn)
    assert found.kind == "not_approved"
    assert "had the approval of 0 of 1" in found.says


def test_a_ledger_whose_amount_was_changed_is_not_its_document(published: World) -> None:
    _tamper(
        published, "publication_lines", "update ops.publication_lines set amount = amount + 0.01"
    )
    assert {kind for kind, _key in _found(published)} == {"changed"}
    with published.warehouse() as conn:
        assert [each.kind for each in audit.totals(conn)] == ["other_total"]


def test_odoo_and_the_ledger_are_compared_both_ways(published: World) -> None:
    port = published.port("admin")
    with published.warehouse() as conn:
        assert list(audit.odoo(conn, port)) == []
    published.edit_draft(99.0)
    with published.warehouse() as conn:
        assert [each.kind for each in audit.odoo(conn, port)] == ["edited"]


def _links_anew(condition: str) -> str:
    """The link of a row as its table says now, as a thief who owns the tables would write it."""
    row = "encode(sha256(convert_to(jsonb_strip_nulls(to_jsonb(approvals))::text, 'UTF8')), 'hex')"
    before = (
        "(select hash from ops.evidence as former where former.table_name = links.table_name"
        " and former.number = links.number - 1)"
    )
    return (
        "set timezone = 'UTC';"
        f" update ops.evidence as links set row_hash = {row} from ops.line_approvals as approvals"
        f" where links.table_name = 'line_approvals' and links.{condition}"
        " and links.row_key = approvals.approval_id::text;"
        f" update ops.evidence as links set hash = {LINK.format(before=before)}"
        f" where links.table_name = 'line_approvals' and links.{condition}"
    )
