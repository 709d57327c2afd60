"""Data as numpy arrays, for libraries of tensors: made of tables, lists, sparse matrices, and any tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trackway.base.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def to_numpy(value: Any) -> Any:
    """Return a tensor of PyTorch, TensorFlow or JAX as an array of numpy, and a dict of them as one of arrays.

    Anything else comes back as it is. Tensors on a GPU are copied to the CPU.
    """
    if isinstance(value, Mapping):
        return {key: to_numpy(one) for key, one in value.items()} if any(map(is_tensor, value.values())) else value
    if not is_tensor(value):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value  # which numpy does not have
    import numpy as np

    return np.asarray(value)


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor of a library that is not numpy."""
    module = type(value).__module__.partition(".")[0]
    return module in ("torch", "tensorflow", "jaxlib", "jax") and hasattr(value, "dtype") and hasattr(value, "shape")


def to_arrays(data: Any, *, texts: bool = False) -> Array | dict[str, Array]:
    """Return data as one array, or as arrays by name.

    data:    a table (rows by columns; a single column of lists becomes their array), an array, a tensor, a sparse
             matrix, a list, or a dict of such
    texts:   whether the model takes texts too
    returns: numbers of a table as float32, which is what models of tensors are made of; others in the type they have
    raises:  InvalidInput for what is no array of numbers
    """
    if isinstance(data, Mapping):
        return {str(name): _to_array(value, f"{name!r}", texts) for name, value in data.items()}
    return _to_array(data, "the data", texts)


def _to_array(data: Any, what: str, texts: bool) -> Array:
    import numpy as np

    table = data.to_pandas() if hasattr(data, "to_pandas") else data
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return _to_matrix(table, texts)
    if hasattr(table, "iloc"):
        table = table.tolist()
    if hasattr(table, "tocsr"):
        table = table.toarray()
    try:
        array = np.asarray(to_numpy(table))
    except ValueError:
        raise InvalidInput(f"The lists of {what} are not all of the same length") from None
    return _check(array, what, texts)


def _to_matrix(table: Any, texts: bool) -> Array:
    import numpy as np

    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    if len(columns) == 1 and columns[0].dtype == object:
        return _to_array(columns[0].tolist(), f"column {table.columns[0]!r}", texts)
    arrays = [_check(column.to_numpy(), f"column {column.name!r}", texts) for column in columns]
    if any(array.dtype.kind in "US" for array in arrays):
        return np.stack([array.astype(str) for array in arrays], axis=1)
    matrix: Array = np.empty((len(table), len(arrays)), dtype=np.float32)
    for place, array in enumerate(arrays):
        matrix[:, place] = array
    return matrix


def _check(array: Array, what: str, texts: bool) -> Array:
    if array.dtype.kind == "O" and texts and all(isinstance(value, str) for value in array.flat):
        return array.astype(str)
    if array.dtype.kind not in ("biufcUS" if texts else "biufc"):
        found = next((type(value).__name__ for value in array.flat), "none")
        raise InvalidInput(f"The model takes numbers; {what} holds values of type {found}")
    return array
