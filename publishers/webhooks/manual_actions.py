"""What a person does by hand: replay an event, discard one, release a termination.

In: a person's name and the thing. Out: a row that says who did it. Nothing is deleted: a replay and
a discard stand among the attempts of the delivery, a release in ops.termination_releases.
"""

from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import connection

from connections.postgres import warehouse
from connections.settings import Settings
from publishers.identities import resolve, speak_for
from publishers.webhooks.errors import UnknownEvent

REPLAY = """
update ops.webhook_deliveries
set state = 'pending', attempts = 0, next_attempt_at = now(), claimed_by = null, last_error = null
where event_id = %s and state <> 'delivering' returning delivery_id
"""

DISCARD = """
update ops.webhook_deliveries
set state = 'discarded', next_attempt_at = null
where event_id = %s and state in ('pending', 'dead', 'disabled') returning delivery_id
"""

BY_HAND = "insert into ops.webhook_attempts (delivery_id, error) values (%s, %s)"

ENDED = sql.SQL(
    "select distinct ended_at from {}.fct_lifecycle_events"
    " where event_type = 'subscription.terminated' and emitted_at is null"
    " and service = %s and external_subscription_id = %s"
)

RELEASE = """
insert into ops.termination_releases
    (service, external_subscription_id, ended_at, note)
values (%s, %s, %s, %s)
"""


def replay(settings: Settings, event_id: str, *, by: str) -> int:
    """Queue an event again, whatever became of it; the number of deliveries queued.

    The receiver gets the same bytes under the same event id. Replaying the event that met a 410
    switches its service on again. Raises UnknownEvent.
    """
    with warehouse(settings) as conn:
        return _by_hand(conn, REPLAY, event_id, by, "replayed by {}")


def discard(settings: Settings, event_id: str, *, by: str, note: str) -> int:
    """Give an undelivered event up, so that what follows it may go. Raises UnknownEvent."""
    with warehouse(settings) as conn:
        return _by_hand(conn, DISCARD, event_id, by, "discarded by {}", f": {note}")


def release_termination(
    settings: Settings, service: str, external_subscription_id: str, *, by: str, note: str = ""
) -> datetime:
    """Let the app be told that a subscription ended, which makes it deprovision; the ending's time.

    The release is for this ending only: a subscription that comes back and ends again needs
    another. Raises UnknownEvent where no ended subscription waits for a release.
    """
    with warehouse(settings) as conn, conn.cursor() as cursor:
        query = ENDED.format(sql.Identifier(settings.schema("serving")))
        cursor.execute(query, (service, external_subscription_id))
        row = cursor.fetchone()
        if row is None:
            raise UnknownEvent(
                f"no ended subscription {service}:{external_subscription_id} waits for a release: "
                "see `billing events`"
            )
        ended_at: datetime = row[0]
        speak_for(cursor, by)
        cursor.execute(RELEASE, (service, external_subscription_id, ended_at, note))
        return ended_at


def _by_hand(
    conn: connection, statement: str, event_id: str, by: str, said: str, why: str = ""
) -> int:
    with conn.cursor() as cursor:
        said = said.format(resolve(cursor, by)) + why
        cursor.execute(statement, (event_id,))
        deliveries = cursor.fetchall()
        if not deliveries:
            raise UnknownEvent(
                f"no event {event_id} for which this can be done: see `billing events`"
            )
        for (delivery_id,) in deliveries:
            cursor.execute(BY_HAND, (delivery_id, said))
        return len(deliveries)
