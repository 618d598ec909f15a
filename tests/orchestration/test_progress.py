"""A log hears of a long copy now and then, and of its end always."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loaders.report import Progress
from orchestration.progress import in_words, now_and_then

FAR = Progress("raw_nexacloud.usage_records", 500_000, 2_000_000, 250_000.0, 6.0)
END = Progress("raw_nexacloud.usage_records", 2_000_000, 2_000_000, 250_000.0, 0.0, is_done=True)


def test_a_sign_of_life_has_rows_rate_and_time_to_go() -> None:
    assert in_words(FAR) == (
        "raw_nexacloud.usage_records: 500,000 of about 2,000,000 rows, 250,000 a second, 6 s to go"
    )


def test_the_end_tells_no_time_to_go() -> None:
    """The expected number was an estimate, and the rows that came are the truth."""
    end = Progress("raw_odoo.sale_order", 87, 1_500, 2_896.0, 0.5, is_done=True)
    assert in_words(end) == "raw_odoo.sale_order: 87 rows, 2,896 a second"


def test_what_else_than_copying_goes_on_is_said() -> None:
    assert in_words(replace(FAR, doing="merging")) == (
        "raw_nexacloud.usage_records: merging 500,000 rows"
    )
    assert in_words(replace(FAR, rows=0, doing="looking for broken rows")) == (
        "raw_nexacloud.usage_records: looking for broken rows"
    )


@pytest.mark.parametrize(("seconds", "sentences"), [(60.0, 1), (0.0, 11)])
def test_a_log_is_not_flooded_and_hears_the_end(
    monkeypatch: pytest.MonkeyPatch, seconds: float, sentences: int
) -> None:
    monkeypatch.setattr("orchestration.progress.SECONDS_BETWEEN", seconds)
    said: list[str] = []
    news = now_and_then(said.append)
    for _ in range(10):
        news(FAR)
    news(END)
    assert len(said) == sentences
    assert said[-1] == in_words(END)
