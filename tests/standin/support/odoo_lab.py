"""A client of an Odoo (stand-in or real) and the records that contract tests work on.

Flows in: an address and an administrator's login. Flows out: calls, raw exchanges, refusals as
values, and ids that are looked up by name: numeric ids of one database mean nothing in another.
"""

from __future__ import annotations

import itertools
import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import odoorpc

CREATE_ONLY = {"mode": "update", "noupdate": True, "tracking_disable": True}
_numbers = itertools.count(1)


class Refusal(NamedTuple):
    """An error as odoorpc raises it: `data.name` and the message."""

    name: str
    message: str


@dataclass
class Target:
    """An Odoo under test, seen through an unpatched odoorpc."""

    url: str
    db: str
    user: str
    password: str
    is_standin: bool = False
    dsn: str = ""
    _client: Any = field(default=None, repr=False)

    @property
    def client(self) -> Any:
        """The logged-in odoorpc.ODOO."""
        if self._client is None:
            self._client = self.connect()
            self._client.login(self.db, self.user, self.password)
        return self._client

    def connect(self) -> Any:
        """A fresh odoorpc.ODOO, not logged in."""
        address = urlsplit(self.url)
        is_tls = address.scheme == "https"
        port = address.port or (443 if is_tls else 80)
        return odoorpc.ODOO(address.hostname, "jsonrpc+ssl" if is_tls else "jsonrpc", port)

    def as_user(self, login: str) -> Target:
        """The same Odoo for another user of the stand-in, whose password is his login."""
        return replace(self, user=login, password=login, _client=None)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.client.execute_kw(model, method, list(args), kwargs)

    def refusal(self, model: str, method: str, *args: Any, **kwargs: Any) -> Refusal:
        """Call what must be refused; AssertionError when it is not."""
        try:
            answer = self.call(model, method, *args, **kwargs)
        except odoorpc.error.RPCError as error:
            return Refusal(error.info["data"]["name"], str(error))
        raise AssertionError(f"{model}.{method} answered {answer!r} instead of refusing")

    def post(self, path: str, params: Any) -> tuple[int, dict[str, Any]]:
        """A bare JSON-RPC exchange: HTTP status and body."""
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 7}
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)


