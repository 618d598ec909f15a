"""Says which IP addresses a webhook may be sent to.

In: an address that a name resolved to. Out: None, or the reason why it is refused.
The lists are ours and explicit: what the standard library calls global has changed between
patch releases of Python, and a guard must not change its mind with an upgrade.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Refused for every host: nothing that a customer runs can live here.
NEVER: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "unspecified"),
    ("169.254.0.0/16", "link-local, where clouds serve metadata"),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.0.2.0/24", "reserved for documentation"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("198.18.0.0/15", "reserved for benchmarks"),
    ("198.51.100.0/24", "reserved for documentation"),
    ("203.0.113.0/24", "reserved for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("168.63.129.16/32", "Azure's metadata"),
    ("100.100.100.200/32", "Alibaba's metadata"),
    ("fd00:ec2::/32", "Amazon's metadata"),
    ("fd20:ce::/32", "Google's metadata"),
    ("::/128", "unspecified"),
    ("::ffff:0:0/96", "an IPv4 address mapped into IPv6"),
    ("::ffff:0:0:0/96", "an IPv4 address translated into IPv6"),
    ("64:ff9b::/96", "an IPv4 address translated by NAT64"),
    ("64:ff9b:1::/48", "an IPv4 address translated by local NAT64"),
    ("2001::/32", "an IPv4 address inside Teredo"),
    ("2001::/23", "reserved for protocols"),
    ("2001:db8::/32", "reserved for documentation"),
    ("2002::/16", "an IPv4 address inside 6to4"),
    ("3fff::/20", "reserved for documentation"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)

# Refused unless the host is on the list of private receivers.
PRIVATE: tuple[tuple[str, str], ...] = (
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "loopback"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("::1/128", "loopback"),
    ("fc00::/7", "private"),
)

# The only part of IPv6 that is given out; what lies outside is refused even if no list names it.
GLOBAL_IPV6 = IPv6Network("2000::/3")


def _networks(table: tuple[tuple[str, str], ...]) -> tuple[tuple[Network, str], ...]:
    return tuple((ipaddress.ip_network(text), why) for text, why in table)


_NEVER = _networks(NEVER)
_PRIVATE = _networks(PRIVATE)


def refusal(address: Address, *, private_allowed: bool) -> str | None:
    """Why this address is refused, or None where it may be connected to."""
    why = _named(address, _NEVER)
    if why is not None:
        return why
    why = _named(address, _PRIVATE)
    if why is not None:
        return None if private_allowed else why
    if isinstance(address, IPv6Address) and address not in GLOBAL_IPV6:
        return "not a global address"
    return None


def _named(address: Address, table: tuple[tuple[Network, str], ...]) -> str | None:
    for network, why in table:
        if address.version == network.version and address in network:
            return why
    return None
