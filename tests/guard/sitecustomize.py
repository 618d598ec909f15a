"""Python imports this at start: children of the tests get the loopback guard, too."""

import loopback_only

loopback_only.install()
