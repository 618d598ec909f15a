"""Requests to Odoo: batches of stored payloads, two at a time, until each document's fate is known.

In: claimed or sent publications. Out: each confirmed, quarantined, or left as sent with its outcome
unknown for the next run. Workers talk to Odoo only; the ledger is written by the calling thread,
before a request leaves and after its answer came.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg2.extensions import connection as Connection

from connections.errors import (
    OdooAccessError,
    OdooError,
    OdooLoginError,
    OdooPermanentError,
)
from publishers import ledger
from publishers.ledger import Publication, Run
from publishers.payloads import batches
from publishers.ports import Ports, Session
from publishers.readback import Move, differences, in_words, read_moves
from publishers.retrying import ATTEMPTS, pause_seconds

BATCH_SIZE = 50
WORKERS = 2
# Odoo answers a lost race with a message, not with an exception.
LOST_RACE = ("could not serialize access", "deadlock detected", "could not obtain lock")
# What a missing right sounds like there; it concerns the user, so no document is to blame.
NO_RIGHT = ("you are not allowed to", "security restrictions")


@dataclass(frozen=True)
class Batch:
    """Documents that travel together, with how often they have been tried in this run."""

    documents: tuple[Publication, ...]
    attempt: int = 1

    @property
    def keys(self) -> list[str]:
        """Their document keys."""
        return [document.document_key for document in self.documents]

    def halves(self) -> tuple["Batch", "Batch"]:
        """Two smaller batches, to find the one document that Odoo refuses."""
        middle = len(self.documents) // 2
        return Batch(self.documents[:middle]), Batch(self.documents[middle:])


@dataclass(frozen=True)
class LoadAnswer:
    """What one request led to: `moves` in document order, or a refusal, or no telling.

    `denied`: this user lacks a right. Nothing was written, and splitting would not help.
    """

    seconds: float
    moves: tuple[Move | None, ...] | None = None
    refusal: str | None = None
    denied: str | None = None
    unknown: str | None = None


@dataclass
class Outcomes:
    """Documents by what became of them, with the reasons of those that a person must see."""

    confirmed: dict[str, Publication] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Documents whose fate this run knows."""
        return len(self.confirmed) + len(self.quarantined) + len(self.failed)


def send(
    conn: Connection,
    ports: Ports,
    feed: Iterator[Sequence[Publication]],
    run: Run,
    outcomes: Outcomes,
    progress: Callable[[], None],
) -> None:
    """Drive the documents of `feed` to an end, noted in `outcomes`; two requests are in flight.

    The next documents are taken from `feed`, which may claim them, while Odoo works on the last.
    """
    queue: deque[Batch] = deque()
    busy: dict[Future[LoadAnswer], tuple[Batch, Session]] = {}
    done: list[tuple[Batch, LoadAnswer]] = []
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        while True:
            # Odoo gets its next request before the answers to the last ones are written down.
            while len(busy) < WORKERS and _refill(queue, feed, outcomes):
                batch, session = queue.popleft(), ports.take()
                ledger.start_attempt(conn, batch.keys, run)
                run.at("before_request")
                busy[pool.submit(_request, session, batch, run)] = (batch, session)
            for batch, answer in done:
                queue.extend(_settle(conn, batch, answer, outcomes, run))
                progress()
                run.at("between_batches")
            if not busy and not queue:
                return
            if busy:
                _refill(queue, feed, outcomes)
            done = _finished(busy, ports, run) if busy else []


def _finished(
    busy: dict[Future[LoadAnswer], tuple[Batch, Session]], ports: Ports, run: Run
) -> list[tuple[Batch, LoadAnswer]]:
    """Wait for an answer, or several; their sessions are free again."""
    done = []
    for future in wait(busy, return_when=FIRST_COMPLETED).done:
        batch, session = busy.pop(future)
        ports.give_back(session)
        run.at("after_answer")
        done.append((batch, future.result()))
    return done


def _refill(queue: deque[Batch], feed: Iterator[Sequence[Publication]], outcomes: Outcomes) -> bool:
    """Take from the feed where nothing waits; False where there is nothing left to send.

    After a failure nothing new is taken: an Odoo that does not answer, or refuses this user, would
    only be asked in vain, and documents would be claimed that nobody can send.
    """
    while not queue:
        if outcomes.failed:
            return False
        documents = next(feed, None)
        if documents is None:
            return False
        queue.extend(Batch(tuple(chunk)) for chunk in batches(documents, _columns, BATCH_SIZE))
    return True


def _columns(document: Publication) -> tuple[str, ...]:
    return tuple(document.payload["fields"])


