"""Files inside of a text as data URIs: their bytes go, what is said about them stays."""

from __future__ import annotations

import re

_PARAMETER = r";(?!base64,)[\w.+*-]++(?:=(?:\"[^\"\n]{0,200}+\"|[^:,;\"<>\[\]\n]{0,200}+))?"
_HEAD = rf"data:[\w.+/-]*(?:{_PARAMETER}){{0,20}}+"
_BASE64 = rf"{_HEAD};base64,[A-Za-z0-9+/=%\s_-]*+"
_PLAIN = rf"{_HEAD}(?:;base64)?,"
_FLAGS = re.IGNORECASE | re.MULTILINE
_LINK = re.compile(
    rf"\]\(\s*(?:<?{_BASE64}>?|<{_PLAIN}[^<>\n]*+>|{_PLAIN}(?:[^\s()]++|\([^\s()]*+\))*+)"
    r"\s*(?:\"([^\"\n]*)\"|'([^'\n]*)')?\s*\)",
    _FLAGS,
)
_LABEL = re.compile(r"!?\[([^\[\]\0]{0,1000})\]\0([^\0]*)\0")
_REST = re.compile(r"\0([^\0]*)\0")
_REFERENCE = re.compile(
    rf"^[ \t>]{{0,20}}\[(?!\^)[^\]\n]{{1,1000}}\]:[ \t]*\n?[ \t]*"
    rf"(?:(?:<{_BASE64}>|{_HEAD};base64,\S*+)(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?"
    rf"[ \t]*|<?{_HEAD},[^\n]*)(?:\n|\Z)",
    _FLAGS,
)
_ATTRIBUTE = re.compile(
    r"(?<=[\s\"'])((?:xlink:)?href|src|srcset|poster|data|background|content|value)(\s*=\s*)"
    rf"(?:\"\s*(?:{_BASE64}|{_PLAIN}[^\"\n]*+)\"|'\s*(?:{_BASE64}|{_PLAIN}[^'\n]*+)'"
    rf"|{_PLAIN}[^\s>\"']*+)",
    _FLAGS,
)
_STYLE = re.compile(
    rf"url\(\s*[\"']?(?:{_BASE64}[\"']?|{_PLAIN}(?:[^()\n]++|\([^()\n]*+\))*+)\s*\)",
    _FLAGS,
)
_AUTOLINK = re.compile(rf"<{_PLAIN}[^<>\s]*+>", _FLAGS)
_LONG = re.compile(
    rf"{_PLAIN}[ \t]*(?:[A-Za-z0-9+/=%_.~*-]{{100,}}+"
    r"|[A-Za-z0-9+/]{40,}+(?=\n[ \t>]*[A-Za-z0-9+/]{60}))"
    r"(?:\n[ \t>]*[A-Za-z0-9+/]{60,}+={0,2})*+"
    r"(?:\n[ \t>]*[A-Za-z0-9+/]+(?:=+|(?=[)\"'>])))?",
    _FLAGS,
)


def dropped(text: str) -> str:
    """Any text without what is long; a short one may be what the text is about."""
    return _LONG.sub("", text) if _has_any(text) else text


def dropped_from_markdown(text: str) -> str:
    """Markdown without data URIs. Of pictures and links the words stay, of definitions nothing."""
    if not _has_any(text):
        return text
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(lambda found: f"]\0{found[1] or found[2] or ''}\0", text)
    text = _LABEL.sub(lambda found: " ".join(filter(None, found.groups())), text)
    text = _REST.sub(lambda found: found[1] and f" {found[1]}", text)
    text = _ATTRIBUTE.sub(r'\1\2""', text)
    text = _STYLE.sub("url()", text)
    return _LONG.sub("", _AUTOLINK.sub("", text))


def _has_any(text: str) -> bool:
    return "data:" in text or "data:" in text.lower()
