from __future__ import annotations

import time
from contextlib import suppress
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.api.limits import ARTIFACT_PATH_CHARS, ARTIFACT_PATH_SEGMENTS
from trackway.artifacts.paths import check_artifact_path, check_key
from trackway.base.errors import InvalidInput

PLAIN = (
    "a",
    "plots/roc.png",
    "model/MLmodel",
    "model/data/model.pkl",
    ".hidden",
    "a/.b/c..d",
    "..a",
    "a..",
    "...a",
    "with space/ä é.txt",
    "e\u0301.txt",
    "日本/🙂.png",
    "100%",
    "50%_accuracy.png",
    "a%20b",
    "a%",
    "%zz",
    "a+b&c=d;e,f@g",
    "hash#question?",
    "loss=0.1:v2",
    "CON",
    "file.txt::$DATA",
    "proc/self/root",
    "dev/stdin",
    "s" * 255,
    "/".join("s" * ARTIFACT_PATH_SEGMENTS),
    "/".join(["s" * 199] * 5),
)

DOTS = ("..", ".", "...", ".. ", " ..", ". .", "....", " ")
ENCODED = ("%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%00")
TRAVERSALS = (
    "..",
    "../x",
    "../../../../etc/passwd",
    "a/..",
    "a/../b",
    "a/../../b",
    "./a",
    "a/./b",
    "a/.",
    "....//....//etc/passwd",
    "..\\..\\x",
    "a\\b",
    "\\",
    "\\\\host\\share",
    "C:\\x",
    "C:/x",
    "c:x",
    "Z:",
    "/",
    "//",
    "///",
    "/etc/passwd",
    "//proc/self/root",
    "/dev/stdin",
    "a//b",
    "a/",
    "",
    "a\x00",
    "a\x00.png",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\ud800b",
    ".%2e/x",
    "%2e./x",
    "%2e%2e%2fx",
    "%2e%2e/x",
    "..%2fx",
    "..%5cx",
    "a%2f..%2fb",
    "%2fetc%2fpasswd",
    "%5c%5chost%5cshare",
    "C%3a/x",
    "c%3Ax",
    "a%00.png",
    "%c0%ae%c0%ae/x",
    "%c0%af",
    "%e0%80%ae",
    "．．/x",
    "a／..／b",
    "．．／x",
    "‥/x",
    "a＼b",
    "Ｃ：/x",
    "%ef%bc%8e%ef%bc%8e/x",
)


@pytest.mark.parametrize("path", PLAIN)
def test_a_plain_relative_path_is_returned_as_it_came(path: str) -> None:
    assert check_artifact_path(path) is path


@pytest.mark.parametrize("path", TRAVERSALS)
def test_a_path_that_can_lead_elsewhere_is_refused_without_being_repeated(path: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Invalid path: ") as caught:
        check_artifact_path(path)
    assert len(path) < 3 or path not in str(caught.value)


@pytest.mark.parametrize("times", [1, 2, 3, 12])
@pytest.mark.parametrize("path", [path for path in TRAVERSALS if path and path.replace("\x00", "").isprintable()])
def test_encoding_it_again_and_again_does_not_help(path: str, times: int) -> None:
    for _ in range(times):
        path = "".join(f"%{byte:02x}" for byte in path.encode()) if len(path) < 40 else quote(path, safe="")
    with pytest.raises(InvalidInput, match=r"^Invalid path: "):
        check_artifact_path(path)


@pytest.mark.parametrize("depth", [0, 1, 2, 12, 300])
@pytest.mark.parametrize("encoded", ENCODED)
@pytest.mark.parametrize("frame", ["{}", "a{}", "{}b", "a/{}{}/b"])
def test_an_encoded_dot_separator_or_nul_is_refused_at_any_depth(encoded: str, depth: int, frame: str) -> None:
    nested = "%" + "25" * depth + encoded[1:]
    for path in (frame.format(nested, nested), frame.format(nested, nested).upper()):
        with pytest.raises(InvalidInput):
            check_artifact_path(path)


@pytest.mark.parametrize("path", ["images/im%step%1%timestamp%1795484797530%4f.png", "a%ff", "b%0ac", "100%"])
def test_a_percent_sign_that_leads_nowhere_is_part_of_the_name(path: str) -> None:
    assert check_artifact_path(path) == path


@pytest.mark.parametrize("path", ["%%32%65", "%2%65%2e", "%%32%66x", "%%%33%32e/x", "%25%32%65", "%%30%30"])
def test_an_encoding_put_together_from_encodings_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        check_artifact_path(path)


@pytest.mark.parametrize("dots", DOTS)
@pytest.mark.parametrize("frame", ["{}", "{}/a", "a/{}", "a/{}/b"])
def test_a_segment_of_dots_and_spaces_is_refused(dots: str, frame: str) -> None:
    with pytest.raises(InvalidInput, match="empty segment"):
        check_artifact_path(frame.format(dots))


@pytest.mark.parametrize(
    "path,allowed",
    [
        ("/".join(["s" * 199] * 5), True),
        ("/".join(["s" * 199] * 5) + "s", True),
        ("/".join(["s" * 199] * 5) + "ss", False),
        ("s/" * 5_000 + "s", False),
        ("s" * 255, True),
        ("s" * 256, False),
        ("s" * 5_000, False),
        ("ä" * 127, True),
        ("ä" * 128, False),
        ("/".join("s" * ARTIFACT_PATH_SEGMENTS), True),
        ("/".join("s" * (ARTIFACT_PATH_SEGMENTS + 1)), False),
        ("/".join("s" * 300), False),
        ("/".join("s" * (10 * ARTIFACT_PATH_SEGMENTS)), False),
    ],
)
def test_the_limits_are_where_they_are_said_to_be(path: str, allowed: bool) -> None:
    if allowed:
        assert len(path) <= ARTIFACT_PATH_CHARS
        check_artifact_path(path)
        return
    with pytest.raises(InvalidInput, match=r"more than|longer than"):
        check_artifact_path(path)


@pytest.mark.parametrize(
    "path", ["%" + "25" * 499, "%25" * 333, "%2" * 500, "." * 1_000, "%e2%80%a5" * 111, "‥" * 1_000]
)
def test_no_path_takes_long_to_check(path: str) -> None:
    started_s = time.process_time()
    with suppress(InvalidInput):
        check_artifact_path(path)
    assert time.process_time() - started_s < 0.5


@given(st.text(alphabet=st.sampled_from("./\\%25eEfFcC0aA:x\x00．／ "), max_size=40))
def test_what_is_accepted_stays_below_its_folder_however_it_is_decoded(path: str) -> None:
    try:
        check_artifact_path(path)
    except InvalidInput:
        return
    for _ in range(50):
        assert not path.startswith("/")
        assert not {"..", ".", ""} & set(path.split("/"))
        assert not any(bad in path for bad in ("\\", "\x00"))
        path = unquote(path)


@pytest.mark.parametrize("key", ["", "/a", "a/../b", "a\\b", ".trackway/x", "k" * 256, "/".join(["k" * 100] * 8)])
def test_a_key_is_held_to_the_same_form(key: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Invalid blob key: "):
        check_key(key)


def test_a_key_is_not_decoded_as_nobody_decodes_it() -> None:
    assert check_key("a%2eb") == "a%2eb"