def _request(session: Session, batch: Batch, run: Run) -> LoadAnswer:
    """A login if need be, one load() of stored payloads, the read-back; raises no Odoo error."""
    if batch.attempt > 1:
        time.sleep(pause_seconds(batch.attempt - 1))
    started = time.monotonic()
    first = batch.documents[0].payload
    rows = [row for document in batch.documents for row in document.payload["rows"]]
    try:
        port = session.port
        answer = port.load("account.move", first["fields"], rows, first["context"])
        run.at("after_load")
        refusal = _refusal(answer, len(batch.documents))
        if refusal is not None:
            return _refused(_since(started), refusal)
        ids = [int(found) for found in answer["ids"]]
        moves = read_moves(port, ids)
        return LoadAnswer(_since(started), moves=tuple(moves.get(i) for i in ids))
    except (OdooAccessError, OdooLoginError) as error:
        return LoadAnswer(_since(started), denied=str(error))
    except OdooPermanentError as error:
        return LoadAnswer(_since(started), refusal=str(error))
    except OdooError as error:
        return LoadAnswer(_since(started), unknown=f"{error.name}: {error}")


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _refused(seconds: float, refusal: str) -> LoadAnswer:
    if any(text in refusal for text in LOST_RACE):
        return LoadAnswer(seconds, unknown=refusal)
    if any(text in refusal.lower() for text in NO_RIGHT):
        return LoadAnswer(seconds, denied=refusal)
    return LoadAnswer(seconds, refusal=refusal)


def _refusal(answer: dict[str, Any], count: int) -> str | None:
    ids = answer.get("ids")
    if ids and len(ids) == count:
        return None
    messages = [str(message.get("message")) for message in answer.get("messages") or []]
    return "; ".join(messages) or f"Odoo returned {ids!r} for {count} documents"


def _settle(
    conn: Connection, batch: Batch, answer: LoadAnswer, outcomes: Outcomes, run: Run
) -> list[Batch]:
    """Write what is known now; the batches that must be sent (again)."""
    if answer.moves is not None:
        _judge(conn, batch, answer.moves, answer.seconds, outcomes, run)
        return []
    if answer.unknown is not None:
        return _again(conn, batch, answer, outcomes, run)
    if answer.denied is not None:
        detail = {"reason": answer.denied, "seconds": answer.seconds}
        ledger.note_outcome(conn, batch.keys, "denied", run, detail)
        reason = f"grant the publishing user the right, the next run sends it: {answer.denied}"
        outcomes.failed |= dict.fromkeys(batch.keys, reason)
        return []
    if len(batch.documents) > 1:
        detail = {"reason": answer.refusal, "seconds": answer.seconds, "batch": len(batch.keys)}
        ledger.note_outcome(conn, batch.keys, "batch_refused", run, detail)
        return list(batch.halves())
    key, reason = batch.keys[0], f"Odoo refuses it: {answer.refusal}"
    ledger.quarantine(conn, key, reason, {"seconds": answer.seconds}, run)
    outcomes.quarantined[key] = reason
    return []


def _again(
    conn: Connection, batch: Batch, answer: LoadAnswer, outcomes: Outcomes, run: Run
) -> list[Batch]:
    detail = {"reason": answer.unknown, "seconds": answer.seconds, "attempt": batch.attempt}
    ledger.note_outcome(conn, batch.keys, "outcome_unknown", run, detail)
    if batch.attempt < ATTEMPTS:
        return [replace(batch, attempt=batch.attempt + 1)]
    reason = f"outcome unknown, the next run sends the same again: {answer.unknown}"
    outcomes.failed |= dict.fromkeys(batch.keys, reason)
    return []


def _judge(
    conn: Connection,
    batch: Batch,
    moves: Sequence[Move | None],
    seconds: float,
    outcomes: Outcomes,
    run: Run,
) -> None:
    """Confirm drafts that equal what was frozen; quarantine the others."""
    right: dict[str, Move] = {}
    run.at("before_confirm")
    for document, move in zip(batch.documents, moves, strict=True):
        key = document.document_key
        wrong = _wrong(document, move)
        if move is not None and not wrong:
            right[key] = move
            continue
        reason = f"Odoo does not hold what was approved: {in_words(wrong)}"
        odoo_id = move.values["id"] if move else None
        detail = {"differences": wrong, "odoo_id": odoo_id, "seconds": seconds}
        ledger.quarantine(conn, key, reason, detail, run)
        outcomes.quarantined[key] = reason
    observed = {key: {**move.observed, "seconds": seconds} for key, move in right.items()}
    confirmed = ledger.confirm(conn, observed, _line_ids(batch, right), run)
    for document in batch.documents:
        if (key := document.document_key) in confirmed:
            odoo_id = int(right[key].values["id"])
            outcomes.confirmed[key] = replace(document, state="confirmed", odoo_id=odoo_id)


def _line_ids(batch: Batch, right: Mapping[str, Move]) -> dict[str, dict[str, int]]:
    """Odoo's line ids by line key, by document: lines were created in the document's order."""
    keys = {document.document_key: document.line_keys for document in batch.documents}
    return {
        key: {
            line_key: int(line["id"]) for line_key, line in zip(keys[key], move.lines, strict=True)
        }
        for key, move in right.items()
    }


def _wrong(document: Publication, move: Move | None) -> list[dict[str, Any]]:
    if move is None:
        # Odoo gave an id and nothing can be read at it: deleted at once, or hidden from this user.
        return [{"field": "the draft itself", "expected": "present", "found": "absent"}]
    wrong = differences(document, move)
    if move.values["state"] == "cancel":
        wrong.append({"field": "state", "expected": "draft", "found": "cancel"})
    return wrong