@dataclass
class Lab:
    """Named records of the target; what is missing is created, with names of its own."""

    target: Target
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    _known: dict[Any, Any] = field(default_factory=dict)

    def key(self, word: str = "k") -> str:
        """A fresh name, safe as reference and in an external id."""
        return f"{word}-{self.run}-{next(_numbers)}"

    def xid(self, word: str = "k") -> str:
        return f"contract.{self.key(word)}"

    def find(self, model: str, domain: list[Any], order: str = "id") -> int:
        """The first record that matches, looked up once."""
        key = (model, repr(domain))
        if key not in self._known:
            found = self.target.call(model, "search", domain, limit=1, order=order)
            assert found, f"the target has no {model} with {domain}"
            self._known[key] = found[0]
        return int(self._known[key])

    def tax(self, name: str, use: str = "sale") -> int:
        """A tax of the company by name; the price-included 13% one is made on demand."""
        if name == "13% HST incl lab":
            return self.included_tax()
        return self.find("account.tax", [["name", "=", name], ["type_tax_use", "=", use]])

    def included_tax(self) -> int:
        if "included" not in self._known:
            self._known["included"] = self.new_tax(
                name="13% HST incl lab",
                amount=13,
                type_tax_use="sale",
                price_include_override="tax_included",
            )
        return int(self._known["included"])

    def new_tax(self, context: Any = None, **vals: Any) -> int:
        """A tax of this test's own, in the group and country of the Canadian ones."""
        [like] = self.target.call(
            "account.tax", "read", [self.tax("13% HST")], ["tax_group_id", "country_id"]
        )
        own = {name: like[name][0] for name in ("tax_group_id", "country_id")}
        made = self.target.call("account.tax", "create", [own | vals], context=context or {})
        return int(made[0])

    @property
    def company(self) -> int:
        """The company of the user, whatever others there are."""
        user = self.target.client.env.uid
        [row] = self.target.call("res.users", "read", [user], ["company_id"])
        return int(row["company_id"][0])

    @property
    def is_later_build(self) -> bool:
        """Builds of 19.0 differ. Later ones keep a unit price as it is sent, let a contact have
        its company's address, and settle an invoice by another customer's credit note.
        """
        told = self.target.call("account.move.line", "fields_get", ["price_unit"], ["digits"])
        return not told["price_unit"].get("digits")

    @property
    def currency(self) -> int:
        return self.find("res.currency", [["name", "=", "CAD"]])

    @property
    def journal(self) -> int:
        return self.find("account.journal", [["type", "=", "sale"]], order="sequence, id")

    @property
    def bank(self) -> int:
        return self.find("account.journal", [["type", "=", "bank"]])

    def country(self, code: str) -> int:
        return self.find("res.country", [["code", "=", code]])

    def state(self, code: str, country: str = "CA") -> int:
        return self.find(
            "res.country.state", [["code", "=", code], ["country_id.code", "=", country]]
        )

    def partner(self, place: str = "ON") -> int:
        """A customer in a province (`ON`), a state (`US-NY`), a country (`DE`), or nowhere."""
        if place not in self._known:
            vals = {"name": f"Contract {place} {self.run}"} | self.address(place)
            self._known[place] = self.target.call("res.partner", "create", [vals])[0]
        return int(self._known[place])

    def address(self, place: str) -> dict[str, Any]:
        if place == "nocountry":
            return {}
        if place == "CA-nostate":
            return {"country_id": self.country("CA")}
        if place == "DE":
            return {"country_id": self.country("DE")}
        country, _, state = place.rpartition("-")
        country = country or "CA"
        return {"country_id": self.country(country), "state_id": self.state(state, country)}

    def product(self, taxes: list[int] | None = None, **vals: Any) -> int:
        """A service with the given taxes (None: the defaults); the variant's id."""
        key = ("product", tuple(taxes) if taxes is not None else None, repr(vals))
        if key not in self._known:
            values = {"name": self.key("Service"), "type": "service", "list_price": 100} | vals
            if taxes is not None:
                values["taxes_id"] = [(6, 0, taxes)]
            self._known[key] = self.target.call("product.product", "create", [values])[0]
        return int(self._known[key])

    # ------------------------------------------------------------------ documents

    def line(self, price: Any = 100, quantity: Any = 1, taxes: Any = None, **vals: Any) -> Any:
        values = {"name": "line", "quantity": quantity, "price_unit": price} | vals
        if taxes is not None:
            values["tax_ids"] = [(6, 0, taxes)]
        return (0, 0, values)

    def invoice(self, *lines: Any, place: str = "ON", **vals: Any) -> int:
        """Create a draft invoice; default: one line of 100.00 with 13% HST (113.00)."""
        chosen = list(lines) or [self.line(taxes=[self.tax("13% HST")])]
        values = {
            "move_type": "out_invoice",
            "partner_id": self.partner(place),
            "ref": self.key("R"),
            "invoice_date": "2026-11-01",
            "invoice_date_due": "2026-11-10",
            "invoice_line_ids": chosen,
        }
        return int(self.target.call("account.move", "create", [values | vals])[0])

    def posted(self, *lines: Any, **vals: Any) -> int:
        move_id = self.invoice(*lines, **vals)
        self.target.call("account.move", "action_post", [move_id])
        return move_id

    def move(self, move_id: int, *fields: str) -> dict[str, Any]:
        [row] = self.target.call("account.move", "read", [move_id], list(fields))
        return dict(row)

    def lines(self, move_id: int, *fields: str, kind: str | None = None) -> list[dict[str, Any]]:
        domain: list[Any] = [["move_id", "=", move_id]]
        if kind is not None:
            domain.append(["display_type", "=", kind])
        return list(
            self.target.call("account.move.line", "search_read", domain, list(fields), order="id")
        )

    def pay(self, move_id: int, amount: float | None = None, date: str = "2026-11-12") -> int:
        """Register a payment with the wizard; return the payment's id."""
        context = {"active_model": "account.move", "active_ids": [move_id]}
        vals: dict[str, Any] = {"journal_id": self.bank, "payment_date": date}
        if amount is not None:
            vals["amount"] = amount
        wizard = self.target.call("account.payment.register", "create", vals, context=context)
        wizard_id = wizard[0] if isinstance(wizard, list) else wizard
        action = self.target.call("account.payment.register", "action_create_payments", [wizard_id])
        return int(action["res_id"])

    def load(self, columns: dict[str, Any], *more: dict[str, Any], **options: Any) -> Any:
        """load() on account.move by column names; create-only unless told otherwise."""
        return self.load_on("account.move", columns, *more, **options)

    def load_on(
        self, model: str, columns: dict[str, Any], *more: dict[str, Any], context: Any = None
    ) -> Any:
        fields = list(columns)
        rows = [[row.get(name, "") for name in fields] for row in (columns, *more)]
        chosen = CREATE_ONLY if context is None else context
        return self.target.call(model, "load", fields, rows, context=chosen)

    def row(self, **columns: Any) -> dict[str, Any]:
        """The base columns of an invoice with one line of 100.00 and 13% HST."""
        key = self.key("L")
        row = {
            "id": f"contract.{key}",
            "move_type": "out_invoice",
            "partner_id/.id": str(self.partner("ON")),
            "ref": key,
            "invoice_date": "2026-11-01",
            "invoice_date_due": "2026-12-01",
            "currency_id/.id": str(self.currency),
            "journal_id/.id": str(self.journal),
            "invoice_line_ids/name": "l",
            "invoice_line_ids/quantity": "1",
            "invoice_line_ids/price_unit": "100.00",
            "invoice_line_ids/tax_ids/.id": str(self.tax("13% HST")),
        }
        return row | {name.replace("__", "/"): value for name, value in columns.items()}

    # ------------------------------------------------------------------ settings

    @contextmanager
    def rounding(self, method: str) -> Iterator[None]:
        """Use a tax rounding method of the company for a while."""
        name = "tax_calculation_rounding_method"
        [company] = self.target.call("res.company", "read", [self.company], [name])
        self.target.call("res.company", "write", [company["id"]], {name: method})
        try:
            yield
        finally:
            self.target.call("res.company", "write", [company["id"]], {name: company[name]})

    @contextmanager
    def digits(self, places: int) -> Iterator[None]:
        """Use a precision for prices, quantities and discounts for a while."""
        names = ["Product Price", "Product Unit", "Discount"]
        rows = self.target.call(
            "decimal.precision", "search_read", [["name", "in", names]], ["digits"]
        )
        for row in rows:
            self.target.call("decimal.precision", "write", [row["id"]], {"digits": places})
        try:
            yield
        finally:
            for row in rows:
                values = {"digits": row["digits"]}
                self.target.call("decimal.precision", "write", [row["id"]], values)
