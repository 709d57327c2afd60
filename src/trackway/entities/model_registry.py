"""The registry's objects, under the name by which scripts written for MLflow import them."""

from __future__ import annotations

from trackway.sdk.registry_entities import ModelVersion, ModelVersionStatus, RegisteredModel

__all__ = ["ModelVersion", "ModelVersionStatus", "RegisteredModel"]
