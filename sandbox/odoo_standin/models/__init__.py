"""The behaviours of the models: importing this package registers them."""

from sandbox.odoo_standin.models import (
    companies,
    move_lines,
    moves,
    partners,
    payment_register,
    payments,
    products,
    reversals,
    sales,
    transactions,
)

__all__ = [
    "companies",
    "move_lines",
    "moves",
    "partners",
    "payment_register",
    "payments",
    "products",
    "reversals",
    "sales",
    "transactions",
]
