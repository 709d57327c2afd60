"""What may be said when a model is saved, beside the model, its path and its flavor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from trackway.models.signature import Signature


class CommonOptions(TypedDict, total=False):
    """What every flavor takes.

    signature:              what the model takes and gives; inferred from the example when left out
    input_example:          a few rows as the model takes them, or a pair of them and params
    pip_requirements:       requirements to record instead of what is installed: a list, or the path of a file
    extra_pip_requirements: requirements to record beside it
    conda_env:              a conda environment whose pip requirements are recorded
    lock_requirements:      write down the exact versions of all packages with their digests, which asks uv and an index
    code_paths:             files and folders of Python code that the model needs
    metadata:               anything of JSON to keep with the model
    model_id, run_id:       of logged models
    """

    signature: Signature | None
    input_example: Any
    pip_requirements: Any
    extra_pip_requirements: Any
    conda_env: Any
    lock_requirements: bool | None
    code_paths: Sequence[str] | None
    metadata: dict[str, Any] | None
    model_id: str | None
    run_id: str | None


class SaveOptions(CommonOptions, total=False):
    """What ``save_model`` takes: what ``CommonOptions`` has, and these of single flavors.

    artifacts:                of Python models: files and folders to keep, by name
    dfs_tmpdir:               of Spark: a folder that the cluster and this machine can both reach, for the way between
    export_example:           of PyTorch: what to run the module with for its export, where no input_example is kept
    format:                   of CatBoost: cbm or json
    model_config:             of Python models: the values to make them with; of transformers: of each call
    model_format:             of XGBoost: ubj or json
    onnx_execution_providers: of ONNX: where to compute, in the order of preference; the GPU when there is one
    onnx_output:              of ONNX: the one output that ``predict`` gives, as an array, instead of all by name
    onnx_session_options:     of ONNX: threads, order and optimisation of the computation, as MLflow has them
    pyfunc_predict_fn:        of scikit-learn: the method that predicts
    remove_data:              of statsmodels: leave out the data that the model was fitted to
    save_as_external_data:    of ONNX: keep weights in a file of their own, as is done from 1.5 GB on
    serialization_format:     of scikit-learn: skops, cloudpickle or pickle; of PyTorch: pt2, weights or pickle; of H2O:
                              mojo or binary; of Python models: cloudpickle
    settings:                 of H2O: taken for compatibility
    skops_trusted_types:      of scikit-learn and LightGBM: types that the caller answers for
    task:                     of transformers: what its pipeline does, such as text-classification
    """

    artifacts: Mapping[str, Any] | None
    dfs_tmpdir: str | None
    export_example: Any
    format: str | None
    model_config: dict[str, Any] | None
    model_format: str | None
    onnx_execution_providers: Sequence[Any] | None
    onnx_output: str | None
    onnx_session_options: Mapping[str, Any] | None
    pyfunc_predict_fn: str | None
    remove_data: bool | None
    save_as_external_data: bool | None
    serialization_format: str | None
    settings: Mapping[str, Any] | None
    skops_trusted_types: Sequence[str] | None
    task: str | None


COMMON: Final = frozenset(CommonOptions.__annotations__)
"""Names of the options that every flavor takes."""
