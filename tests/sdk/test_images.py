from __future__ import annotations

import io
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackway.base.errors import InvalidInput, NotSupported
from trackway.sdk import images, media
from trackway.sdk.images import Image

COLOUR = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]]], np.uint8)


def read(data: bytes) -> np.ndarray[Any, Any]:
    with PIL.Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


@pytest.fixture
def without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)


@pytest.mark.parametrize(
    "values, pixels",
    [
        (np.array([[0, 255]], np.uint8), [[0, 255]]),
        (np.array([[0, 255]], np.int64), [[0, 255]]),
        (np.array([[[0], [255]]], np.uint8), [[0, 255]]),
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [[0, 128, 255]]),
        (np.array([[0.0, 1.0]], np.float16), [[0, 255]]),
        ([[0, 7]], [[0, 7]]),
        (COLOUR, COLOUR.tolist()),
        (COLOUR[:, ::-1], COLOUR[:, ::-1].tolist()),
        (np.full((1, 1, 4), 0.2), [[[51, 51, 51, 51]]]),
    ],
)
def test_arrays_become_pixels(values: Any, pixels: list[Any]) -> None:
    array = images.to_pixels(values)
    assert array.dtype == np.uint8
    assert array.tolist() == pixels
    assert read(images.encode_image(values, "a.png")).tolist() == pixels


@pytest.mark.parametrize(
    "values, message",
    [
        (np.zeros(3), "shape"),
        (np.zeros((3, 40, 40)), "shape"),
        (np.zeros((4, 4, 2)), "shape"),
        (np.zeros((1, 4, 4, 3)), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.array([[0, 256]]), "from 0 to 256"),
        (np.array([[-1, 0]]), "from -1 to 0"),
        (np.array([[0.0, 1.01]]), r"from 0\.0 to 1\.01"),
        (np.array([[0.0, 255.0]]), "scale or clip"),
        (np.array([[0.0, math.nan]]), "NaN"),
        (np.array([[0.0, math.inf]]), "inf"),
        (np.array([[1j]]), "complex128"),
        (np.array([["a"]]), "<U1"),
        (object(), "shape"),
        ([[1, 2], [3]], "shape"),
    ],
)
def test_arrays_that_are_no_image_are_refused(values: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        images.to_pixels(values)


@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 9))
        | st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4])),
    )
)
def test_png_without_pillow_holds_the_same_pixels(pixels: np.ndarray[Any, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "PIL", None)
        patch.setitem(sys.modules, "PIL.Image", None)
        data = images.encode_image(pixels, "a.png")
    assert read(data).tolist() == pixels.tolist()


@pytest.mark.usefixtures("without_pillow")
def test_other_formats_without_pillow_say_what_to_install() -> None:
    with pytest.raises(NotSupported, match="pip install pillow"):
        images.encode_image(COLOUR, "a.jpg")


@pytest.mark.parametrize(
    "path, magic", [("a.jpg", b"\xff\xd8"), ("a.webp", b"RIFF"), ("a.bmp", b"BM"), ("a", b"\x89PNG")]
)
def test_formats_by_name(path: str, magic: bytes) -> None:
    assert images.encode_image(COLOUR, path).startswith(magic)


def test_transparency_is_dropped_where_the_format_has_none() -> None:
    assert read(images.encode_image(np.zeros((2, 2, 4)), "a.jpeg")).shape == (2, 2, 3)


def test_unknown_formats_and_modes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="names no image format"):
        images.encode_image(COLOUR, "a.txt")
    with pytest.raises(InvalidInput, match="mode F"):
        images.encode_image(PIL.Image.new("F", (2, 2)), "a.png")


class MlflowImage:
    """Shaped as another package's wrapper."""

    def to_pil(self) -> PIL.Image.Image:
        return PIL.Image.fromarray(COLOUR)


@pytest.mark.parametrize("source", [COLOUR, COLOUR.tolist(), PIL.Image.fromarray(COLOUR), Image(COLOUR), MlflowImage()])
def test_every_kind_of_image_is_taken(source: Any) -> None:
    assert read(images.encode_image(source, "a.png")).tolist() == COLOUR.tolist()


def test_wrapper(tmp_path: Path) -> None:
    image = Image(COLOUR)
    image.save(tmp_path / "a.png")
    again = Image(tmp_path / "a.png")
    assert again.to_list() == COLOUR.tolist()
    assert again.resize((6, 4)).to_array().shape == (4, 6, 3)
    assert again.to_pil().size == (2, 2)


def test_series_has_names_that_other_tools_know_and_a_small_copy() -> None:
    png, webp = media.encode_image_step(np.zeros((300, 600)), "val/pred 1.x", 7, 1_700_000_000_000)
    name = re.fullmatch(r"(images/val~pred 1\.x\+step\+7\+timestamp\+1700000000000\+[0-9a-f]{32})\.png", png.path)
    assert name is not None
    assert webp.path == f"{name[1]}+compressed.webp"
    assert read(png.data).shape == (300, 600)
    assert read(webp.data).shape == (128, 256, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_small_copies_of_every_mode(mode: str) -> None:
    assert images.encode_thumbnail(PIL.Image.new(mode, (8, 8))).startswith(b"RIFF")


@pytest.mark.usefixtures("without_pillow")
def test_series_without_pillow_has_no_small_copy() -> None:
    (png,) = media.encode_image_step(COLOUR, "a", 0, 0)
    assert png.data.startswith(b"\x89PNG")


@pytest.mark.parametrize("key", ["", "a+b", "a%b", "ä", "a\n", "../a~"])
def test_keys_that_would_break_the_name_are_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="key of an image"):
        media.encode_image_step(COLOUR, key, 0, 0)
