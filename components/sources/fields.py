"""What a JSON object says of a document or a question, by the names that are in use.

BEIR calls the id `_id` and the text `text`; Pyserini says `id` and `contents`, Tevatron `docid`; MS
MARCO's second version has `body`, `passage` or `segment`. Of several, the first that is given
counts, and the others are fields like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.sources.storable import storable
from components.text.normal_form import canonical
from components.values import Metadata

Fields = Mapping[str, Any]
IDS = ("_id", "id", "pid", "docid", "doc_id", "docno")
"""A passage (`pid`) may name its document besides."""
TEXTS = ("text", "contents", "content", "body", "passage", "segment", "page_content")
_NESTED = "metadata"


def parsed(line: bytes) -> dict[str, Any]:
    """The object of a line. Raises ValueError with a reason."""
    try:
        found = json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
        if b"\\u" in line:  # the only way for a lone surrogate to come in
            found = json.loads(storable(json.dumps(found, ensure_ascii=False)))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def as_id(value: object) -> str | None:
    """In NFC, without blanks around it; None for what is no id."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return canonical(str(value).strip()) or None


def id_of(fields: Fields, names: Sequence[str] = IDS) -> str:
    """The value of the first of these names that is given. Raises ValueError."""
    id = as_id(fields.get(given(fields, names)))
    if id is None:
        others = ", ".join(names[1:])
        raise ValueError(f"no {names[0]} that is a string or a number (nor {others})")
    return id


def text_of(fields: Fields) -> str:
    """The first of TEXTS that is not blank, else the empty string; what is no string, in JSON."""
    return shown(fields.get(text_name(fields)))


def text_name(fields: Fields, names: Sequence[str] = TEXTS) -> str:
    """The first of these names whose value is not blank, else the first."""
    return next((name for name in names if shown(fields.get(name)).strip()), names[0])


def field_of(fields: Fields, name: str) -> Any:
    """A field's value, or else that of the field below `metadata`; None where neither is."""
    return fields[name] if fields.get(name) is not None else _nested(fields).get(name)


def metadata_of(fields: Fields, *roles: str) -> Metadata:
    """The flat fields but for those with a role of their own, and the flat ones below `metadata`;
    of two with one name the outer one.
    """
    own = {name: value for name, value in fields.items() if name not in roles and _flat(value)}
    return {name: value for name, value in _nested(fields).items() if _flat(value)} | own


def given(fields: Fields, names: Sequence[str]) -> str:
    """The first of these names that has a value, else the first."""
    return next((name for name in names if fields.get(name) is not None), names[0])


def shown(value: object) -> str:
    """A string as it is, nothing as the empty string, anything else in JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _nested(fields: Fields) -> Fields:
    found = fields.get(_NESTED)
    return found if isinstance(found, dict) else {}


def _flat(value: object) -> bool:
    if isinstance(value, list):
        return all(_flat(each) and not isinstance(each, list) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    # A larger number could not be given back by an index.
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**63)
