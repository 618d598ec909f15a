"""Plays stories in one warehouse: loads, nights, publications; after each night all is compared.

In: a rating world, stories of companies that share its policies. Out: faults, each with the
company, the night, what is right and what stands there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from company.oracle import Oracle
from company.source import Source, Tables
from company.story import TABLES, Row, Story
from machine_checks import Fault, Found, differences
from machine_warehouse import Warehouse
from rating_world import World

# Loads come oftener than builds: versions between two builds are not lost.
NIGHTS = tuple(
    datetime(2026, month, day, 3, 30, tzinfo=UTC)
    for month, day in ((1, 13), (2, 5), (3, 4), (3, 18), (4, 4), (5, 5), (6, 4), (7, 4))
)
LOADS = tuple(
    datetime(2026, month, day, 3, 30, tzinfo=UTC) for month, day in ((1, 24), (4, 20), (5, 22))
)


class Play:
    """Some companies in one warehouse, from the first night to the last."""

    def __init__(self, world: World, stories: Sequence[Story]) -> None:
        self.stories = stories
        self.warehouse = Warehouse(world, stories)
        self._sources = {story.place: Source(story) for story in stories}
        self._oracles = {story.place: Oracle(story) for story in stories}
        self.faults: list[Fault] = []
        self.compared = 0  # amounts, over all nights

    def run(self, nights: int = len(NIGHTS), *, until_one_fails: bool = False) -> list[Fault]:
        """Play the first nights; a company's faults of its first bad night are enough."""
        self.warehouse.open()
        for at in sorted((*LOADS, *NIGHTS)):
            self._load(at)
            if at in NIGHTS:
                self._night(NIGHTS.index(at), at)
            else:
                self.warehouse.remember(at)
            if at == NIGHTS[nights - 1] or (self.faults and until_one_fails):
                break
        return self.faults

    def _load(self, at: datetime) -> None:
        standing: dict[int, Tables] = {}
        for story in self.stories:
            standing[story.place] = self._sources[story.place].advance(at)
            self._oracles[story.place].see(standing[story.place], at)
        for table in TABLES:
            rows = {place: tables[table] for place, tables in standing.items()}
            self.warehouse.load(table, rows, at)

    def _night(self, number: int, at: datetime) -> None:
        as_of = at + timedelta(hours=1)
        self.warehouse.rate(as_of)
        found = self.warehouse.found()
        failed = {fault.place for fault in self.faults}
        to_publish: dict[int, list[Row]] = {}
        for story in self.stories:
            if story.place in failed:
                continue
            truth = self._oracles[story.place].expected(as_of)
            own = found.get(story.place, Found())
            self.compared += len(truth.amounts)
            texts = list(differences(truth, own, as_of, story.policies[0].timezone))
            self.faults += [Fault(story.place, number, at, text) for text in texts]
            if texts:
                continue
            to_publish[story.place] = _chosen(story, number, own, {*truth.troubled, *own.held})
        self.warehouse.publish(number, to_publish)
        for story in self.stories:
            if story.decisions[number].releases:
                self.warehouse.release(story.place)


def _chosen(story: Story, night: int, found: Found, held: set[str]) -> list[Row]:
    """What a person approves of what is due; nothing that an exception holds."""
    share = story.decisions[night].share
    lines = [line for line in found.proposed if line["is_billable"]]
    return [
        line
        for line in lines
        if line["subscription"] not in held and _luck(story, night, line) < share
    ]


def _luck(story: Story, night: int, line: Row) -> float:
    of = (story.seed, night, line["subscription"], line["charge"], line["rated_start"])
    return random.Random(repr(of)).random()


def report(stories: Sequence[Story], faults: Sequence[Fault]) -> str:
    """Each company that failed: what differs, and its story."""
    told: list[Any] = []
    for story in stories:
        own = [fault for fault in faults if fault.place == story.place]
        if own:
            told += [f"company {story.place}:", *(f"  {fault}" for fault in own)]
            told += [story.told(list(NIGHTS)), ""]
    return "\n".join(told)
