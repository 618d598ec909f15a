"""An Odoo 19 stand-in: the part of a real Odoo that this project talks to, as it was measured.

Flows in: JSON-RPC over HTTP from an unpatched odoorpc. Flows out: Odoo's own answers, errors and
silences. State lives in a PostgreSQL database of its own; one call is one transaction.
"""
