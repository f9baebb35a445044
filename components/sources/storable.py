"""Texts and paths as files and indexes can hold them."""

from __future__ import annotations

from components.text.normal_form import canonical


def storable(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates, which UTF-8 lacks, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def document_id(path: str) -> str:
    """The path as an id: storable, and in the one form that accented letters have in ids."""
    return canonical(storable_path(path))


def storable_path(path: str) -> str:
    r"""The path with bytes that are not UTF-8 spelt out (`\udcff`). Two paths stay two.

    The spelling of a folder is the beginning of the spelling of what is in it.
    """
    return "/".join(map(_storable_name, path.split("/")))


def _storable_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()
    return escaped if "\\udc" in escaped else name
