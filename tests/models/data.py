"""Data of every kind that signatures are told of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

EXAMPLES: dict[str, Callable[[], Any]] = {
    "numbers": lambda: pd.DataFrame(
        {
            "b": [True, False],
            "i8": np.array([1, 2], "int8"),
            "u16": np.array([1, 2], "uint16"),
            "i": np.array([1, 2], "int32"),
            "u32": np.array([1, 2], "uint32"),
            "l": [1, 2],
            "f16": np.array([1, 2], "float16"),
            "f": np.array([1, 2], "float32"),
            "d": [1.0, 2.0],
        }
    ),
    "others": lambda: pd.DataFrame(
        {"s": ["a", "b"], "t": pd.to_datetime(["2020-01-01", "2020-01-02"]), "by": [b"a", b"b"]}
    ),
    "missing": lambda: pd.DataFrame(
        {
            "d": [1.0, None],
            "s": ["a", None],
            "whole": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "text": pd.array(["a", None], dtype="string"),
        }
    ),
    "categories": lambda: pd.DataFrame({"c": pd.Categorical(["a", "b"]), "n": pd.Categorical([1, 2])}),
    "dates": lambda: pd.DataFrame({"c": [dt.date(2020, 1, 1)]}),
    "zoned times": lambda: pd.DataFrame({"c": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")}),
    "nested": lambda: pd.DataFrame(
        {
            "l": [[1, 2], [3]],
            "o": [{"k": "v"}, {"k": "w", "k2": 1.0}],
            "ll": [[["a"]], [["b"]]],
            "e": [[], ["a"]],
            "la": [np.array([1.0, 2.0]), np.array([3.0])],
        }
    ),
    "objects": lambda: pd.DataFrame(
        {
            "m": pd.Series([1, 2], dtype=object),
            "n": pd.Series([1, None], dtype=object),
            "none": pd.Series([None, None], dtype=object),
            "flags": pd.Series([True, None], dtype=object),
        }
    ),
    "numbered columns": lambda: pd.DataFrame(np.zeros((2, 2))),
    "series": lambda: pd.Series([1, 2], name="x"),
    "unnamed series": lambda: pd.Series([1.0, 2.0]),
    "matrix": lambda: np.zeros((3, 4)),
    "vector": lambda: np.array([1, 2, 3]),
    "texts": lambda: np.array(["a", "bc"]),
    "bytes": lambda: np.array([b"a"]),
    "mixed array": lambda: np.array(["a", 1], dtype=object),
    "times": lambda: np.array(["2020-01-01"], dtype="M8[ns]"),
    "sparse rows": lambda: sp.csr_matrix(np.eye(3)),
    "sparse columns": lambda: sp.csc_matrix(np.eye(3)),
    "named tensors": lambda: {"a": np.zeros((2, 3), "float32"), "b": np.array([1, 2])},
    "dict": lambda: {"a": 1, "b": "x", "c": [1.0, 2.0], "d": {"z": 1, "y": None}, "n": None},
    "dict of lists": lambda: {"a": ["x", "y"]},
    "rows": lambda: [{"a": 1, "b": "x"}, {"a": 2}],
    "list of texts": lambda: ["a", "b"],
    "list of numbers": lambda: [1, 2],
    "list of lists": lambda: [[1, 2], [3, 4]],
    "empty list": list,
    "text": lambda: "a",
    "number": lambda: 1.5,
    "small number": lambda: np.float32(1),
    "mixed list": lambda: [1, "a"],
    "list with none": lambda: ["a", None],
    "chat": lambda: {"messages": [{"role": "user", "content": "hi"}]},
}

PARAMS: dict[str, Any] = {
    "whole": 1,
    "real": 1.5,
    "text": "x",
    "flag": True,
    "wholes": [1, 2],
    "small": np.float32(1),
    "texts": ["a"],
    "reals": np.array([1.0, 2.0]),
    "time": dt.datetime(2020, 1, 1),  # noqa: DTZ001 - as tables have them, without a zone
    "object": {"a": 1},
}
