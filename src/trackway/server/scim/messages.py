"""Messages of SCIM, read and written. All of it computes: call it on a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from trackway.server.scim.errors import Refusal
from trackway.server.scim.resources import MOST_RESULTS, load_resources

P = ParamSpec("P")
T = TypeVar("T")
FILTER_CHARS = 2_000
OPERATIONS = 1_000
"""Most operations of one patch."""
_NARROWING = {"username": "name", "displayname": "name", "externalid": "external_id", "id": "number"}


class Query(NamedTuple):
    """What is asked of a list."""

    request: Any
    narrowed: dict[str, str]


def refusing(work: Callable[P, T]) -> Callable[P, T]:
    """Tell what the library refuses in the protocol's words."""

    @wraps(work)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        library = load_resources().library
        try:
            with load_resources().provider:
                return work(*args, **kwargs)
        except library.SCIMException as error:
            raise Refusal(error.status, error.scim_type, _shorten(error.detail)) from error
        except ValueError as error:  # of which pydantic's are
            listed = getattr(error, "errors", None)
            if listed is None:
                raise Refusal(400, "invalidValue", _shorten(str(error))) from error
            first = library.Error.from_validation_errors(error)[0]
            raise Refusal(first.status or 400, first.scim_type or "invalidSyntax", _shorten(first.detail)) from error
        except RecursionError as error:
            raise Refusal(400, "invalidSyntax", "The message is nested too deeply") from error

    return wrapped


@refusing
def read_resource(kind: Any, body: bytes, replaces: Any = None) -> Any:
    """Read a resource that is created, or that replaces one."""
    context = load_resources().library.Context
    if replaces is None:
        return kind.model_validate_json(body, scim_ctx=context.RESOURCE_CREATION_REQUEST)
    sent = kind.model_validate_json(body, scim_ctx=context.RESOURCE_REPLACEMENT_REQUEST)
    sent.replace(replaces)
    return sent


@refusing
def read_patch(kind: Any, body: bytes) -> Any:
    """Read a patch of a resource."""
    library = load_resources().library
    patch = library.PatchOp[kind].model_validate_json(body, scim_ctx=library.Context.RESOURCE_PATCH_REQUEST)
    if len(patch.operations or ()) > OPERATIONS:
        raise Refusal(400, "tooMany", f"A patch has at most {OPERATIONS:,} operations")
    return patch


@refusing
def apply_patch(patch: Any, resource: Any) -> Any:
    """Return a resource as a patch changes it."""
    patch.patch(resource)
    return resource


@refusing
def read_query(kind: Any, asked: dict[str, Any] | bytes) -> Query:
    """Read what is asked of a list, from a query string or from the body of a search."""
    library = load_resources().library
    context = library.Context.SEARCH_REQUEST
    request_type = library.SearchRequest[kind]
    if isinstance(asked, bytes):
        request = request_type.model_validate_json(asked, scim_ctx=context)
    else:
        if len(asked.get("filter", "")) > FILTER_CHARS:
            raise Refusal(400, "invalidFilter", f"A filter has at most {FILTER_CHARS:,} characters")
        request = request_type.model_validate(asked, scim_ctx=None)
    if request.filter is not None and len(request.filter) > FILTER_CHARS:
        raise Refusal(400, "invalidFilter", f"A filter has at most {FILTER_CHARS:,} characters")
    return Query(request, _narrow(request.filter))


@refusing
def write_list(kind: Any, resources: Iterable[Any], query: Query) -> bytes:
    """Write those of some resources that a query is about: its page, in its order, with its attributes."""
    library, request = load_resources().library, query.request
    found = [one for one in resources if request.filter is None or request.filter.match(one)]
    if request.sort_by is not None:
        found = request.sort(found)
    start = max(request.start_index or 1, 1)
    count = MOST_RESULTS if request.count is None else max(0, min(request.count, MOST_RESULTS))
    page = found[start - 1 : start - 1 + count]
    listed = library.ListResponse[kind](
        total_results=len(found), start_index=start, items_per_page=len(page), resources=page
    )
    return _dump(listed, library.Context.RESOURCE_QUERY_RESPONSE, request)


@refusing
def write_resource(resource: Any, asked: dict[str, Any], kind: Any = None) -> bytes:
    """Write one resource, with the attributes that were asked for."""
    library = load_resources().library
    parameters = library.ResponseParameters[kind].model_validate(asked, scim_ctx=None) if kind and asked else None
    return _dump(resource, library.Context.RESOURCE_QUERY_RESPONSE, parameters)


@refusing
def describe_service(base: str) -> bytes:
    """Write what this server offers."""
    made = load_resources()
    config = made.provider.config.model_copy()
    config.meta = made.library.Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig")
    return _dump(config, made.library.Context.RESOURCE_QUERY_RESPONSE, None)


@refusing
def describe_all(name: str, base: str) -> bytes:
    """Write all types of resources, or all schemas."""
    library, described = load_resources().library, _list_described(name, base)
    kind = library.ResourceType if name == "ResourceTypes" else library.Schema
    listed = library.ListResponse[kind](
        total_results=len(described), start_index=1, items_per_page=len(described), resources=described
    )
    return _dump(listed, library.Context.RESOURCE_QUERY_RESPONSE, None)


@refusing
def describe_one(name: str, wanted: str, base: str) -> bytes | None:
    """Write one type or schema by its id; None when there is no such one."""
    context = load_resources().library.Context.RESOURCE_QUERY_RESPONSE
    return next((_dump(one, context, None) for one in _list_described(name, base) if one.id == wanted), None)


def _list_described(name: str, base: str) -> list[Any]:
    made = load_resources()
    described = made.provider.resource_types if name == "ResourceTypes" else made.provider.schemas
    copies = [one.model_copy() for one in described]
    for one in copies:
        one.meta = made.library.Meta(resource_type=name[:-1], location=f"{base}/{name}/{one.id}")
    return copies


def _dump(message: Any, context: Any, parameters: Any) -> bytes:
    text: str = message.model_dump_json(scim_ctx=context, response_parameters=parameters)
    return text.encode()


def _narrow(wanted: Any) -> dict[str, str]:
    """Return what a filter for one resource by name or id asks for, so that not all have to be read."""
    node = None if wanted is None else wanted.ast
    if node is None or type(node).__name__ != "Comparison" or node.op != "eq" or not isinstance(node.value, str):
        return {}
    path = node.attr_path
    field = None if path.sub_attr else _NARROWING.get(path.attr.lower())
    return {field: node.value} if field and node.value else {}


def _shorten(text: str | None) -> str:
    return (text or "The message cannot be read")[:500]
