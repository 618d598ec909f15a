"""What can go wrong with webhooks, by what a person has to fix."""


class WebhookError(RuntimeError):
    """Base of this room's errors; the message names the thing and how to fix it."""


class WebhookRefused(WebhookError):
    """The guard will not connect to this URL or to the address that its name resolves to."""


class WebhookConfigError(WebhookError):
    """A service is enabled, but its URL or its secrets are missing or unusable."""


class UnknownEvent(WebhookError):
    """No event, delivery or ended subscription of that name."""
