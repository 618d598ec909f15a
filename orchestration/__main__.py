"""`python -m orchestration` is `billing`, for where the command is not on the path."""

from orchestration.cli import app

app(prog_name="billing")
