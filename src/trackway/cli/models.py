"""Commands on registered models and their versions."""

from __future__ import annotations

from typing import Any

import click

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.ids import new_id
from trackway.cli.output import format_time, on_store, show_done, show_list, show_more, show_one, show_trashed
from trackway.cli.places import LazyGroup, Place
from trackway.sdk.transport import Transport
from trackway.sdk.versions import find_source

STAGE = click.Choice(list(g.STAGES), case_sensitive=False)
FILTER = "Search, such as \"name LIKE 'c%' AND tags.team = 'risk'\"."


COMMANDS = {
    "build-docker": Place("images", "build_docker", "Build a container image that serves a model."),
    "card": Place("cards", "card", "Write a model's card, or bring it up to date."),
    "predict": Place("prediction", "predict", "Predict every row of a file, of any size."),
    "evaluate": Place("evaluation", "evaluate", "Measure a model on data, and hold it against thresholds."),
}


@click.group(cls=LazyGroup, places=COMMANDS)
def models() -> None:
    """Register models, say which is used for what, and serve them."""


@models.command("list")
@click.option("--filter", "filter_text", default="", help=FILTER)
@click.option("--order", multiple=True, help='Order, such as "name DESC"; may be repeated.')
@click.option("--limit", default=100, show_default=True)
@on_store
def list_models(transport: Transport, filter_text: str, order: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List or search registered models, by name."""
    request = g.SearchRegisteredModels(filter=filter_text, order_by=list(order), limit=limit)
    page = transport.call(ops.SEARCH_REGISTERED_MODELS, request)
    show_list(
        page.models,
        lambda model: {
            "name": model.name,
            "versions": model.last_version,
            "in use": _join(f"{v.stage}: {v.version}" for v in model.latest_versions if v.stage in g.STAGES[1:3]),
            "aliases": _join(f"{alias}: {number}" for alias, number in model.aliases.items()),
            "owner": model.owner,
            "updated": format_time(model.updated_ms),
        },
        as_json,
        "No registered models.",
    )
    show_more(page.next_page_token, limit)


@models.command("get")
@click.argument("name")
@click.argument("version", required=False, type=int)
@on_store
def get_model(transport: Transport, name: str, version: int | None, as_json: bool) -> None:
    """Show a registered model, or one of its versions."""
    if version is not None:
        show_one(transport.call(ops.GET_MODEL_VERSION, g.VersionName(name=name, version=version)), as_json)
        return
    model = transport.call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name))
    if as_json:
        show_one(model, as_json)
        return
    latest = {version.stage: version.version for version in model.latest_versions}
    shown = {field: getattr(model, field) for field in ("name", "description", "owner", "tags", "aliases")}
    show_one({**shown, "latest versions": latest}, as_json)


@models.command("versions")
@click.argument("name", required=False)
@click.option("--filter", "filter_text", default="", help="Search, such as \"name = 'churn' AND stage = 'Staging'\".")
@click.option("--order", multiple=True, help='Order, such as "version DESC"; may be repeated.')
@click.option("--limit", default=100, show_default=True)
@on_store
def list_versions(
    transport: Transport, name: str | None, filter_text: str, order: tuple[str, ...], limit: int, *, as_json: bool
) -> None:
    """List or search versions, of all models or of the one called NAME, latest change first."""
    if name is not None:
        of_model = "name = '{}'".format(name.replace("'", "''"))
        filter_text = f"{of_model} AND ({filter_text})" if filter_text else of_model
    request = g.SearchModelVersions(filter=filter_text, order_by=list(order), limit=limit)
    page = transport.call(ops.SEARCH_MODEL_VERSIONS, request)
    show_list(
        page.versions,
        lambda version: {
            "name": version.name,
            "version": version.version,
            "stage": version.stage,
            "aliases": ", ".join(version.aliases),
            "run": version.run_id,
            "source": version.source,
            "created": format_time(version.created_ms),
        },
        as_json,
        "No versions.",
    )
    show_more(page.next_page_token, limit)


@models.command("register")
@click.argument("uri")
@click.argument("name")
@click.option("--description", default="", help="What is special about this version.")
@on_store
def register_model(transport: Transport, uri: str, name: str, description: str, as_json: bool) -> None:
    """Register the model at URI as the next version of NAME.

    URI is runs:/RUN_ID/PATH, models:/MODEL_ID, models:/NAME/VERSION, models:/NAME@ALIAS, or a place in a bucket.
    """
    source, run_id, model_id = find_source(transport, uri)
    transport.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=name, if_exists="return"))
    request = g.CreateModelVersion(
        name=name,
        source=source,
        run_id=run_id,
        model_id=model_id,
        description=description,
        external_key=new_id(),
    )
    made = transport.call(ops.CREATE_MODEL_VERSION, request)
    show_done(f"Registered version {made.version} of {name}.", as_json, name=name, version=made.version)


@models.command("describe")
@click.argument("name")
@click.argument("text")
@click.option("--version", type=int, help="Describe this version.")
@on_store
def describe(transport: Transport, name: str, text: str, version: int | None, as_json: bool) -> None:
    """Describe a registered model, or one of its versions."""
    if version is None:
        transport.call(ops.UPDATE_REGISTERED_MODEL, g.UpdateRegisteredModel(name=name, description=text))
    else:
        request = g.UpdateModelVersion(name=name, version=version, description=text)
        transport.call(ops.UPDATE_MODEL_VERSION, request)
    show_done(f"Described {_title(name, version)}.", as_json)


@models.command("tag")
@click.argument("name")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--version", type=int, help="Of this version.")
@on_store
def tag_model(transport: Transport, as_json: bool, name: str, key: str, **given: Any) -> None:
    """Set a tag of a registered model or version, or delete it when no VALUE is given."""
    value, version = given["value"], given["version"]
    if version is None and value is None:
        transport.call(ops.DELETE_REGISTERED_MODEL_TAG, g.DeleteRegisteredModelTag(name=name, key=key))
    elif version is None:
        transport.call(ops.SET_REGISTERED_MODEL_TAGS, g.SetRegisteredModelTags(name=name, tags={key: value}))
    elif value is None:
        transport.call(ops.DELETE_VERSION_TAG, g.DeleteVersionTag(name=name, version=version, key=key))
    else:
        transport.call(ops.SET_VERSION_TAGS, g.SetVersionTags(name=name, version=version, tags={key: value}))
    show_done(f"{'Deleted' if value is None else 'Set'} tag {key} of {_title(name, version)}.", as_json)


@models.command("alias")
@click.argument("name")
@click.argument("alias")
@click.argument("version", required=False, type=int)
@on_store
def set_alias(transport: Transport, name: str, alias: str, version: int | None, as_json: bool) -> None:
    """Make ALIAS stand for VERSION, or delete it when no VERSION is given."""
    if version is None:
        transport.call(ops.DELETE_ALIAS, g.Alias(name=name, alias=alias))
        show_done(f"Deleted alias {alias} of {name}.", as_json)
    else:
        transport.call(ops.SET_ALIAS, g.SetAlias(name=name, alias=alias, version=version))
        show_done(f"{name}@{alias} is version {version}.", as_json)


@models.command("transition")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("stage", type=STAGE)
@click.option("--archive-existing", is_flag=True, help="Archive the other versions that have the stage.")
@on_store
def transition(transport: Transport, as_json: bool, name: str, version: int, **given: Any) -> None:
    """Give a version a stage: None, Staging, Production or Archived."""
    request = g.TransitionVersion(
        name=name, version=version, stage=given["stage"], archive_existing=given["archive_existing"]
    )
    transport.call(ops.TRANSITION_VERSION, request)
    show_done(f"Version {version} of {name} is {given['stage']}.", as_json)


@models.command("attest")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("what", type=click.Choice(["evaluation"]))
@click.option("--failed", is_flag=True, help="Say that it failed, or take it back.")
@click.option("--note", default="", help="Which evaluation.")
@on_store
def attest(transport: Transport, as_json: bool, name: str, version: int, **given: Any) -> None:
    """Vouch that a version's evaluation passed."""
    request = g.AttestVersion(
        name=name, version=version, what=given["what"], passed=not given["failed"], note=given["note"]
    )
    transport.call(ops.ATTEST_VERSION, request)
    show_done(f"Said so of version {version} of {name}.", as_json)


@models.command("copy")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("to")
@on_store
def copy_version(transport: Transport, name: str, version: int, to: str, as_json: bool) -> None:
    """Register a copy of a version under another name, which is made when it is new."""
    transport.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=to, if_exists="return"))
    request = g.CopyModelVersion(name=name, version=version, to=to, external_key=new_id())
    made = transport.call(ops.COPY_MODEL_VERSION, request)
    show_done(f"Registered version {made.version} of {to}.", as_json, name=to, version=made.version)


@models.command("rename")
@click.argument("name")
@click.argument("new_name")
@on_store
def rename_model(transport: Transport, name: str, new_name: str, as_json: bool) -> None:
    """Rename a registered model."""
    transport.call(ops.RENAME_REGISTERED_MODEL, g.RenameRegisteredModel(name=name, new_name=new_name))
    show_done(f"Renamed {name} to {new_name}.", as_json)


@models.command("delete")
@click.argument("name")
@click.argument("version", required=False, type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_model(transport: Transport, name: str, version: int | None, yes: bool, as_json: bool) -> None:
    """Move a version, or a registered model with all of them, to the trash."""
    if not yes:
        click.confirm(f"Delete {_title(name, version)}?", abort=True)
    if version is None:
        trashed = transport.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name=name))
    else:
        trashed = transport.call(ops.DELETE_MODEL_VERSION, g.VersionName(name=name, version=version))
    show_trashed(f"Deleted {_title(name, version)}.", trashed, as_json)


def _title(name: str, version: int | None) -> str:
    return name if version is None else f"version {version} of {name}"


def _join(pieces: Any) -> str:
    return ", ".join(pieces)
