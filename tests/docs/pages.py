"""What a page of the documentation holds that a test can check."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
"""Pages whose code is run."""
ALL = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})

_FENCE = re.compile(r"^```(.*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read_code(page: Path, info: str) -> str:
    """Return the fenced blocks of a kind as one script, whose line numbers are the page's."""
    text = page.read_text(encoding="utf-8")
    lines: list[str] = []
    for match in _FENCE.finditer(text):
        if match[1].strip() == info:
            lines += [""] * (text.count("\n", 0, match.start(2)) - len(lines))
            lines += match[2].splitlines()
    return "\n".join(lines)


def read_commands(page: Path) -> list[str]:
    """Return the commands of our own, indented or between backticks, without what is set before and said behind."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8")).replace("\\\n", " ")
    found = re.findall(r"`(trackway [^`\n]+)`", text)
    for line in text.splitlines():
        if line.startswith("    "):
            command = re.sub(r"\s+# .*", "", line.strip())
            command = re.sub(r"^(\w+=\S* +)+", "", command)
            if command.startswith("trackway "):
                found.append(command)
    return list(dict.fromkeys(found))


def read_links(page: Path) -> list[str]:
    """Return the links to other places of this repository."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if "://" not in link]


def read_anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as forges make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text)]
    return {heading.strip().replace(" ", "-") for heading in plain}
