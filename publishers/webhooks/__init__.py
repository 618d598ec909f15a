"""Lifecycle webhooks: the states of invoices and subscriptions, told to the apps.

In: serving.fct_lifecycle_events. Out: signed POSTs to each enabled service's receiver, and a record
of every attempt in schema `ops`. Nothing leaves without `go`, and nothing for a service that
services.csv does not enable. docs/webhooks.md describes the receiver's side.
"""

from publishers.webhooks.backlog import is_due, summary
from publishers.webhooks.delivery import Options, deliver
from publishers.webhooks.emission import emit
from publishers.webhooks.errors import (
    UnknownEvent,
    WebhookConfigError,
    WebhookError,
    WebhookRefused,
)
from publishers.webhooks.manual_actions import discard, release_termination, replay
from publishers.webhooks.reports import DeliveryReport, EmitReport, Summary

__all__ = [
    "DeliveryReport",
    "EmitReport",
    "Options",
    "Summary",
    "UnknownEvent",
    "WebhookConfigError",
    "WebhookError",
    "WebhookRefused",
    "deliver",
    "discard",
    "emit",
    "is_due",
    "release_termination",
    "replay",
    "summary",
]
