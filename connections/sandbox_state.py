"""What `billing up` wrote down of the embedded world. Its home flows in; values flow out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connections.errors import SettingsError


def sandbox_state(home: Path) -> dict[str, Any]:
    """The state, empty where there is no sandbox. Raises SettingsError where it cannot be read."""
    path = home / "sandbox.json"
    try:
        state = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} cannot be read ({type(error).__name__}): run `billing up` again"
        ) from None
    if not isinstance(state, dict):
        raise SettingsError(f"{path} is not a JSON object: run `billing up` again")
    return state
