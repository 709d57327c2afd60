"""How a request names its workspace: by a header, or by the beginning of its path.

``X-Trackway-Workspace: vision``, or ``X-MLFLOW-WORKSPACE`` as MLflow's clients send it; or ``/w/vision`` before the
path of any route, for clients and browsers that can be given nothing but an address. Without any of them it is the one
that the caller's token is for, else the one that the caller chose, else the default one.
"""

from __future__ import annotations

from typing import Final

from trackway.base.errors import InvalidInput
from trackway.http.app import App
from trackway.http.messages import HttpRequest, Receive, Scope, Send
from trackway.server.calls import Caller

PREFIX: Final = "/w/"
HEADERS: Final = (b"x-trackway-workspace", b"x-mlflow-workspace")
_KEY: Final = "trackway.workspace"


class WorkspaceApp(App[Caller]):
    """Serves every route below ``/w/<workspace>`` too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            scope = _enter(scope)
        await super().__call__(scope, receive, send)


def _enter(scope: Scope) -> Scope:
    """Move the workspace from the path to a place of its own."""
    name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
    return {**scope, "path": f"/{rest}", _KEY: name}


def read_workspace(request: HttpRequest) -> str:
    """Return the name of the workspace that a request names; empty when it names none.

    raises: InvalidInput when it names several, or the path names none behind ``/w/``
    """
    ours, theirs, in_path = *map(request.headers.get, HEADERS), request.scope.get(_KEY)
    if ours is None and theirs is None and in_path is None:
        return ""
    named = {header.decode("latin-1").strip() for header in (ours, theirs) if header is not None} - {""}
    if in_path is not None:
        named.add(in_path)
    if len(named) > 1 or "" in named:
        raise InvalidInput(
            "The request does not name one workspace", hint="name it in the path, /w/NAME, or in one header"
        )
    return named.pop() if named else ""
