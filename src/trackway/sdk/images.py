"""Images as users hold them, turned into PNG and WebP files."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from trackway.base.errors import InvalidInput, NotSupported

if TYPE_CHECKING:
    import numpy
    import PIL.Image

THUMBNAIL_PIXELS: Final = 256
"""Longest side of the small copy that goes with each image of a series."""

_PNG_COLOUR_TYPES: Final = {1: 0, 3: 2, 4: 6}  # channels to colour type: grey, RGB, RGBA
_SHAPES = "(height, width) or (height, width, channels) with 1, 3 or 4 channels"


class Image:
    """An image made from an array, nested lists of numbers, a PIL image, or the path of an image file.

    source: see ``to_pixels`` for the arrays that are taken
    raises: InvalidInput for anything else; OSError when the file cannot be read; NotSupported for a file without Pillow
    """

    def __init__(self, source: Any) -> None:
        if isinstance(source, str | os.PathLike):
            with _import_pillow().open(source) as opened:
                source = opened.copy()
        self._source = source if _is_pillow(source) else to_pixels(source)

    def to_array(self) -> numpy.ndarray[Any, Any]:
        """Return the pixels: (height, width) or (height, width, channels), uint8 unless the file has another depth."""
        import numpy as np

        return np.asarray(self._source)

    def to_list(self) -> list[Any]:
        """Return the pixels as nested lists of numbers."""
        pixels: list[Any] = self.to_array().tolist()
        return pixels

    def to_pil(self) -> PIL.Image.Image:
        """Return a PIL image; NotSupported when Pillow is not installed."""
        return to_pil(self._source)

    def resize(self, size: tuple[int, int]) -> Image:
        """Return a copy of ``size`` (width, height) pixels."""
        return Image(self.to_pil().resize(size))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file whose format is named by the end of ``path``."""
        data = encode_image(self, os.fspath(path))
        with open(path, "wb") as file:
            file.write(data)


def to_pixels(values: Any) -> numpy.ndarray[Any, Any]:
    """Return an array of grey or colour values as uint8 pixels.

    values:  anything that numpy takes as an array of shape (height, width) or (height, width, channels) with 1, 3 or 4
             channels: grey, RGB, RGBA. Of bool (black and white), of integers in [0, 255], or of floats in [0, 1].
             Tensors must be on the CPU and have no gradient.
    returns: uint8, (height, width) or (height, width, 3 or 4); floats are rounded to the nearest of 255 steps
    raises:  InvalidInput for other shapes, types, values out of range and NaN
    """
    import numpy as np

    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors on a device or with a gradient
        raise InvalidInput(
            f"An image cannot be made of this: {error}", hint=f"give an array of shape {_SHAPES}"
        ) from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _PNG_COLOUR_TYPES)):
        raise InvalidInput(f"An image cannot have the shape {array.shape}", hint=f"it must be {_SHAPES}")
    kind = array.dtype.kind
    if kind not in "buif":
        raise InvalidInput(
            f"An image cannot be made of {array.dtype}", hint="bool, integers in [0, 255] or floats in [0, 1] are taken"
        )
    if kind == "b":
        return np.ascontiguousarray(array, np.uint8) * np.uint8(255)
    low, high, most = array.min(), array.max(), 1 if kind == "f" else 255
    if not (low >= 0 and high <= most):  # NaN is in no range
        raise InvalidInput(
            f"The image's values reach from {low} to {high}",
            hint="integers must be in [0, 255] and floats in [0, 1], without NaN: scale or clip them first",
        )
    if kind == "f":
        array = np.rint(array * 255)
    return np.ascontiguousarray(array, np.uint8)


def to_pil(image: Any) -> PIL.Image.Image:
    """Return a PIL image of anything that ``Image`` takes; NotSupported when Pillow is not installed."""
    if isinstance(image, Image):
        return image.to_pil()
    pil: PIL.Image.Image = image if _is_pillow(image) else _import_pillow().fromarray(to_pixels(image))
    return pil


def encode_image(image: Any, path: str) -> bytes:
    """Return the bytes of an image file in the format that the end of ``path`` names (.png when it names none).

    image:  a PIL image, an ``Image``, an object with ``to_pil()``, or an array as ``to_pixels`` takes
    raises: InvalidInput; NotSupported for what needs Pillow when it is not installed: everything but arrays to PNG
    """
    suffix = PurePosixPath(path).suffix.lower() or ".png"
    if suffix == ".png" and not has_pillow() and not _is_foreign(image):
        return _encode_png(image.to_array() if isinstance(image, Image) else to_pixels(image))
    pil = _import_pillow()
    picture = image.to_pil() if _is_foreign(image) else to_pil(image)
    pil.init()
    if suffix not in pil.EXTENSION:
        raise InvalidInput(f"{path!r} names no image format", hint=f"known: {', '.join(sorted(pil.EXTENSION))}")
    if suffix in (".jpg", ".jpeg") and picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("RGB")  # JPEG has no transparency
    return _save(picture, pil.EXTENSION[suffix])


def decode_image(data: bytes) -> PIL.Image.Image:
    """Return the image that the bytes of a file hold; NotSupported when Pillow is not installed."""
    pil = _import_pillow()
    try:
        picture: PIL.Image.Image = pil.open(io.BytesIO(data))
    except OSError as error:
        raise InvalidInput(f"The file is no image that Pillow knows: {error}", hint="download the file") from error
    return picture


def encode_thumbnail(image: Any) -> bytes:
    """Return a WebP copy of an image whose longest side is at most 256 pixels; needs Pillow."""
    picture = (image.to_pil() if _is_foreign(image) else to_pil(image)).copy()
    picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    if picture.mode not in ("RGB", "RGBA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return _save(picture, "WEBP")


def _save(picture: PIL.Image.Image, image_format: str) -> bytes:
    file = io.BytesIO()
    try:
        picture.save(file, format=image_format)
    except (OSError, KeyError, ValueError) as error:  # read-only formats, and modes that the format has not
        raise InvalidInput(
            f"The image, of mode {picture.mode}, cannot be written as {image_format}: {error}"
        ) from error
    return file.getvalue()


def has_pillow() -> bool:
    """Tell whether Pillow can be imported."""
    try:
        _import_pillow()
    except NotSupported:
        return False
    return True


def _is_foreign(image: Any) -> bool:
    """Tell whether an object is another package's wrapper of an image, such as ``mlflow.Image``."""
    return not isinstance(image, Image) and hasattr(image, "to_pil")


def _is_pillow(value: Any) -> bool:
    return has_pillow() and isinstance(value, _import_pillow().Image)


def _import_pillow() -> Any:
    try:
        import PIL.Image
    except ImportError as error:
        raise NotSupported("This kind of image needs Pillow", hint="pip install pillow") from error
    return PIL.Image


def _encode_png(pixels: numpy.ndarray[Any, Any]) -> bytes:
    """Write 8-bit pixels as PNG (W3C, Portable Network Graphics, third edition)."""
    import numpy as np

    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    rows = pixels.reshape(height, width * channels)
    filtered = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter, 0: none
    filtered[:, 1:] = rows
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
