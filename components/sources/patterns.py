"""Which paths a source's `include` and `exclude` choose."""

from __future__ import annotations

from wcmatch import fnmatch, glob

from components.options import option
from components.text.normal_form import canonical

INCLUDE = tuple(
    f"**/*.{suffix}"
    for suffix in ("md", "markdown", "rst", "txt", "html", "htm", "xhtml", "xht", "pdf")
)
"""Every format that `extract` knows."""
EXCLUDE = option((), help="globs of what to leave out, like drafts/**", stored=False)


def check(*patterns: str) -> None:
    """Raises ValueError for a pattern that no path below a folder could match."""
    for pattern in patterns:
        if pattern.startswith(("/", "./", "../")):
            raise ValueError(f"the pattern {pattern!r} must begin below the folder: 'docs/*'")


class Chosen:
    """Paths with "/" between the parts. `**` is any depth; case does not matter; names that begin
    with a dot count where a pattern spells the dot.
    """

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        fold = glob.GLOBSTAR | glob.IGNORECASE
        include, exclude = (tuple(map(canonical, each)) for each in (include, exclude))
        dotted = [part for each in include for part in each.split("/") if part.startswith(".")]
        closed = [each for each in exclude if each.endswith("/**")]
        self._include = glob.compile(include, flags=fold)
        self._exclude = glob.compile(exclude, flags=fold | glob.DOTGLOB)
        self._closed = glob.compile(closed, flags=fold | glob.DOTGLOB)
        self._dotted = fnmatch.compile(dotted, flags=fnmatch.IGNORECASE)

    def takes(self, file: str) -> bool:
        """Whether a file is chosen."""
        file = canonical(file)
        return self._include.match(file) and not self._exclude.match(file)

    def enters(self, folder: str) -> bool:
        """Whether a chosen file may be below a folder, written without "/" at its end."""
        folder = canonical(folder)
        name = folder.rpartition("/")[2]
        hidden = name.startswith(".") and not self._dotted.match(name)
        return not hidden and not self._closed.match(f"{folder}/")
