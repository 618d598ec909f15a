"""Keeps webhooks from being aimed at our own network (server-side request forgery).

In: a URL from the environment and a policy. Out: a target that may be reached, or WebhookRefused.

Two gates. `check_url` reads the text: https, no user part, a plain host, an allowed port, and no
odd spelling of an address. `resolve` looks the name up once and judges every answer; the caller
connects to what it returns, so a name that changes its mind afterwards (rebinding) wins nothing.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from publishers.webhooks.addresses import refusal
from publishers.webhooks.errors import WebhookRefused

Resolver = Callable[[str, int], Sequence[str]]

HTTPS_PORT = 443
HTTP_PORT = 80
# An allow-list, not a parser: what does not look like this plain form is refused unread.
PLAIN_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[a-z0-9/?&=.,;:+~%!$'()*@_-]*)?",
    re.IGNORECASE | re.ASCII,
)
NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class GuardPolicy:
    """Who may be reached. Hosts are written `host` or `host:port`, in lower case.

    private_hosts may resolve to private and loopback addresses; http_hosts may be reached
    without TLS; ports are allowed for every host.
    """

    private_hosts: frozenset[str] = frozenset()
    http_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({HTTPS_PORT})


@dataclass(frozen=True)
class Target:
    """A URL whose text was found good; `shown` has no path, which may hold a token."""

    url: str = field(repr=False)
    scheme: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """The URL as a log or a report may show it."""
        return f"{self.scheme}://{self.host}:{self.port}/..."


def check_url(url: str, policy: GuardPolicy) -> Target:
    """Judge the text of a URL, looking nothing up. Raises WebhookRefused with the reason."""
    match = PLAIN_URL.fullmatch(url)
    if match is None:
        raise WebhookRefused(
            "the webhook URL is not of the plain form https://host[:port]/path: "
            "no user part, fragment, space, backslash, escape in the host or non-ASCII letter"
        )
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"]) if match["port"] else _default_port(scheme)
    target = Target(url, scheme, host.strip("[]"), port)
    _check_spelling(target)
    _check_scheme(target, policy)
    _check_port(target, policy)
    if _literal(target.host):
        resolve(target.host, target.port, policy, _nobody)
    if httpx.URL(url).host != target.host:
        raise WebhookRefused(f"two readings of the webhook URL differ in the host: {target.shown}")
    return target


def resolve(host: str, port: int, policy: GuardPolicy, resolver: Resolver) -> list[str]:
    """The addresses to connect to, each one judged. Raises WebhookRefused if any is refused.

    One bad answer refuses the name: a mix of good and bad is how rebinding begins.
    """
    allowed = is_listed(host, port, policy.private_hosts)
    literal = _literal(host)
    answers = [host] if literal else list(dict.fromkeys(resolver(host, port)))
    for answer in answers:
        why = refusal(ipaddress.ip_address(answer), private_allowed=allowed)
        if why is not None:
            raise WebhookRefused(
                f"{host} is at {answer}, which is {why}: webhooks do not go there"
                + ("" if allowed else "; a receiver of your own goes on WEBHOOK_PRIVATE_HOSTS")
            )
    return answers


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the operating system; raises OSError where the name is unknown."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_listed(host: str, port: int, listed: frozenset[str]) -> bool:
    """Whether `host` or `host:port` is on the list."""
    return host in listed or f"{host}:{port}" in listed


def _nobody(host: str, _port: int) -> Sequence[str]:
    raise WebhookRefused(f"{host} is an address: nobody is asked for it")


def _default_port(scheme: str) -> int:
    return HTTPS_PORT if scheme == "https" else HTTP_PORT


def _literal(host: str) -> bool:
    """Whether the host is an address already, in its one canonical spelling."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_spelling(target: Target) -> None:
    """2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1 to some resolver: none is taken."""
    host = target.host
    if ":" in host:
        if not _literal(host):
            raise WebhookRefused(f"[{host}] is not an IPv6 address")
        return
    labels = host.split(".")
    if "" in labels:
        raise WebhookRefused(f"the host {host} has an empty part")
    if NUMBER_LABEL.fullmatch(labels[-1]) and not _literal(host):
        raise WebhookRefused(f"{host} is an odd spelling of an address: write it as four numbers")


def _check_scheme(target: Target, policy: GuardPolicy) -> None:
    if target.scheme == "http" and not is_listed(target.host, target.port, policy.http_hosts):
        raise WebhookRefused(
            f"{target.shown} is not https: put the host on WEBHOOK_HTTP_HOSTS "
            "if its network is trusted"
        )


def _check_port(target: Target, policy: GuardPolicy) -> None:
    named = f"{target.host}:{target.port}" in policy.private_hosts | policy.http_hosts
    plain = target.scheme == "http" and target.port == HTTP_PORT
    if not (target.port in policy.ports or named or plain):
        allowed = ", ".join(str(port) for port in sorted(policy.ports))
        raise WebhookRefused(
            f"{target.shown}: port {target.port} is not among the allowed ports ({allowed}): "
            "add it to WEBHOOK_PORTS"
        )
