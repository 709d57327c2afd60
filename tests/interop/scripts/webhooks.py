"""Webhooks, which clients have known since 3.3."""

from __future__ import annotations

from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    name = f"ci-{mark}"
    made = client.create_webhook(
        name,
        "https://hooks.example.org/x",
        ["model_version.created", "prompt_tag.set"],
        description="d",
        secret="s",
        status="DISABLED",
    )
    read: dict[str, Any] = {"made": show(made), "read": show(client.get_webhook(made.webhook_id))}
    client.update_webhook(made.webhook_id, description="e", events=["model_version_alias.deleted"], status="ACTIVE")
    read["changed"] = show(client.get_webhook(made.webhook_id))
    listed = client.list_webhooks(max_results=1)
    while listed[0].webhook_id != made.webhook_id:
        listed = client.list_webhooks(max_results=1, page_token=listed.token)
    read["listed"] = show(listed[0])
    for attempt, what in enumerate(("https://127.0.0.1/", "nothing at all")):
        try:
            client.create_webhook(name, what, ["registered_model.created"])
        except mlflow.MlflowException as error:
            read[f"refused {attempt}"] = error.error_code
    client.delete_webhook(made.webhook_id)
    try:
        client.get_webhook(made.webhook_id)
    except mlflow.MlflowException as error:
        read["gone"] = error.error_code
    return read


def show(webhook: Any) -> list[Any]:
    events = [str(getattr(word, "value", word)) for event in webhook.events for word in (event.entity, event.action)]
    return [webhook.name, webhook.url, webhook.description, str(webhook.status).rpartition(".")[2], events]


FIRST = ["ci-MARK", "https://hooks.example.org/x", "d", "DISABLED", ["model_version", "created", "prompt_tag", "set"]]
LATER = ["ci-MARK", "https://hooks.example.org/x", "e", "ACTIVE", ["model_version_alias", "deleted"]]
EXPECTED = {
    "made": FIRST,
    "read": FIRST,
    "changed": LATER,
    "listed": LATER,
    "refused 0": "INVALID_PARAMETER_VALUE",
    "refused 1": "INVALID_PARAMETER_VALUE",
    "gone": "RESOURCE_DOES_NOT_EXIST",
}
