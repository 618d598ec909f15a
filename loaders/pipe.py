"""COPY BINARY from one server into another. Two cursors and two COPY statements flow in; row and
byte counts flow out.

The bytes pass through an os.pipe, pumped by two threads inside libpq: no row becomes a Python
object. A source that dies in the middle must fail the copy even where its last byte ends a row,
because a binary COPY accepts such an end.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from psycopg2.extensions import cursor
from psycopg2.sql import Composable

from loaders.errors import CopyMismatch

CHUNK = 1 << 18
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Copied:
    rows: int
    bytes: int


class _Reader:
    """The receiving end: counts bytes, and turns a dead sender into an error instead of an early
    end.
    """

    def __init__(self, descriptor: int, sender_error: Callable[[], BaseException | None]) -> None:
        self._file = io.FileIO(descriptor, "rb")
        self._sender_error = sender_error
        self.bytes = 0

    def read(self, size: int = CHUNK) -> bytes:
        data = self._file.read(size) or b""
        self.bytes += len(data)
        if not data and self._sender_error() is not None:
            raise CopyMismatch("the source stopped in the middle of the copy")
        return data

    def close(self) -> None:
        self._file.close()


class _Sender(threading.Thread):
    """COPY ... TO STDOUT into the pipe. `error` is set before the pipe is closed, so the reader
    sees it in time.
    """

    def __init__(self, cur: cursor, statement: Composable, descriptor: int) -> None:
        super().__init__(name="copy-sender", daemon=True)
        self._cur, self._statement, self._descriptor = cur, statement, descriptor
        self.error: BaseException | None = None

    def run(self) -> None:
        pipe = io.BufferedWriter(io.FileIO(self._descriptor, "wb"), CHUNK)
        try:
            self._cur.copy_expert(self._statement, pipe)
            pipe.flush()
        except BaseException as error:  # noqa: BLE001  a thread's boundary: raised again by pipe_copy
            self.error = error
        finally:
            _close_quietly(pipe)


def pipe_copy(
    source: cursor,
    copy_out: Composable,
    target: cursor,
    copy_in: Composable,
    watch: Callable[[int], None] | None = None,
) -> Copied:
    """Run both statements at once and return what went through.

    `watch` is called with the bytes so far about twice a second. Raises the source's or the
    target's own error, or CopyMismatch when the two servers do not agree on the number of rows.
    """
    read_end, write_end = os.pipe()
    sender = _Sender(source, copy_out, write_end)
    reader = _Reader(read_end, lambda: sender.error)
    stop_watching = _watching(reader, watch)
    sender.start()
    try:
        target.copy_expert(copy_in, cast(Any, reader), size=CHUNK)
    except BaseException:
        # A target that failed leaves the sender blocked on a full pipe: take the pipe away first.
        reader.close()
        sender.join()
        if sender.error is not None and not isinstance(sender.error, BrokenPipeError):
            raise sender.error from None
        raise
    finally:
        stop_watching()
        reader.close()
    sender.join()
    if sender.error is not None:
        raise sender.error
    if source.rowcount != target.rowcount:
        raise CopyMismatch(f"the source sent {source.rowcount} rows, {target.rowcount} arrived")
    return Copied(target.rowcount, reader.bytes)


def _watching(reader: _Reader, watch: Callable[[int], None] | None) -> Callable[[], None]:
    """Call `watch` until the function that is returned is called; no call comes after it."""
    if watch is None:
        return lambda: None
    over = threading.Event()

    def report() -> None:
        while not over.wait(POLL_SECONDS):
            watch(reader.bytes)

    thread = threading.Thread(target=report, name="copy-progress", daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        thread.join()

    return stop


def _close_quietly(pipe: io.BufferedWriter) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        # The reader is gone; what is left in the buffer has nowhere to go.
        pipe.raw.close()
