"""The month-end sheet leaves for a folder and by mail, whole, and only where the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_string
from pathlib import Path

import dagster as dg
import pytest
from mailbox_server import mailbox

from connections.settings import load_settings
from orchestration import reports
from orchestration.command_error import CommandError
from orchestration.reports import MonthFiles

THIRD = datetime(2026, 6, 3, 11, tzinfo=UTC)
FILES = MonthFiles("Month-end 2026-05", {"Month": "2026-05"}, b"a workbook", b"%PDF a page")


@pytest.fixture
def mails() -> Iterator[tuple[str, list[str]]]:
    with mailbox() as box:
        yield box


def test_the_files_go_into_the_folder_and_to_each_address(
    tmp_path: Path, mails: tuple[str, list[str]]
) -> None:
    folder = tmp_path / "reports"
    settings = load_settings(
        billing_home=tmp_path, report_folder=folder, alert_smtp_host=mails[0],
        report_to="finance@example.com, audit@example.com",
    )  # fmt: skip
    went = reports.deliver(settings, FILES)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES.by_name
    assert len(went) == 3
    [mail] = map(message_from_string, mails[1])
    assert (mail["Subject"], mail["To"]) == (FILES.title, settings.report_to)
    attached = {part.get_filename(): part.get_payload(decode=True) for part in mail.walk()}
    assert {name: attached[name] for name in FILES.by_name} == FILES.by_name


def test_nothing_leaves_unless_the_settings_say_where_to(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="set REPORT_FOLDER or REPORT_TO"):
        reports.deliver(load_settings(billing_home=tmp_path), FILES)


@pytest.mark.parametrize(("host", "says"), [("", "ALERT_SMTP_HOST"), ("127.0.0.1:9", "be sent")])
def test_a_mail_that_cannot_leave_is_an_error(tmp_path: Path, host: str, says: str) -> None:
    settings = load_settings(billing_home=tmp_path, report_to="a@example.com", alert_smtp_host=host)
    with pytest.raises(CommandError, match=says):
        reports.deliver(settings, FILES)


def test_the_schedule_asks_for_the_month_that_has_ended(
    parsed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_HOME", str(parsed_home))
    from orchestration.automation import month_sheet

    assert month_sheet.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(scheduled_execution_time=THIRD) as context:
        request = month_sheet(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-05"
