"""Whatever stands in an address is answered by a page: chosen, or left out; never an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboards import data
from dashboards.app import PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pages_world import World

PATHS = sorted(path for pages in PAGES.values() for _show, _title, path, _icon in pages)
KEYS = (
    *("month", "service", "currency", "customer", "subscription", "line", "state", "due", "origin"),
    *("kind", "word", "search", "gate", "page", "invoice", "deployment"),
)
NASTY = st.sampled_from(
    [
        "", "2026-05", "0000-00", "9999-12", "2026-13", "٢٠٢٦-٠٥", "nexacloud", "CAD", "XXX", "%",
        "%s", "%(month)s", "'", "\\", "<script>alert(1)</script>", "[x](javascript:1)", "\x00",
        "\u202e", "1e30", "-1", "NaN", "null", "paid", "x" * 5000, "a,b", "{}", "🧾", "$1$",
    ]
)  # fmt: skip
PARAMETERS = st.dictionaries(st.sampled_from(KEYS), NASTY | st.text(max_size=20), max_size=5)


@pytest.fixture(scope="module")
def _pages(world: World) -> Iterator[None]:
    """This process reads the world as finance_reader."""
    known = {
        "WAREHOUSE_DSN": world.dsn,
        "DASHBOARD_READER_DSN": world.as_role("finance_reader"),
        "DASHBOARD_APPROVER_DSN": world.as_role("finance_approver"),
        "BILLING_AS_OF": world.settings.as_of.isoformat(),
        "ODOO_URL": world.settings.odoo_url,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        data.settings.cache_clear()
        yield
    data.settings.cache_clear()


def _page(path: str) -> None:
    from dashboards import data
    from dashboards.app import PAGES

    [show] = [show for pages in PAGES.values() for show, _, named, _ in pages if named == path]
    with data.one_build():
        show()


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(path=st.sampled_from(PATHS), parameters=PARAMETERS)
@pytest.mark.usefixtures("_pages")
def test_any_address_is_answered(path: str, parameters: dict[str, str]) -> None:
    page = AppTest.from_function(_page, args=(path,), default_timeout=60)
    for key, value in parameters.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, [each.message for each in page.exception]
    assert page.title, "a page says what it is"
