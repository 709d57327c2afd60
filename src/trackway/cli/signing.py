"""Commands by which versions are signed and verified."""

from __future__ import annotations

from typing import Any

import click

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import signing as k
from trackway.cli.models import models
from trackway.cli.output import format_time, on_store, show_done, show_list, show_rows, show_trashed
from trackway.sdk.connection import set_tracking_uri
from trackway.sdk.signing import sign_model, verify_model
from trackway.sdk.transport import Transport

FILE = click.Path(dir_okay=False)
URI = click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@models.command("sign")
@click.argument("model")
@click.option("--key", required=True, type=FILE, help="File with a private key, as PEM: P-256, P-384 or P-521.")
@click.option("--password-file", type=FILE, help="File whose first line opens the key.")
@click.option("--certificates", type=FILE, help="File with the key's certificate, and those behind it, as PEM.")
@click.option("--signature", type=FILE, help="File to write the signature of a folder to.")
@URI
@JSON
def sign(model: str, uri: str, as_json: bool, **given: Any) -> None:
    """Sign MODEL: models:/NAME/VERSION or models:/NAME@ALIAS, or a folder.

    The key stays here. The store keeps the signature of a version when it trusts the key (trackway models trust).
    """
    if uri:
        set_tracking_uri(uri)
    password = _read_password(given.pop("password_file"))
    version = sign_model(model, given.pop("key"), password=password, **given)
    if version is None:
        show_done(f"Signed {model}.", as_json, signature=given["signature"])
    else:
        title = f"version {version.version} of {version.name}"
        show_done(f"Signed {title}.", as_json, name=version.name, version=version.version)


@models.command("verify")
@click.argument("model")
@click.option("--key", type=FILE, help="File with the public key that must have signed, as PEM.")
@click.option("--certificates", type=FILE, help="File with the certificates that are trusted, as PEM.")
@click.option("--signature", type=FILE, help="File with the signature of a folder.")
@URI
@JSON
def verify(model: str, uri: str, as_json: bool, **given: Any) -> None:
    """Hash every file of MODEL and verify who signed them: by a key of yours, or by those that the store trusts."""
    if uri:
        set_tracking_uri(uri)
    rows = [{"key": one.key, "signer": one.signer} for one in verify_model(model, **given)]
    show_rows(rows, as_json)


@models.command("signature")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--by", "key", help="Only that of this trusted key.")
@on_store
def show_signature(transport: Transport, name: str, version: int, key: str | None, as_json: bool) -> None:
    """List the signatures of a version, or (--by) print one, as other tools verify it."""
    found = transport.call(ops.LIST_SIGNATURES, g.VersionName(name=name, version=version)).signatures
    if key is not None:
        chosen = [one for one in found if one.key == key]
        if not chosen:
            raise click.UsageError(f"version {version} of {name} is not signed by {key}")
        click.echo(chosen[0].bundle)
        return
    show_list(
        found,
        lambda one: {
            "key": one.key,
            "signer": one.signer,
            "by": one.added_by,
            "added": format_time(one.added_ms),
        },
        as_json,
        "Nobody signed it.",
    )


@models.command("trust")
@click.argument("name")
@click.argument("pem", type=FILE)
@on_store
def trust(transport: Transport, name: str, pem: str, as_json: bool) -> None:
    """Trust the public key, or the certificates, in the file PEM to sign versions; NAME is what policies call it."""
    try:
        with click.open_file(pem) as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{pem} cannot be read: {error}") from None
    key = transport.call(ops.TRUST_SIGNING_KEY, k.TrustSigningKey(name=name, pem=text))
    show_done(f"Trust the {key.kind} {name}.", as_json, name=name, kind=key.kind)


@models.command("distrust")
@click.argument("name")
@on_store
def distrust(transport: Transport, name: str, as_json: bool) -> None:
    """Trust a key no more, nor what it signed."""
    trashed = transport.call(ops.DELETE_SIGNING_KEY, k.SigningKeyName(name=name))
    show_trashed(f"Trust {name} no more.", trashed, as_json)


@models.command("keys")
@on_store
def list_keys(transport: Transport, as_json: bool) -> None:
    """List the keys that are trusted to sign versions."""
    show_list(
        transport.call(ops.LIST_SIGNING_KEYS, k.ListSigningKeys()).keys,
        lambda key: {
            "name": key.name,
            "kind": key.kind,
            "by": key.created_by,
            "since": format_time(key.created_ms),
        },
        as_json,
        "No key is trusted.",
    )


def _read_password(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with click.open_file(path) as file:
            return str(file.readline()).rstrip("\r\n")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
