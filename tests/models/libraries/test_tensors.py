"""PyTorch, Keras and TensorFlow: ways to save and load, what goes in and out, and what is refused."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.libraries.cases import (
    ask_keras,
    ask_net,
    ask_tensorflow,
    make_keras,
    make_net,
    make_rows,
    make_tensorflow,
)
from trackway.base.errors import Corrupt, InvalidInput, PermissionDenied
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]


def test_a_module_is_saved_as_it_is_for_inference_and_goes_on_training(tmp_path: Path) -> None:
    net, rows = make_net(), make_rows()
    net.train()
    net[2].eval()
    before = net[1].running_mean.clone()
    save_model(net, tmp_path / "model", input_example=rows.head(1))
    assert (net.training, net[2].training) == (True, False)
    assert (net[1].running_mean == before).all()
    assert np.abs(load_model(tmp_path / "model").predict(rows) - ask_net(net, rows)).max() < 1e-6


def test_a_module_takes_tensors_arrays_lists_and_tables(tmp_path: Path) -> None:
    import torch

    net, rows = make_net(), make_rows().to_numpy("float32")
    save_model(net, tmp_path / "model", input_example=torch.as_tensor(rows[:1]))
    model = load_model(tmp_path / "model")
    expected = ask_net(net, rows)
    for data in (rows, torch.as_tensor(rows), rows.tolist(), make_rows().astype("float32")):
        np.testing.assert_allclose(model.predict(data), expected, rtol=1e-6)
    assert model.input_example.dtype == np.float32
    np.testing.assert_allclose(model.predict(model.input_example), expected[:1], rtol=1e-6)
    for wrong, problem in (
        (rows[:, :2], "expected the shape"),
        (rows.astype(complex), "expected float32, found complex"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            model.predict(wrong)


def test_a_module_of_many_inputs_takes_them_by_name(tmp_path: Path) -> None:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(10, 4)

        def forward(self, ids: Any, weight: Any) -> Any:
            return {"sum": (self.embed(ids) * weight).sum(1), "ids": ids}

    net = Net()
    example = {"ids": np.array([1, 2, 3]), "weight": np.ones((3, 4), "float32")}
    save_model(net, tmp_path / "model", input_example=example)
    model = load_model(tmp_path / "model")
    made = model.predict({"ids": np.array([4]), "weight": np.ones((1, 4), "float32")})
    assert made["sum"] == pytest.approx(net.embed.weight[4].sum().item())
    assert made["ids"].tolist() == [4]
    assert model.signature is not None
    assert [spec.name for spec in model.signature.outputs or ()] == ["sum", "ids"]
    with pytest.raises(InvalidInput, match="lacks the tensor 'weight'"):
        model.predict({"ids": np.array([4])})


def test_weights_fill_a_module_of_the_callers(tmp_path: Path) -> None:
    import torch

    net, rows = make_net(), make_rows()
    save_model(net, tmp_path / "whole", input_example=rows)
    save_model(net, tmp_path / "weights", serialization_format="weights")
    for name in ("whole", "weights"):
        other = copy.deepcopy(net)
        torch.nn.init.zeros_(other[0].weight)
        model = load_model(tmp_path / name, model=other)
        assert model.native is other
        np.testing.assert_allclose(model.predict(rows), ask_net(net, rows), rtol=1e-6)
    with pytest.raises(InvalidInput, match="holds weights alone"):
        load_model(tmp_path / "weights")
    with pytest.raises(InvalidInput, match="do not fit Linear"):
        load_model(tmp_path / "weights", model=torch.nn.Linear(2, 2))
    with pytest.raises(InvalidInput, match=r"takes a torch\.nn\.Module, found str"):
        load_model(tmp_path / "weights", model="Net")


def test_a_device_that_is_not_here_is_said_and_the_cpu_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_model(make_net(), tmp_path / "model", input_example=make_rows())
    with caplog.at_level(logging.WARNING, "trackway.models"):
        model = load_model(tmp_path / "model", device="cuda:9")
    assert "The device 'cuda:9' is not here: the model runs on the CPU" in caplog.text
    assert model.predict(make_rows()).shape == (12, 2)
    with pytest.raises(InvalidInput, match="'abacus' is no device"):
        load_model(tmp_path / "model", device="abacus")
    with pytest.raises(InvalidInput, match="is loaded without 'gpu'"):
        load_model(tmp_path / "model", gpu=True)


def test_a_pickled_module_is_an_option_and_loads_with_trust_alone(tmp_path: Path) -> None:
    save_model(make_net(), tmp_path / "model", serialization_format="pickle")
    with pytest.raises(PermissionDenied, match="is or holds"):
        load_model(tmp_path / "model")
    model = load_model(tmp_path / "model", trust=True)
    np.testing.assert_allclose(model.predict(make_rows()), ask_net(make_net(), make_rows()), rtol=1e-6)


def test_a_module_that_cannot_be_exported_says_why(tmp_path: Path) -> None:
    import torch

    class Branching(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2 if x.sum().item() > 0 else x

    rows = make_rows().to_numpy("float32")
    with pytest.raises(InvalidInput, match="cannot be exported"):
        save_model(Branching(), tmp_path / "model", input_example=rows)
    with pytest.raises(InvalidInput, match="there is no input_example"):
        save_model(make_net(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="'onnx' is no way to save a module"):
        save_model(make_net(), tmp_path / "model", serialization_format="onnx")
    with pytest.raises(InvalidInput, match="cannot be exported"):
        save_model(make_net(), tmp_path / "model", input_example=rows[:, :2])
    with pytest.raises(InvalidInput, match=r"A dict is no torch\.nn\.Module"):
        save_model(dict(make_net().state_dict()), tmp_path / "model", "pytorch", input_example=rows)
    with pytest.raises(InvalidInput, match="holds values of type str"):
        save_model(make_net(), tmp_path / "model", input_example=[["a", "b", "c"]])
    assert list(tmp_path.iterdir()) == []


def test_keras_models_have_inputs_and_outputs_by_name(tmp_path: Path) -> None:
    import keras

    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.Concatenate()([left, right])
    outputs = {"one": keras.layers.Dense(1)(both), "two": keras.ops.relu(keras.layers.Dense(2)(both) * 2)}
    model = keras.Model({"left": left, "right": right}, outputs)
    example = {"left": np.ones((4, 3), "float32"), "right": np.ones((4, 2), "float32")}
    save_model(model, tmp_path / "model", input_example=example)
    made = load_model(tmp_path / "model").predict(example)
    expected = model.predict(example, verbose=0)
    assert {name: value.tolist() for name, value in made.items()} == {n: v.tolist() for n, v in expected.items()}


def test_lambdas_load_with_trust_alone(tmp_path: Path) -> None:
    import keras

    layer = keras.layers.Lambda(lambda x: x * 2, output_shape=(3,))
    save_model(keras.Sequential([keras.Input((3,)), layer]), tmp_path / "model", input_example=make_rows())
    with pytest.raises(PermissionDenied, match="The model has a Lambda"):
        load_model(tmp_path / "model")
    doubled = load_model(tmp_path / "model", trust=True).predict(make_rows())
    np.testing.assert_allclose(doubled, make_rows().to_numpy("float32") * 2, rtol=1e-6)


def test_classes_of_the_users_are_those_that_the_caller_knows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import keras

    class Shift(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x + 1

    save_model(keras.Sequential([keras.Input((3,)), Shift()]), tmp_path / "model", input_example=make_rows())
    assert "the class 'Shift', which is not known here. Loading the model needs it" in caplog.text
    with pytest.raises(InvalidInput, match=r"the class 'Shift', which is not known here .*custom_objects"):
        load_model(tmp_path / "model")
    model = load_model(tmp_path / "model", custom_objects={"Shift": Shift})
    np.testing.assert_allclose(model.predict(make_rows()), make_rows().to_numpy("float32") + 1, rtol=1e-6)
    with pytest.raises(InvalidInput, match="has not been built"):
        save_model(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "other")


def test_keras_models_are_compiled_when_they_were(tmp_path: Path) -> None:
    save_model(make_keras(), tmp_path / "model", input_example=make_rows())
    model = load_model(tmp_path / "model")
    assert model.native.compiled
    np.testing.assert_allclose(model.predict(make_rows()), ask_keras(make_keras(), make_rows()), rtol=1e-6)


def test_modules_of_tensorflow_take_arrays_tensors_and_tables(tmp_path: Path) -> None:
    import tensorflow

    net, rows = make_tensorflow(), make_rows().to_numpy("float32")
    save_model(net, tmp_path / "model", input_example=tensorflow.constant(rows[:1]))
    model = load_model(tmp_path / "model")
    for data in (rows, rows.tolist(), tensorflow.constant(rows), make_rows().astype("float32")):
        np.testing.assert_allclose(model.predict(data), ask_tensorflow(net, rows), rtol=1e-6)
    with pytest.raises(InvalidInput, match="expected the shape"):
        model.predict(rows[:, :2])


def test_modules_of_tensorflow_have_inputs_by_name_texts_and_tables_of_words(tmp_path: Path) -> None:
    import tensorflow

    class Words(tensorflow.Module):
        def __init__(self) -> None:
            super().__init__()
            initial = tensorflow.lookup.KeyValueTensorInitializer(["cat", "dog"], tensorflow.constant([1, 2]))
            self.table = tensorflow.lookup.StaticHashTable(initial, 0)

        @tensorflow.function
        def __call__(self, word: Any, times: Any) -> Any:
            return {"number": self.table.lookup(word) * times, "length": tensorflow.strings.length(word)}

    example = {"word": np.array(["cat"]), "times": np.array([3], "int32")}
    save_model(Words(), tmp_path / "model", input_example=example)
    made = load_model(tmp_path / "model").predict(
        {"word": np.array(["dog", "eel"]), "times": np.array([2, 2], "int32")}
    )
    assert {name: value.tolist() for name, value in made.items()} == {"number": [4, 0], "length": [3, 3]}


def test_a_module_of_tensorflow_that_cannot_be_saved_says_why(tmp_path: Path) -> None:
    import tensorflow

    class Plain(tensorflow.Module):
        def __call__(self, x: Any) -> Any:
            return x

    with pytest.raises(InvalidInput, match=r"Plain.__call__ is no tf\.function"):
        save_model(Plain(), tmp_path / "model", input_example=make_rows())
    with pytest.raises(InvalidInput, match="not known what the module takes"):
        save_model(make_tensorflow(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="cannot save the module"):
        save_model(make_tensorflow(), tmp_path / "model", input_example=make_rows().to_numpy("float32")[:, :2])
    with pytest.raises(InvalidInput, match=r"is no tf\.Module"):
        save_model(object(), tmp_path / "model", "tensorflow")
    assert list(tmp_path.iterdir()) == []


def test_keras_models_are_saved_under_the_name_of_tensorflow_too(tmp_path: Path) -> None:
    save_model(make_keras(), tmp_path / "model", "tensorflow", input_example=make_rows())
    model = load_model(tmp_path / "model")
    assert model.flavor == "tensorflow"
    np.testing.assert_allclose(model.predict(make_rows()), ask_keras(make_keras(), make_rows()), rtol=1e-6)


def _reading(tensorflow: Any) -> Any:
    class Reading(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([], tensorflow.string)])
        def __call__(self, x: Any) -> Any:
            return tensorflow.io.read_file(x)

    return Reading()


def _writing(tensorflow: Any) -> Any:
    class Writing(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([], tensorflow.string)])
        def __call__(self, x: Any) -> Any:
            tensorflow.io.write_file(x, "canary")
            return x

    return Writing()


def _calling(tensorflow: Any) -> Any:
    class Calling(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None], tensorflow.float32)])
        def __call__(self, x: Any) -> Any:
            return tensorflow.cond(x[0] > 0, lambda: tensorflow.py_function(lambda y: y, [x], x.dtype), lambda: x)

    return Calling()


def _restoring(tensorflow: Any) -> Any:
    class Restoring(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([], tensorflow.string)])
        def __call__(self, x: Any) -> Any:
            return tensorflow.raw_ops.RestoreV2(
                prefix=x, tensor_names=["a"], shape_and_slices=[""], dtypes=[tensorflow.float32]
            )[0]

    return Restoring()


@pytest.mark.parametrize(
    "make, operation",
    [(_reading, "ReadFile"), (_writing, "WriteFile"), (_calling, "EagerPyFunc"), (_restoring, "RestoreV2")],
)
def test_graphs_that_reach_files_or_python_need_trust(make: Any, operation: str, tmp_path: Path) -> None:
    import tensorflow

    save_model(make(tensorflow), tmp_path / "model")
    with pytest.raises(PermissionDenied, match=f"has the operation '{operation}'"):
        load_model(tmp_path / "model")


def test_graphs_in_other_forms_need_trust_and_garbage_is_refused(tmp_path: Path) -> None:
    save_model(make_tensorflow(), tmp_path / "model", input_example=make_rows())
    folder = tmp_path / "model" / "tf2model"
    (folder / "saved_model.pbtxt").write_text("x")
    write_manifest(tmp_path / "model")
    with pytest.raises(PermissionDenied, match=r"its graph as 'saved_model\.pbtxt'"):
        load_model(tmp_path / "model")
    (folder / "saved_model.pbtxt").unlink()
    for data in (b"", b"garbage" * 10):
        (folder / "saved_model.pb").write_bytes(data)
        write_manifest(tmp_path / "model")
        with pytest.raises((Corrupt, PermissionDenied)):
            load_model(tmp_path / "model")
