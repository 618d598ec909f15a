"""Finds a shorter story that still fails: many candidates are companies of one warehouse.

In: a story that fails, and fresh worlds. Out: a story from which no single event can be left out,
as far as a few rounds get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from company.story import Event, Story
from machine_play import Play
from rating_world import World

FreshWorld = Callable[[], World]
SIZES = (16, 4, 1, 1)


def shrink(fresh: FreshWorld, story: Story) -> Story:
    """Leave out more and more, in chunks that become smaller, of the nights that it takes."""
    faults = Play(fresh(), [story]).run(until_one_fails=True)
    if not faults:
        return story
    nights = faults[0].night + 1
    plain = replace(story, charges=(), tiers=())
    lighter = [_without_usage(story), plain, _without_usage(plain)]
    story = (_failing(fresh, lighter, nights) or [story])[-1]
    for size in SIZES:
        chunks = list(_chunks(story.events, size))
        alone = [_without(story, [chunk]) for chunk in chunks]
        failing = {one.number for one in _failing(fresh, alone, nights)}
        spare = [chunk for number, chunk in enumerate(chunks) if number in failing]
        together = [_without(story, spare[:count]) for count in range(1, len(spare) + 1)]
        story = (_failing(fresh, together, nights) or [story])[-1]
    return story


def _failing(fresh: FreshWorld, candidates: Sequence[Story], nights: int) -> list[Story]:
    """Those that fail, numbered by their place, in one play of all."""
    numbered = [replace(story, number=number) for number, story in enumerate(candidates)]
    if not numbered:
        return []
    numbers = {fault.place for fault in Play(fresh(), numbered).run(nights)}
    return [story for story in numbered if story.number in numbers]


def _chunks(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), size):
        yield events[start : start + size]


def _without(story: Story, chunks: Sequence[Sequence[Event]]) -> Story:
    left_out = {id(event) for chunk in chunks for event in chunk}
    return replace(story, events=tuple(one for one in story.events if id(one) not in left_out))


def _without_usage(story: Story) -> Story:
    kept = tuple(event for event in story.events if event.table != "usage_records")
    return replace(story, events=kept)
