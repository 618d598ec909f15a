"""Sessions to Odoo, opened when needed and used again: a first login costs Odoo up to a second.

In: settings. Out: Sessions; one serves one request at a time, so each worker takes its own. A login
may fail in mid-run like any request, so it happens where a failure is tried again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from connections import odoo_users
from connections.odoo import OdooPort
from connections.settings import Settings
from publishers.retrying import repeated

LOGIN_ATTEMPTS = 4


class Session:
    """A session of the user that writes; it logs in when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._port: OdooPort | None = None

    @property
    def port(self) -> OdooPort:
        """Raises the errors of connections.errors where Odoo does not let it in."""
        if self._port is None:
            self._port = OdooPort.connect(self._settings, publish=True)
        return self._port


class Ports:
    """The sessions of one run; taken and given back by the calling thread only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spare: list[Session] = []

    def take(self) -> Session:
        """A session that nobody uses."""
        return self._spare.pop() if self._spare else Session(self._settings)

    def give_back(self, session: Session) -> None:
        """For the next who needs one."""
        self._spare.append(session)

    @contextmanager
    def one(self) -> Iterator[OdooPort]:
        """A session of the user that writes, logged in, given back at the end."""
        session = self.take()
        yield _logged_in(session)
        self.give_back(session)

    @contextmanager
    def reader(self) -> Iterator[OdooPort]:
        """A session of the user that reads, who sees posted invoices too."""
        if odoo_users.has_own_publisher(self._settings):
            yield OdooPort.connect(self._settings)
        else:
            with self.one() as port:
                yield port


def _logged_in(session: Session) -> OdooPort:
    return repeated(lambda: session.port, LOGIN_ATTEMPTS)
