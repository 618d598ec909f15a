"""The error of a verb, apart from all others: naming it imports no other room."""


class CommandError(RuntimeError):
    """A verb cannot do what it was asked; the message names the thing and how to fix it."""
