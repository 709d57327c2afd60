"""Aliases of versions, and copies of versions between models, which clients have known since 2.3."""

from __future__ import annotations

from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    name, other = f"aliased {mark}", f"copied {mark}"
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, "s3://bucket/model", tags={"a": "1"})
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "gone", "1")
    client.delete_registered_model_alias(name, "gone")
    read: dict[str, Any] = {"first": str(client.get_model_version_by_alias(name, "champion").version)}
    client.set_registered_model_alias(name, "champion", "2")
    read["moved"] = str(client.get_model_version_by_alias(name, "champion").version)
    aliases = client.get_registered_model(name).aliases
    read["aliases"] = {alias: str(number) for alias, number in aliases.items()}
    read["of version"] = [list(client.get_model_version(name, number).aliases) for number in ("1", "2")]
    copy = client.copy_model_version(f"models:/{name}@champion", other)
    read["copy"] = (copy.name, str(copy.version), copy.source.startswith("models:/aliased "))
    read["copied from"] = client.get_model_version_download_uri(other, "1")
    read["all"] = [v.name for v in mlflow.search_model_versions(filter_string=f"name = '{other}'")]
    read["models"] = [m.name for m in mlflow.search_registered_models(filter_string=f"name = '{name}'")]
    client.delete_model_version(name, "2")
    read["left"] = {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    return read


EXPECTED = {
    "first": "1",
    "moved": "2",
    "aliases": {"champion": "2"},
    "of version": [[], ["champion"]],
    "copy": ["copied MARK", "1", True],
    "copied from": "s3://bucket/model",
    "all": ["copied MARK"],
    "models": ["aliased MARK"],
    "left": {},
}
