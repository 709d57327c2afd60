from __future__ import annotations

import datetime
import decimal
import enum
import io
import json
import math
import sys
import uuid
import wave
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trackway.base.errors import InvalidInput, NotSupported
from trackway.sdk import media

mpl.use("agg")

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


class Colour(enum.StrEnum):
    RED = "red"


class TestText:
    def test_is_utf_8(self) -> None:
        assert media.encode_text("ä\n", "a/b.txt") == ("a/b.txt", b"\xc3\xa4\n")

    def test_halves_of_surrogate_pairs_do_not_stop_it(self) -> None:
        assert media.encode_text("a\udcff", "a").data == b"a?"


class TestDictionary:
    @given(PLAIN)
    def test_json_and_yaml_come_back_the_same(self, value: Any) -> None:
        assert json.loads(media.encode_dict(value, "a.json").data) == value

    @pytest.mark.parametrize("path", ["a.yaml", "b/a.YML"])
    def test_yaml_by_its_name(self, path: str) -> None:
        value = {"b": [1, 2.5, None, True], "a": {"ü": "x: y"}}
        data = media.encode_dict(value, path).data
        assert yaml.safe_load(data) == value
        assert data.startswith(b"b:\n- 1\n")

    @pytest.mark.parametrize(
        "value, plain",
        [
            (np.float32(0.5), 0.5),
            (np.int64(3), 3),
            (np.bool_(True), True),
            (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
            (np.array(7), 7),
            (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
            ((1, 2), [1, 2]),
            ({3}, [3]),
            (Path("a") / "b", "a/b"),
            (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
            (datetime.timedelta(seconds=90), "0:01:30"),
            (decimal.Decimal("0.10"), "0.10"),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (Colour.RED, "red"),
            (pd.NA, None),
            (pd.NaT, None),
            (pd.Series([1, 2]), [1, 2]),
            ({np.int64(1): {np.str_("k"): np.float64(2)}}, {"1": {"k": 2.0}}),
        ],
    )
    def test_what_numpy_pandas_and_the_like_hold_becomes_plain(self, value: object, plain: object) -> None:
        assert json.loads(media.encode_dict({"v": value}, "a.json").data) == {"v": plain}
        assert json.loads(json.dumps(yaml.safe_load(media.encode_dict({"v": value}, "a.yaml").data))) == {"v": plain}

    @pytest.mark.parametrize("path", ["a.json", "a.yaml"])
    def test_nan_and_infinities_stay(self, path: str) -> None:
        load = json.loads if path.endswith("json") else yaml.safe_load
        nan, low = load(media.encode_dict([math.nan, -math.inf], path).data)
        assert math.isnan(nan)
        assert low == -math.inf

    def test_other_objects_are_refused_by_name(self) -> None:
        with pytest.raises(InvalidInput, match=r"builtins\.object cannot be written"):
            media.encode_dict({"a": [object()]}, "a.json")

    def test_a_dictionary_that_contains_itself_is_refused(self) -> None:
        value: dict[str, object] = {}
        value["self"] = value
        with pytest.raises(InvalidInput, match="contains itself"):
            media.encode_dict(value, "a.json")


class PlotlyLike:
    """Has the three methods of a plotly figure that are used."""

    def to_html(self, **options: object) -> str:
        return f"<html>{options}</html>"

    def to_json(self, **options: object) -> str:
        return "{}"

    def to_image(self, format: str, **options: object) -> bytes:  # noqa: A002 - plotly's name
        return f"{format} {options}".encode()


class TestFigure:
    @pytest.mark.parametrize(
        "path, magic", [("a.png", b"\x89PNG"), ("a.PDF", b"%PDF"), ("a.svg", b"<?xml"), ("a.jpg", b"\xff\xd8")]
    )
    def test_matplotlib(self, path: str, magic: bytes) -> None:
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([1, 2])
        assert media.encode_figure(figure, path, {"dpi": 20}).data.startswith(magic)

    @pytest.mark.parametrize(
        "path, data",
        [("a.html", b"<html>{'full_html': False}</html>"), ("a.json", b"{}"), ("a.svg", b"svg {'full_html': False}")],
    )
    def test_plotly(self, path: str, data: bytes) -> None:
        assert media.encode_figure(PlotlyLike(), path, {"full_html": False}).data == data

    @pytest.mark.parametrize("path", ["a", "a.txt", "a.gif"])
    def test_unknown_formats_are_refused(self, path: str) -> None:
        with pytest.raises(InvalidInput, match="names no format"):
            media.encode_figure(PlotlyLike(), path)

    def test_matplotlib_as_html_and_things_that_are_no_figure_are_refused(self) -> None:
        from matplotlib.figure import Figure

        with pytest.raises(InvalidInput, match="no HTML"):
            media.encode_figure(Figure(), "a.html")
        with pytest.raises(InvalidInput, match=r"builtins\.int is no figure"):
            media.encode_figure(3, "a.png")


def read_wav(data: bytes) -> tuple[int, int, int, list[int]]:
    with wave.open(io.BytesIO(data)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), file.getnchannels(), file.getsampwidth(), samples.tolist()


class TestAudio:
    def test_floats_are_scaled_and_clipped(self) -> None:
        data = media.encode_audio(np.array([0, 0.5, 1, -1, 1.5, -math.inf]), 8_000, "a.wav").data
        assert read_wav(data) == (8_000, 1, 2, [0, 16_384, 32_767, -32_767, 32_767, -32_767])

    def test_int16_and_channels_stay(self) -> None:
        data = media.encode_audio(np.array([[1, -1], [32_767, -32_768]], np.int16), 44_100, "a.WAV").data
        assert read_wav(data) == (44_100, 2, 2, [1, -1, 32_767, -32_768])

    @pytest.mark.parametrize(
        "samples, rate, path, message",
        [
            (np.zeros((2, 2, 2)), 8_000, "a.wav", "shape"),
            (np.zeros(0), 8_000, "a.wav", "shape"),
            (np.zeros(3, np.int32), 8_000, "a.wav", "int32"),
            (["a"], 8_000, "a.wav", "<U1"),
            (np.array([math.nan]), 8_000, "a.wav", "NaN"),
            (np.zeros(3), 0, "a.wav", "rate"),
            (np.zeros(3), 44_100.5, "a.wav", "rate"),
            (np.zeros(3), 8_000, "a.mp3", "format"),
        ],
    )
    def test_other_sound_is_refused(self, samples: Any, rate: Any, path: str, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            media.encode_audio(samples, rate, path)


def read_table(file: media.File) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not JSON")

    return json.loads(file.data, parse_constant=refuse)


class TestTable:
    @pytest.mark.parametrize(
        "table",
        [
            {"a": [1, 2], "b": ["x", None]},
            {"a": np.array([1, 2]), "b": ("x", None)},
            pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[7, 8]),
            pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
            pa.table({"a": [1, 2], "b": ["x", None]}),
        ],
        ids=["dict", "arrays", "pandas", "polars", "arrow"],
    )
    def test_tables_of_every_kind(self, table: object) -> None:
        assert read_table(media.encode_table(table, "t.json")) == {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}
        read = pq.read_table(io.BytesIO(media.encode_table(table, "t.parquet").data))
        assert read.to_pydict() == {"a": [1, 2], "b": ["x", None]}

    def test_single_values_are_one_row(self) -> None:
        assert read_table(media.encode_table({"a": 1, "b": "xy"}, "t.json"))["data"] == [[1, "xy"]]

    def test_json_is_read_by_pandas(self) -> None:
        frame = pd.DataFrame({"a": [1.5, math.nan, math.inf], "t": pd.to_datetime(["2026-01-02", None, "2026-01-03"])})
        file = media.encode_table(frame, "t.json")
        assert read_table(file)["data"] == [[1.5, "2026-01-02T00:00:00"], [None, None], [None, "2026-01-03T00:00:00"]]
        assert pd.read_json(io.BytesIO(file.data), orient="split")["a"].tolist()[0] == 1.5

    @pytest.mark.parametrize("path", ["t.json", "t.parquet"])
    def test_rows_are_appended_and_columns_joined(self, path: str) -> None:
        file = media.encode_table({"a": [1], "b": ["x"]}, path)
        file = media.encode_table({"c": [0.5], "a": [2]}, path, existing=file.data)
        file = media.encode_table({"b": ["y"]}, path, existing=file.data)
        if path == "t.json":
            table = read_table(file)
            columns = dict(zip(table["columns"], map(list, zip(*table["data"], strict=True)), strict=True))
        else:
            columns = pq.read_table(io.BytesIO(file.data)).to_pydict()
        assert columns == {"a": [1, 2, None], "b": ["x", None, "y"], "c": [None, 0.5, None]}

    @pytest.mark.parametrize(
        "table, message",
        [
            ({"a": [1, 2], "b": [1]}, r"\[1, 2\] rows"),
            ([1, 2], r"builtins\.list is no table"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "one name"),
            ({"a": [object()]}, "object"),
            ({"a": ["\udcff"]}, "surrogates"),
        ],
    )
    def test_what_is_no_table_is_refused(self, table: object, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            media.encode_table(table, "t.json")

    def test_parquet_of_mixed_types_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="Parquet"):
            media.encode_table({"a": [1, "x"]}, "t.parquet")

    @pytest.mark.parametrize("existing", [b"", b"[]", b"{}", b"\xff", b'{"columns": []}'])
    def test_a_file_that_is_no_table_is_not_appended_to(self, existing: bytes) -> None:
        with pytest.raises(InvalidInput, match="no table"):
            media.encode_table({"a": [1]}, "t.json", existing)

    def test_parquet_without_pyarrow_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(NotSupported, match="pip install"):
            media.encode_table({"a": [1]}, "t.parquet")

    def test_other_names_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="names no format"):
            media.encode_table({"a": [1]}, "t.csv")
