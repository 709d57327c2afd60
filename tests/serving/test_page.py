"""The page that a browser shows at the address of a served model."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.serving import code_models as code
from tests.serving.served import Served, serve_in_process
from trackway.models import Signature, columns, save_model

Serve = Callable[[str], Served]


def read_command(page: str) -> list[str]:
    shown = re.search("<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert shown
    return shlex.split(html.unescape(shown[1]))


def test_the_page_says_what_the_model_takes_and_its_command_asks_for_a_prediction(serve: Serve) -> None:
    served = serve("labels")
    answer = served.send("GET", "/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = answer.body.decode()
    assert "<h1>labels/1</h1>" in page
    assert "<li><code>a: double</code>" in page
    program, address, _, kind, _, data = read_command(page)
    assert (program, address) == ("curl", "http://127.0.0.1/invocations")
    assert len(served.score(data, kind.partition(": ")[2]).json["predictions"]) == 2
    for said, scheme in (("https", "https"), ("javascript", "http")):
        page = served.send("GET", "/", **{"X-Forwarded-Proto": said}).body.decode()
        assert read_command(page)[1] == f"{scheme}://127.0.0.1/invocations"


def test_the_page_of_a_model_without_a_signature_says_so(serve: Serve) -> None:
    page = serve("anything").send("GET", "/").body.decode()
    assert "It has no signature" in page
    assert "<li>" not in page
    assert "k: long = 3" in serve("answers").send("GET", "/").body.decode()


def test_nothing_that_a_model_is_called_or_holds_is_markup(tmp_path: Path) -> None:
    hostile = "</pre><script>alert(1)</script>"
    signature = Signature(inputs=columns(**{hostile: "string"}))
    save_model(code.Echo, tmp_path / "m", signature=signature, input_example=pd.DataFrame({hostile: [hostile]}))
    page = serve_in_process(tmp_path / "m", name="<b>it").send("GET", "/").body.decode()
    assert "<script" not in page
    assert "<b>" not in page
    assert html.escape(hostile) in page
    assert hostile in read_command(page)[-1]
