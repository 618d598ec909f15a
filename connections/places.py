"""Where the code is, where the project, where the settings: in a checkout all in one place.

Flows out: paths. An installed package carries the project inside it; `billing init DIR` lays out
one of the user's own, with `.env` and `.local/` beside it. That is the current folder, or the one
that BILLING_PROJECT names.
"""

from __future__ import annotations

import os
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (CODE / "dbt_project.yml").is_file()
# What setup.py packed: dbt_project.yml and dbt_project/, deploy/, .env.example.
PACKED = CODE if IS_CHECKOUT else CODE / "orchestration" / "project"
FOLDER = Path(os.environ.get("BILLING_PROJECT") or (CODE if IS_CHECKOUT else Path.cwd())).resolve()
PROJECT = FOLDER if (FOLDER / "dbt_project.yml").is_file() else PACKED
