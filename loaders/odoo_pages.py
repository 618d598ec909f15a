"""The records of an Odoo model, page by page in the order of the id. A port and a domain flow in;
pages flow out.

Odoo works while we do: as soon as the bytes of a page are here, and before they are decoded, the
next page is asked for, behind the last id that stands in them. That id is a guess of where the
next page begins. It is held against the decoded page, and where it was wrong what was asked ahead
is thrown away. There is one request at Odoo at any time, and there are three pages here at most.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from connections.odoo import Answer, OdooPort, Record
from connections.settings import Settings
from loaders.odoo_preflight import CONTEXT
from loaders.odoo_retry import retrying

RECORD = b'{"id": '
LONGEST_ID = 20


class Pages:
    """Iterate to read. A page that fails with an unknown outcome is asked for again by itself."""

    def __init__(
        self,
        port: OdooPort,
        settings: Settings,
        model: str,
        fields: Sequence[str],
        domain: Sequence[Any],
    ) -> None:
        self._port, self._settings = port, settings
        self._model, self._fields, self._domain = model, fields, domain
        self._size = settings.odoo_page_size
        self._ahead: _Ahead | None = None

    def __iter__(self) -> Generator[list[Record]]:
        after = 0
        try:
            while True:
                if self._ahead is None or self._ahead.after != after:
                    self._look_ahead(after)
                page = retrying(self._settings, partial(self._page, after))
                if page:
                    yield page
                if len(page) < self._size:
                    return
                after = page[-1]["id"]
        finally:
            self._stop()

    def _page(self, after: int) -> list[Record]:
        """What was asked for ahead; where that failed, the page is asked for by itself."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return self._ask(after).records()
        page = ahead.next_page()
        self._ahead = ahead
        return page

    def _ask(self, after: int) -> Answer:
        return self._port.ask_records(
            self._model,
            [*self._domain, ("id", ">", after)],
            self._fields,
            order="id",
            limit=self._size,
            context=CONTEXT,
        )

    def _look_ahead(self, after: int) -> None:
        self._stop()
        self._ahead = _Ahead(self._ask, self._size, after)

    def _stop(self) -> None:
        if self._ahead is not None:
            self._ahead.stop()
            self._ahead = None


class _Ahead:
    """A thread that asks for page after page until one fails, is short or was not to be read."""

    def __init__(self, ask: Callable[[int], Answer], size: int, after: int) -> None:
        self.after: int | None = after  # where the page that comes next begins
        self._ask, self._size = ask, size
        self._answers: queue.Queue[tuple[Answer, int | None] | BaseException] = queue.Queue(1)
        self._is_stopped = threading.Event()
        threading.Thread(target=self._run, args=(after,), name="odoo-page", daemon=True).start()

    def next_page(self) -> list[Record]:
        """Raises what went wrong with it; then there is no page after it."""
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        undecoded, self.after = answer
        return undecoded.records()

    def stop(self) -> None:
        """The thread ends with its request; nobody waits for that."""
        self._is_stopped.set()
        with suppress(queue.Empty):
            self._answers.get_nowait()

    def _run(self, after: int | None) -> None:
        try:
            while after is not None and not self._is_stopped.is_set():
                answer = self._ask(after)
                after = last_id(answer.body, self._size)
                self._answers.put((answer, after))
        except BaseException as error:  # noqa: BLE001  a thread's boundary: raised by next_page
            self._answers.put(error)


def last_id(body: bytes, size: int) -> int | None:
    """The id of the last record of a full page, read off the undecoded answer; None where it does
    not look like one.
    """
    if body.count(RECORD) != size:
        return None
    start = body.rfind(RECORD) + len(RECORD)
    digits = body[start : start + LONGEST_ID].split(b",")[0].rstrip(b"} ]")
    return int(digits) if digits.isdigit() else None
