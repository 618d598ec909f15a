"""How fast the loaders are, as ratios against the same work done another way in the same run.

In: an embedded world of its own. Out: benchmarks/results/loaders.md.

    python -m benchmarks.loaders [copy] [merge] [odoo]
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.loader_world import ROUNDS, USAGE_ROWS, world
from benchmarks.loaders_copy import bench_copy
from benchmarks.loaders_merge import bench_merge
from benchmarks.loaders_odoo import bench_odoo

RESULT = Path(__file__).parent / "results" / "loaders.md"
HEAD = ["| way | median s | range s | CPU s |", "|---|---|---|---|"]
PARTS = {
    "copy": (f"Copy of {USAGE_ROWS:,} usage records", bench_copy),
    "merge": ("Merge of what is new and changed", bench_merge),
    "odoo": ("Reading Odoo", bench_odoo),
}


def main(wanted: list[str]) -> None:
    lines = [
        "# Loaders, measured",
        "",
        f"Medians of {ROUNDS} interleaved rounds in one run on one machine; a ratio is the median",
        "over pairs. CPU counts both servers, us and our children. Made by",
        "`python -m benchmarks.loaders`.",
    ]
    with world() as bench:
        for name, (title, part) in PARTS.items():
            if wanted and name not in wanted:
                continue
            lines += ["", f"## {title}", "", *HEAD, *part(bench)]
            print("\n".join(lines[-8:]), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
