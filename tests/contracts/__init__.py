"""What every component of a stage must do: one suite per stage, to inherit in a test.

Installed as `millrace_contracts`, so that packages with components of their own inherit them too.
"""

from __future__ import annotations

from pkgutil import iter_modules

import pytest

# Outside of test modules pytest explains a failed assertion only where it is told to.
pytest.register_assert_rewrite(*(f"{__name__}.{each.name}" for each in iter_modules(__path__)))
