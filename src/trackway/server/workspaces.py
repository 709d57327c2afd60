"""How a request names its workspace: by a header, or by the beginning of its path.

``X-Trackway-Workspace: vision``, or ``X-MLFLOW-WORKSPACE`` as MLflow's clients send it; or ``/w/vision`` before the
path of any route, for clients and browsers that can be given nothing but an address. Without any of them it is the one
that the caller's token is for, else the one that the caller chose, else the default one.
"""

from __future__ import annotations

from typing import Final

from trackway.base.errors import InvalidInput
from trackway.http.app import App
from trackway.http.messages import HttpRequest, Scope
from trackway.server.calls import Caller

OURS: Final = b"x-trackway-workspace"
MLFLOWS: Final = b"x-mlflow-workspace"
IN_PATH: Final = "trackway.workspace"
"""Key of a scope: the workspace that the path named."""


class WorkspaceApp(App[Caller]):
    """Serves every route below ``/w/<workspace>`` too."""

    prefix = "/w/"

    def enter(self, scope: Scope) -> Scope:
        """Move the workspace from the path to a place of its own."""
        name, _, rest = scope["path"].removeprefix(self.prefix).partition("/")
        return {**scope, "path": f"/{rest}", IN_PATH: name}


def read_workspace(request: HttpRequest) -> str:
    """Return the name of the workspace that a request names; empty when it names none.

    raises: InvalidInput when it names several, or the path names none behind ``/w/``
    """
    headers, in_path = request.headers, request.scope.get(IN_PATH)
    named = {headers[header].decode("latin-1").strip() for header in (OURS, MLFLOWS) if header in headers} - {""}
    if in_path is not None:
        named.add(in_path)
    if len(named) > 1 or "" in named:
        raise InvalidInput(
            "The request does not name one workspace", hint="name it in the path, /w/NAME, or in one header"
        )
    return named.pop() if named else ""
