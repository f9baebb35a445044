"""What a model is asked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_PLACE = re.compile(r"\{([A-Za-z_]+)\}")


@dataclass(frozen=True)
class Prompt:
    """A text with places such as `{question}`."""

    text: str

    @property
    def places(self) -> frozenset[str]:
        """Names of its places."""
        return frozenset(_PLACE.findall(self.text))

    @property
    def sha256(self) -> str:
        """First 16 hex digits, of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def filled(self, **values: str) -> str:
        """With these places filled in one pass: what a value holds is text, never a place."""
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), self.text)
