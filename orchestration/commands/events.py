"""events: lifecycle webhooks, frozen, signed and delivered; a dry run unless told to go."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import Go, Json
from orchestration.names import WEBHOOKS_KEY, WEBHOOKS_OP
from orchestration.outcome import execute
from publishers import webhooks

History = Annotated[bool, typer.Option(help="Also what happened before the service switched on.")]
Replay = Annotated[str | None, typer.Option(metavar="EVENT", help="Queue this event again.")]
Discard = Annotated[str | None, typer.Option(metavar="EVENT", help="Give this event up.")]
Release = Annotated[
    str | None,
    typer.Option(metavar="SERVICE:SUBSCRIPTION", help="Let the app be told that it ended."),
]
Name = Annotated[str | None, typer.Option("--by", help="Who decides: your name.")]
Reason = Annotated[str, typer.Option("--why", help="Why: one sentence.")]


def events(
    go: Go = False,
    history: History = False,
    replay: Replay = None,
    discard: Discard = None,
    release: Release = None,
    by: Name = None,
    why: Reason = "",
    json: Json = False,
) -> None:
    """Tell the apps what happened to their invoices, by signed webhooks. A dry run without --go.

    Example: [bold]billing events --go[/], [bold]billing events --replay EVENT --by "Dana Roy"[/]
    """
    settings = load_settings()
    if replay or discard or release:
        _by_hand(settings, replay, discard, release, by, why)
        return
    answer = _send(settings, history) if go else _preview(settings, history)
    if json:
        render.print_json(answer)
    else:
        _show(answer)
    if answer["delivered"]["dead"] or answer["delivered"]["problems"]:
        raise typer.Exit(1)


def _send(settings: Settings, history: bool) -> dict[str, Any]:
    """Send through Dagster; history is frozen first, since only a person asks for it."""
    if history:
        webhooks.emit(settings, go=True, history=True)
    outcome = execute(settings, "events", {"ops": {WEBHOOKS_OP: {"config": {"go": True}}}})
    key = "/".join(WEBHOOKS_KEY)
    if key not in outcome.metadata:
        outcome.raise_if_failed()
    answer: dict[str, Any] = outcome.metadata[key]["report"]
    return answer


def _preview(settings: Settings, history: bool) -> dict[str, Any]:
    return {
        "emitted": webhooks.emit(settings, history=history).as_json(),
        "delivered": webhooks.deliver(settings).as_json(),
    }


def _by_hand(
    settings: Settings,
    replay: str | None,
    discard: str | None,
    release: str | None,
    by: str | None,
    why: str,
) -> None:
    if not by:
        raise typer.BadParameter("say who decides: --by NAME")
    if replay:
        webhooks.replay(settings, replay, by=by)
        render.stdout.print(f"{replay} is queued again; `billing events --go` sends it")
    if discard:
        webhooks.discard(settings, discard, by=by, note=why)
        render.stdout.print(f"{discard} is given up")
    if release:
        service, _, subscription = release.partition(":")
        webhooks.release_termination(settings, service, subscription, by=by, note=why)
        render.stdout.print(f"{release} may be told to its app; the app deprovisions it")


def _show(answer: dict[str, Any]) -> None:
    emitted, delivered = answer["emitted"], answer["delivered"]
    title = "Events that would be frozen" if emitted["dry_run"] else "Events frozen"
    columns = ["event_type", "external_subscription_id", "deployment_id", "occurred_at", "decision"]
    told = [{**event, "because": event["why"]} for event in emitted["events"]]
    render.stdout.print(render.table(title, told, [*columns, "because", "reason"]))
    for service in emitted["switched_off"]:
        off = f"{service}: webhooks are off (webhook_enabled in services.csv)"
        render.stdout.print(f"[yellow]off[/] {render.escape(off)}", highlight=False)
    render.stdout.print(
        render.table(
            "Deliveries",
            delivered["deliveries"],
            ["event_id", "event_type", "state", "attempts", "status", "error"],
            caption=f"{delivered['delivered']} delivered, {delivered['waiting']} waiting",
        )
    )
    for problem in delivered["problems"]:
        render.stdout.print(f"[red]problem[/] {render.escape(problem)}", highlight=False)
