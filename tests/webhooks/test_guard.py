"""The guard refuses every URL that leads into our own network, however it is spelled."""

import ipaddress
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publishers.webhooks.errors import WebhookRefused
from publishers.webhooks.guard import GuardPolicy, check_url, resolve

OPEN = GuardPolicy()
ANY_PORT = GuardPolicy(ports=frozenset({80, 443, 8443}))
PATH = "/api/v1/billing/webhooks/central"

# Names that a hostile or mistaken resolver answers with an address of ours.
NAMES = {
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "10.0.0.5.sslip.io": ["10.0.0.5"],
    "7f000001.rbndr.us": ["127.0.0.1"],
    "localtest.me": ["127.0.0.1"],
    "localhost": ["::1", "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "mixed.invalid": ["93.184.215.14", "10.0.0.7"],
    "mixed6.invalid": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "fd00::7"],
    "aaaa-only.invalid": ["::ffff:10.0.0.1"],
    "printer.local": ["192.168.1.20"],
    "good.example.com": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
}

HOSTILE = [
    # odd spellings of 127.0.0.1 and its like
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x/",
    "https://00000177.0.0.1/",
    "https://127.0.0.1./",
    "https://3232235777/",
    "https://1.1.1.1.1/",
    "https://256.256.256.256/",
    # plainly ours
    "https://127.0.0.1/",
    "https://127.255.255.254/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.1.1/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    # IPv6, and IPv4 hidden in it
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[::ffff:127.0.0.1/",
    # names that lead home
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://127.0.0.1.nip.io/",
    "https://10.0.0.5.sslip.io/",
    "https://7f000001.rbndr.us/",
    "https://localtest.me/",
    "https://metadata.google.internal/",
    "https://instance-data/",
    "https://mixed.invalid/",
    "https://mixed6.invalid/",
    "https://aaaa-only.invalid/",
    "https://printer.local/",
    # tricks of parsers: user parts, fragments, backslashes, escapes, controls, letters that fold
    "https://good.example.com@127.0.0.1/",
    "https://user:password@good.example.com/",
    "https://good.example.com:443@127.0.0.1/",
    "https://good.example.com\\@127.0.0.1/",
    "https://good.example.com#@127.0.0.1/",
    "https://127.0.0.1#.good.example.com/",
    "https://127.0.0.1\\.good.example.com/",
    "https://good.example.com%2f@127.0.0.1/",
    "https://127.0.0.1%00.good.example.com/",
    "https://%31%32%37.0.0.1/",
    "https://good.example.com\t/",
    "https://good.example.com\r\nHost: 127.0.0.1/",
    " https://good.example.com/",
    "https://good.example.com /",
    "https://１２７.０.０.１/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "https://127。0。0。1/",
    "https:///good.example.com/",
    "https:good.example.com/",
    "//good.example.com/",
    "https://.good.example.com/",
    "https://good..example.com/",
    "https://",
    "",
    # other schemes and ports
    "http://good.example.com/",
    "HTTP://good.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://good.example.com/",
    "unix:/var/run/docker.sock",
    "https://good.example.com:22/",
    "https://good.example.com:5432/",
    "https://good.example.com:0/",
    "https://good.example.com:65536/",
    "https://good.example.com:-443/",
    "https://good.example.com:4４3/",
]


def open_door(url: str, policy: GuardPolicy = OPEN) -> list[str]:
    """Both gates, as a connection passes them; an unknown name would be asked of nobody."""
    target = check_url(url, policy)
    return resolve(target.host, target.port, policy, lambda host, _port: NAMES[host])


def test_there_are_enough_hostile_urls_to_mean_something() -> None:
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused):
        open_door(url)


@pytest.mark.parametrize("url", [url for url in HOSTILE if "127.0.0.1" in url and "[" not in url])
def test_a_hostile_url_is_refused_for_its_host_even_where_its_port_is_allowed(url: str) -> None:
    with pytest.raises(WebhookRefused):
        open_door(url, ANY_PORT)


@pytest.mark.parametrize(
    "url",
    [
        f"https://good.example.com{PATH}",
        f"https://GOOD.example.com:443{PATH}?tenant=7",
        "https://good.example.com",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    ],
)
def test_a_public_receiver_is_served(url: str) -> None:
    assert open_door(url)


PRIVATE_POLICY = GuardPolicy(
    private_hosts=frozenset({"10.0.0.5", "printer.local:8443", "127.0.0.1:8099", "fd12::5"}),
    http_hosts=frozenset({"127.0.0.1:8099"}),
)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://10.0.0.5/", ["10.0.0.5"]),
        ("https://printer.local:8443/", ["192.168.1.20"]),
        ("http://127.0.0.1:8099/", ["127.0.0.1"]),
        ("https://[fd12::5]/", ["fd12::5"]),
    ],
)
def test_a_private_receiver_on_the_list_is_served(url: str, addresses: list[str]) -> None:
    assert open_door(url, PRIVATE_POLICY) == addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.6/",
        "https://printer.local/",
        "http://10.0.0.5/",
        "http://127.0.0.1/",
        "https://127.0.0.1:8100/",
        "https://x.printer.local:8443/",
    ],
)
def test_the_list_of_private_receivers_opens_nothing_beside_what_it_names(url: str) -> None:
    with pytest.raises(WebhookRefused):
        open_door(url, PRIVATE_POLICY)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "168.63.129.16",
    ],
)
def test_no_list_opens_metadata_multicast_or_hidden_addresses(address: str) -> None:
    listed = GuardPolicy(private_hosts=frozenset({"receiver.lan"}))
    with pytest.raises(WebhookRefused):
        resolve("receiver.lan", 443, listed, lambda _host, _port: [address])


BEGINNINGS = ["https://", "https:", "https://good.example.com", "HTTPS://a.b:443"]
TRICKY = st.text(st.sampled_from("aZ09.:/@#?&%\\[]-_=;~ \t\n１。é"), max_size=24)


@settings(max_examples=400)
@given(
    st.sampled_from(["https://", "https:", "https://good.example.com", "HTTPS://a.b:443"]), TRICKY
)
def test_what_is_accepted_is_read_alike_by_every_parser(start: str, rest: str) -> None:
    """A guard that reads another host than the client does is no guard."""
    url = start + rest
    try:
        target = check_url(url, ANY_PORT)
    except WebhookRefused:
        return
    split = urlsplit(url)
    assert (split.hostname, split.port or 443) == (target.host, target.port)
    assert (httpx.URL(url).host, httpx.URL(url).port or 443) == (target.host, target.port)
    assert (split.username, split.password, split.fragment) == (None, None, "")


def test_every_address_that_python_calls_special_is_refused() -> None:
    """Our own lists against the library's: a sample of every /8 of IPv4 and every /16 of IPv6."""
    samples = [ipaddress.ip_address((octet << 24) + 257) for octet in range(256)]
    samples6 = [ipaddress.ip_address((group << 112) + 257) for group in range(65536)]
    refused = 0
    for address in [*samples, *samples6]:
        if address.is_global and not address.is_multicast:
            continue
        refused += 1
        with pytest.raises(WebhookRefused):
            resolve("name.invalid", 443, OPEN, lambda _host, _port, one=str(address): [one])
    assert refused > 500
