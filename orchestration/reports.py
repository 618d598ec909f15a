"""The month-end sheet as files: made from one build, put into a folder, sent by mail.

Flows in: settings and a month. Flows out: an XLSX and a PDF. Nothing leaves by itself unless
REPORT_FOLDER or REPORT_TO says where to.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connections.builds import in_use
from connections.settings import Settings
from orchestration import mail
from orchestration.command_error import CommandError
from orchestration.queries import reading, select
from publishers import closings, month_end, sheet_files

# The company's own clock, as on the pages.
ZONE = ZoneInfo("America/Toronto")
_ANY = "select 1 from {marts}.rpt_reconciliation_by_month limit 1"


@dataclass(frozen=True)
class MonthFiles:
    """The sheet of a month as files."""

    title: str
    facts: Mapping[str, str]
    xlsx: bytes
    pdf: bytes

    @property
    def by_name(self) -> dict[str, bytes]:
        """What they are called in a folder and as attachments."""
        name = self.title.lower().replace(" ", "-")
        return {f"{name}.xlsx": self.xlsx, f"{name}.pdf": self.pdf}


def made(settings: Settings, month: date) -> MonthFiles:
    """The sheet from the build in use. Raises CommandError where nothing is built."""
    marts = settings.schema("marts")
    with reading(settings) as conn:
        select(conn, settings, _ANY)  # says what to do where nothing is built
        build = in_use(conn, marts)
        sheet = month_end.sheet(conn, marts, month)
        closed = closings.closing(conn, month)
    facts = {
        "Month": f"{month:%Y-%m}",
        "As of": _instant(build.as_of) if build else "unknown",
        "Build": f"{build.build_id}, in use since {_instant(build.swapped_at)}" if build else "",
        "Closed": closed.sentence.removeprefix("closed ") if closed else "no",
    }
    title = f"Month-end {month:%Y-%m}"
    return MonthFiles(
        title,
        facts,
        sheet_files.workbook(facts, sheet, ZONE),
        sheet_files.pdf(title, facts, sheet, ZONE),
    )


def deliver(settings: Settings, files: MonthFiles) -> list[str]:
    """Put the files where the settings say; where they went, as sentences.

    Raises CommandError where nothing is named, or a mail cannot be sent.
    """
    went = []
    if settings.report_folder:
        went = [f"into {write(settings.report_folder / n, c)}" for n, c in files.by_name.items()]
    if settings.report_to:
        _mail(settings, files)
        went.append(f"by mail to {settings.report_to}")
    if not went:
        raise CommandError("the report has nowhere to go: set REPORT_FOLDER or REPORT_TO")
    return went


def write(path: Path, content: bytes) -> Path:
    """The whole file or none: whoever reads the folder never finds a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    return draft.replace(path)


def _mail(settings: Settings, files: MonthFiles) -> None:
    if not settings.alert_smtp_host:
        raise CommandError("no mail server is named: set ALERT_SMTP_HOST")
    text = "\n".join(f"{name}: {value}" for name, value in files.facts.items())
    try:
        mail.send(settings, settings.report_to, files.title, text, files.by_name)
    except (OSError, smtplib.SMTPException) as error:
        raise CommandError(f"the report cannot be sent: {type(error).__name__}") from None


def _instant(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M} Toronto time"
