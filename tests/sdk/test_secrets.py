from __future__ import annotations

import time

import pytest

from trackway.sdk.secrets import mask_command, mask_value


@pytest.mark.parametrize(
    "name, value, shown",
    [
        ("MLFLOW_TRACKING_PASSWORD", "x", "***"),
        ("HF_TOKEN", "x", "***"),
        ("WANDB_API_KEY", "x", "***"),
        ("apiKey", "x", "***"),
        ("AWS_SECRET_ACCESS_KEY", "x", "***"),
        ("X", "ghp_" + "a" * 36, "***"),
        ("X", "use AKIAABCDEFGHIJKLMNOP now", "***"),
        ("X", "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "***"),
        ("X", "-----BEGIN RSA PRIVATE KEY-----", "***"),
        ("X", "postgresql://me:hush@db/x", "postgresql://me:***@db/x"),
        ("X", "see http://tok@h/a and ssh://git@h/b", "see http://***@h/a and ssh://git@h/b"),
        ("MLFLOW_TRACKING_TOKEN", "", ""),
        ("max_tokens", "512", "512"),
        ("tokenizer", "bpe", "bpe"),
        ("pad_token", "[PAD]", "[PAD]"),
        ("monkey", "x", "x"),
        ("OMP_NUM_THREADS", "4", "4"),
    ],
)
def test_values_are_masked_by_name_and_by_shape(name: str, value: str, shown: str) -> None:
    assert mask_value(name, value) == shown


@pytest.mark.parametrize(
    "command, shown",
    [
        ("train.py --token abc --lr 0.1", "train.py --token *** --lr 0.1"),
        ("train.py --api-key=abc", "train.py --api-key=***"),
        ("env PASSWORD=abc train.py", "env PASSWORD=*** train.py"),
        ("train.py --db=mysql://u:p@h/x s3://b/x=1", "train.py --db=mysql://u:***@h/x s3://b/x=1"),
        ("train.py --secret --verbose x", "train.py --secret --verbose x"),
    ],
)
def test_command_lines_are_masked(command: str, shown: str) -> None:
    assert " ".join(mask_command(command.split())) == shown


@pytest.mark.parametrize(
    "text", ["x" * 200_000, "://" * 50_000, "-----BEGIN " * 20_000, "eyJ" * 50_000, "eyJ." * 50_000]
)
def test_long_texts_take_linear_time(text: str) -> None:
    started_s = time.process_time()
    assert mask_value("x", text) == text
    assert time.process_time() - started_s < 2
