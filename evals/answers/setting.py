"""What an answerer is given to answer from."""

from __future__ import annotations

from typing import Literal, get_args

Setting = Literal["shared", "single", "oracle", "long_context", "closed_book"]
"""`shared`: hits among all documents. `single`: hits in the document, or the scope, that the
question is about. `oracle`: the evidence itself. `long_context`: the whole document. `closed_book`:
nothing.
"""
SETTINGS: tuple[Setting, ...] = get_args(Setting)
RETRIEVED: tuple[Setting, ...] = ("shared", "single")
"""Where hits are searched for, so that an index is needed."""
OF_THE_DATA: tuple[Setting, ...] = ("oracle", "long_context")
"""Where the data set's own documents are read."""
