"""A chat model that says what a test has written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.endpoint.conversation import Message, Said
from components.values import Usage

Line = str | Mapping[str, object] | Exception
"""An object is said in JSON, an error is raised."""
EACH = Usage(calls=1, input_tokens=10, output_tokens=5, cost=0.5)


@dataclass
class Scripted:
    """Says the lines one after the other."""

    lines: Sequence[Line]
    cut: bool = False
    asked: list[str] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)

    @property
    def facts(self) -> Mapping[str, object]:
        return {"model": "scripted"}

    def ask(self, messages: Sequence[Message], purpose: str) -> Said:
        line = self.lines[len(self.asked)]
        self.asked.append(messages[-1].text)
        self.purposes.append(purpose)
        if isinstance(line, Exception):
            raise line
        text = line if isinstance(line, str) else json.dumps(line)
        return Said(text=text, usage=EACH, cut=self.cut)
