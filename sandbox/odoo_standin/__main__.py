"""`python -m sandbox.odoo_standin --dsn DSN --port P [--community] [--empty] [--init]
[--build first|later]`

Flows in: a database and a port. Flows out: one line when ready, then answers until a signal.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from sandbox.odoo_standin.builds import BUILDS, DEFAULT
from sandbox.odoo_standin.seed import edition, prepare
from sandbox.odoo_standin.server import Running


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.odoo_standin", description=__doc__)
    parser.add_argument("--dsn", required=True, help="the stand-in's own database")
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1; 0: any")
    parser.add_argument("--community", action="store_true", help="no Enterprise, no fusion models")
    parser.add_argument("--empty", action="store_true", help="seed no customers and orders")
    parser.add_argument("--init", action="store_true", help="look for missing tables again")
    parser.add_argument("--build", choices=sorted(BUILDS), default=DEFAULT, help="which 19.0")
    options = parser.parse_args(arguments)
    if options.init or edition(options.dsn) is None:
        prepare(options.dsn, community=options.community, empty=options.empty)
    is_community = options.community or edition(options.dsn) == "community"
    server = Running(options.dsn, options.port, is_community, options.build)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    sys.stdout.write(f"Odoo 19 stand-in ready on {server.url} (database {server.database.name})\n")
    sys.stdout.flush()
    ended.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
