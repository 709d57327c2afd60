"""The code of the pages on large libraries runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.test_docs import run_script

pytestmark = pytest.mark.libraries


@pytest.mark.parametrize(
    "page", [page for page in pages.RUN if pages.read_code(page, "python libraries")], ids=pages.name
)
def test_the_code_of_a_page_runs_in_an_empty_folder(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(pages.read_code(page, "python libraries"), encoding="utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    run_script(sys.executable, script, folder)
