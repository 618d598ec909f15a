"""What may happen to a company, and how often of a hundred times or so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from company import at_plans, at_subscriptions
from company.firm import Company


@dataclass(frozen=True)
class Happening:
    weight: int
    happen: Callable[[Company], None]


HAPPENINGS: dict[str, Happening] = {
    "sign_up": Happening(8, at_subscriptions.sign_up),
    "switch": Happening(14, at_subscriptions.switch),
    "switch_there_and_back": Happening(4, at_subscriptions.switch_there_and_back),
    "switch_shown_late": Happening(3, at_subscriptions.switch_shown_late),
    "correct_start": Happening(2, at_subscriptions.correct_start),
    "hand_over": Happening(5, at_subscriptions.hand_over),
    "cancel": Happening(7, at_subscriptions.cancel),
    "correct_cancellation": Happening(4, at_subscriptions.correct_cancellation),
    "undo_cancellation": Happening(4, at_subscriptions.undo_cancellation),
    "start_again": Happening(5, at_subscriptions.start_again),
    "suspend": Happening(6, at_subscriptions.suspend),
    "restore": Happening(8, at_subscriptions.restore),
    "unknown_status": Happening(1, at_subscriptions.unknown_status),
    "delete_subscription": Happening(1, at_subscriptions.delete),
    "reprice": Happening(12, at_plans.reprice),
    "rename": Happening(5, at_plans.rename),
    "change_currency": Happening(2, at_plans.change_currency),
    "change_interval": Happening(2, at_plans.change_interval),
    "delete_plan": Happening(3, at_plans.delete),
    "double_plan": Happening(1, at_plans.double),
    "new_plan": Happening(3, at_plans.new_plan),
    "touch": Happening(4, at_plans.touch),
    "move_province": Happening(3, at_plans.move_province),
}
# What the source never overwrites: a world without history.
PLAIN = ("sign_up", "new_plan")
