"""A Dockerfile as instructions, in stages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stage:
    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)  # instruction, the rest

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]

    def exec_form(self, instruction: str) -> list[str]:
        """Raises ValueError for the other form, which puts a shell between."""
        found: list[str] = json.loads(self.last(instruction))
        return found


def stages(text: str) -> list[Stage]:
    """
    >>> first, last = stages("FROM a:1 AS x\\nRUN b \\\\\\n  c\\nFROM d:2\\nUSER 1\\n")
    >>> first.name, first.all("RUN"), last.last("USER")
    ('x', ['b c'], '1')
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].steps.append((instruction, rest.strip()))
    return found


def copied(stage: Stage) -> list[str]:
    """What is taken from the folder that is built in."""
    plain = [each.split() for each in stage.all("COPY") if not each.startswith("--from")]
    return [source for words in plain for source in words[:-1]]


def health_check(stage: Stage) -> list[str]:
    _, _, command = stage.last("HEALTHCHECK").partition("CMD ")
    found: Any = json.loads(command)
    return list(found)
