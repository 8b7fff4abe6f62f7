"""The difference of two documents as upstream's messages show it: a unified diff of indented JSON."""

from __future__ import annotations

import difflib
import json
from typing import Any


def diff(old: Any, new: Any) -> str:
    before, after = (json.dumps(each, indent=1, ensure_ascii=False, sort_keys=True).splitlines() for each in (old, new))
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)
