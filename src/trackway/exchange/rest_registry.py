"""The registered models of a server of MLflow's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from trackway.api.transfers import PastRegistered, PastVersion
from trackway.base.errors import InvalidInput, NotFound
from trackway.exchange import wire as w
from trackway.exchange.history import Problem, choose_source, read_version_stage, read_version_status

T = TypeVar("T")
PAGE = 100
_IS_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"


class Get(Protocol):
    """Asks a server."""

    def __call__(self, path: str, query: dict[str, Any], kind: type[T], /) -> T: ...


def list_registered(get: Get, problem: Problem) -> Iterator[PastRegistered]:
    """Yield the registered models, and the prompts, which a search leaves out unless it asks for them."""
    for text in ("", _IS_PROMPT):
        query: dict[str, Any] = {"max_results": PAGE, **({"filter": text} if text else {})}
        token = ""
        while True:
            try:
                found = get(
                    "/registered-models/search", {**query, "page_token": token} if token else query, w.RegisteredPage
                )
            except (NotFound, InvalidInput):  # a server without a registry, or without prompts
                break
            for model in found.registered_models:
                if "'" in model.name and '"' in model.name:
                    problem(f"registered model {model.name!r}", "no search of MLflow's finds its versions")
                    continue
                yield _read(get, model.name, text)
            token = found.next_page_token
            if not token:
                break


def _read(get: Get, name: str, text: str) -> PastRegistered:
    """Read a registered model or a prompt; ``text`` is the filter that found it, and finds its versions."""
    model = get("/registered-models/get", {"name": name}, w.OneRegistered).registered_model
    return PastRegistered(
        name=name,
        description=model.description,
        created_ms=model.creation_timestamp,
        updated_ms=model.last_updated_timestamp,
        tags={tag.key: tag.value for tag in model.tags},
        aliases={one.alias: one.version for one in model.aliases},
        versions=sorted(_read_versions(get, name, text), key=lambda version: version.version),
    )


def _read_versions(get: Get, name: str, text: str) -> Iterator[PastVersion]:
    mark = '"' if "'" in name else "'"
    wanted = " AND ".join(filter(None, (f"name = {mark}{name}{mark}", text)))
    query: dict[str, Any] = {"filter": wanted, "max_results": PAGE}
    token = ""
    while True:
        page = get("/model-versions/search", {**query, "page_token": token} if token else query, w.Versions)
        for version in page.model_versions:
            stage = read_version_stage(version.current_stage)
            if stage is None:
                continue
            named = {"name": name, "version": version.version}
            place = get("/model-versions/get-download-uri", named, w.DownloadUri).artifact_uri
            yield PastVersion(
                version=version.version,
                source=choose_source(version.source, place),
                run_id=version.run_id,
                model_id=version.model_id or "",
                run_link=version.run_link,
                description=version.description,
                user=version.user_id,
                status=read_version_status(version.status),
                status_message=version.status_message,
                stage=stage,
                created_ms=version.creation_timestamp,
                updated_ms=version.last_updated_timestamp,
                tags={tag.key: tag.value for tag in version.tags},
            )
        token = page.next_page_token
        if not token:
            return
