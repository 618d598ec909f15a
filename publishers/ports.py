"""Sessions to Odoo, opened when needed and used again: a first login costs Odoo up to a second.

In: settings. Out: OdooPorts; one serves one request at a time, so each worker takes its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from connections.odoo import OdooPort
from connections.settings import Settings


class Ports:
    """The sessions of one run; taken and given back by the calling thread only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spare: list[OdooPort] = []

    def take(self) -> OdooPort:
        """A session of the user that writes."""
        return self._spare.pop() if self._spare else OdooPort.connect(self._settings, publish=True)

    def give_back(self, port: OdooPort) -> None:
        """For the next who needs one."""
        self._spare.append(port)

    @contextmanager
    def one(self) -> Iterator[OdooPort]:
        """A session of the user that writes, given back at the end."""
        port = self.take()
        yield port
        self.give_back(port)

    @contextmanager
    def reader(self) -> Iterator[OdooPort]:
        """A session of the user that reads, who sees posted invoices too."""
        settings = self._settings
        if settings.odoo_publish_user in ("", settings.odoo_user):
            with self.one() as port:
                yield port
        else:
            yield OdooPort.connect(settings)
