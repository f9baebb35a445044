"""What elements are to a reader, by the HTML standard's chapter on rendering.

Names are tags; those of foreign content have its kind before them: "svg title".
"""

from __future__ import annotations

LEFT_OUT = frozenset((
    # Not the page's text: code, patterns for scripts, the title of the window.
    "script", "style", "svg script", "svg style", "template", "title",
    # Shown by no browser: choices of a field, brackets for those who cannot show ruby, what stands
    # in for players and frames.
    "audio", "datalist", "noembed", "noframes", "rp", "video",
    # Said about a picture; a formula once more, in another notation.
    "svg desc", "svg metadata", "svg title", "math annotation", "math annotation-xml",
))  # fmt: skip
"""Elements of which nothing is read."""

BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav",
    "ol", "optgroup", "option", "p", "search", "section", "summary", "svg foreignObject",
    "svg text", "tbody", "td", "tfoot", "th", "thead", "ul",
))  # fmt: skip
"""End the line before and after them."""
BOXES = frozenset((
    "audio", "button", "canvas", "embed", "iframe", "img", "input", "meter", "object", "progress",
    "select", "svg svg", "video",
))  # fmt: skip
"""Stand in a line, but are no part of the words beside them. So do the parts of formulas."""
KEPT = frozenset(("listing", "plaintext", "pre", "textarea", "xmp"))
"""White space in them is text."""
LEVELS = {f"h{level}": level for level in range(1, 7)}
LABELS = {"input": "value", "optgroup": "label", "option": "label"}
"""Attributes that are shown."""
NO_TEXT = frozenset(("checkbox", "color", "file", "hidden", "image", "password", "radio", "range"))
"""Types of `<input>` that do not show their value as text."""
