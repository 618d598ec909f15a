"""Who is told when something failed or waits for a person: by mail, and to a webhook.

Flows in: Dagster's runs and checks, and how the deployment stands. Flows out: one digest over SMTP
and one as Slack-shaped JSON, each matter once until it changes. Off until ALERT_SMTP_HOST or
ALERT_WEBHOOK_URL says where to; at least once: what could not be sent is told by the next digest.
"""

from __future__ import annotations

import hashlib
import json
import smtplib
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration import mail
from orchestration.command_error import CommandError
from orchestration.standing import standing

LOOKS_BACK = timedelta(days=3)
STALE_SECONDS = 26 * 3600
MOST_IN_A_DIGEST = 30
MOST_CHECKS = 2000


@dataclass(frozen=True, order=True)
class Matter:
    """Something to tell. `what` is its identity: told once as long as it stays the same."""

    kind: str
    what: str
    says: str

    @property
    def mark(self) -> str:
        """What the cursor remembers of it."""
        return hashlib.sha256(f"{self.kind} {self.what}".encode()).hexdigest()[:16]


def tell(
    settings: Settings, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[int, str | None]:
    """Send what is new as one digest; how many matters, and the cursor to keep.

    Raises where it could not be sent: the old cursor stays, and the next look tells it.
    """
    if not (settings.alert_smtp_host or settings.alert_webhook_url.get_secret_value()):
        return 0, cursor
    known = set(json.loads(cursor)) if cursor else set()
    matters = sorted(
        {*run_matters(instance), *check_matters(instance), *standing_matters(settings)}
    )
    new = [matter for matter in matters if matter.mark not in known]
    if new:
        send(settings, new)
    return len(new), json.dumps([matter.mark for matter in matters])


def run_matters(instance: dg.DagsterInstance) -> Iterator[Matter]:
    """Runs that failed lately: their steps were retried before they did."""
    since = datetime.now(UTC) - LOOKS_BACK
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    for run in instance.get_runs(filters=failed, limit=MOST_IN_A_DIGEST):
        yield Matter("run failed", run.run_id, f"{run.job_name} failed (run {run.run_id[:8]})")


def check_matters(instance: dg.DagsterInstance) -> Iterator[Matter]:
    """Checks whose last evaluation did not pass, by the day, with what they said."""
    since = datetime.now(UTC) - LOOKS_BACK
    events = instance.get_event_records(
        dg.EventRecordsFilter(
            event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION, after_timestamp=since.timestamp()
        ),
        limit=MOST_CHECKS,
    )
    seen = set()
    for record in events:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        check = event.asset_check_evaluation_data
        if check.asset_check_key in seen:
            continue
        seen.add(check.asset_check_key)
        if not check.passed:
            name = f"{check.asset_key.to_user_string()}: {check.check_name}"
            said = f"{name}: {check.description or 'did not pass'}"
            yield Matter(
                f"check {check.severity.value.lower()}", f"{name} {check.description}", said
            )


def standing_matters(settings: Settings) -> Iterator[Matter]:
    """Quarantined and changed documents, dead letters, stale sources, a failed build."""
    with warehouse(settings) as conn:
        found = standing(conn, settings, "findings", "dead_letters", "loads", "builds")
    for row in found["findings"]:
        kind = "quarantine" if row["finding"] == "quarantined" else "alarm"
        key = f"{row['document_key']} {row['finding']}"
        yield Matter(kind, key, f"{row['document_key']} (Odoo {row['odoo_id']}): {row['finding']}")
    for row in found["dead_letters"]:
        said = f"{row['service']}: {row['number']} events were given up: billing events"
        yield Matter("dead letter", said, said)
    late = {row["source"] for row in found["loads"] if row["age_seconds"] > STALE_SECONDS}
    for source in sorted(late):
        yield Matter(
            "stale source", source, f"{source} was not loaded for {STALE_SECONDS // 3600} h"
        )
    for row in found["builds"]:
        if row["is_last_passed"] is False:
            yield Matter("build", "failed", "the last build failed; people read the one before")


def send(settings: Settings, matters: Iterable[Matter]) -> None:
    """One mail and one message, whichever are configured. Raises CommandError with who is away."""
    title, lines = digest(list(matters))
    try:
        if settings.alert_webhook_url.get_secret_value():
            _post(settings, title, lines)
        if settings.alert_smtp_host:
            _mail(settings, title, lines)
    except (OSError, smtplib.SMTPException) as error:
        # Without the address: a webhook's is its secret.
        raise CommandError(f"alerts cannot be sent: {type(error).__name__}") from None


def digest(matters: list[Matter]) -> tuple[str, list[str]]:
    """A title that counts, and a line each; a storm is cut with the number of what is left out."""
    kinds = [matter.kind for matter in matters]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    lines = [f"{matter.kind}: {matter.says}" for matter in matters[:MOST_IN_A_DIGEST]]
    if len(matters) > MOST_IN_A_DIGEST:
        lines.append(f"and {len(matters) - MOST_IN_A_DIGEST} more")
    return f"billing: {counted}", lines


def _post(settings: Settings, title: str, lines: list[str]) -> None:
    text = "\n".join(
        [f"*{title}*", *(f"• {line}" for line in lines), settings.dashboard_dagster_url]
    )
    address = settings.alert_webhook_url.get_secret_value()
    if not address.startswith(("https://", "http://")):
        raise CommandError("ALERT_WEBHOOK_URL must begin with https:// or http://")
    request = urllib.request.Request(  # noqa: S310
        address,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=mail.SECONDS_TO_SEND):  # noqa: S310
        pass


def _mail(settings: Settings, title: str, lines: list[str]) -> None:
    text = "\n".join([*lines, "", settings.dashboard_dagster_url])
    mail.send(settings, settings.alert_to, title, text)
