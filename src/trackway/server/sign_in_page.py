"""The plain pages of who is not signed in yet: a form, or a word of why it did not work.

They are there without the built UI, look like it, and run nothing but their own script.
"""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path
from typing import Final

from trackway.base.errors import TrackwayError
from trackway.http.messages import HttpResponse

_HTML: Final = b"text/html; charset=utf-8"
_STYLE: Final = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
"""Its values are those of the UI's tokens."""
_THEME: Final = """
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {}
"""
_SCRIPT: Final = """
const form = document.forms[0], told = document.querySelector(".told"), button = form.querySelector("button");
const link = location.hash.slice(1);
if (link && form.secret) { form.secret.value = link; history.replaceState(null, "", location.pathname); }
function find_next() {
  const wanted = new URLSearchParams(location.search).get("then") ?? "";
  if (!form.dataset.back || !wanted) return form.dataset.then;
  const next = new URL(wanted + location.hash, location.origin);
  return next.origin === location.origin ? next.href : form.dataset.then;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  told.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.to, {method: "POST", headers: {"Content-Type": "application/json"},
      body: JSON.stringify(Object.fromEntries(new FormData(form)))});
    if (answer.ok) { location.assign(find_next()); return; }
    const error = (await answer.json()).error;
    told.textContent = error.hint ? error.message + " (" + error.hint + ")" : error.message;
  } catch { told.textContent = "The server does not answer (see that it runs, then try again)"; }
  button.disabled = false;
  form.password.select();
});
"""
_LOGO: Final = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#2f5bea"/>'
    '<path d="M6 23c5 0 5-7 10-7s5-7 10-7" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round"/>'
    '<circle cx="6.5" cy="23" r="2.6" fill="#fff"/><circle cx="25.5" cy="9" r="2.6" fill="#fff"/></svg>'
)
_NAME = (
    "<label>{}<input name=name autocomplete=username autocapitalize=none spellcheck=false required autofocus></label>"
)
_NEW_FIELDS = (
    "<label>{}<input name=password type=password autocomplete=new-password minlength=12 required></label>"
    "<input name=secret type=hidden>"
)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


_CSP: Final = (
    f"default-src 'none'; script-src {_hash(_THEME)} {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self';"
    " img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
).encode()


def show_sign_in(elsewhere: str) -> HttpResponse:
    """Return the page that asks for name and password; it leads to where ``?then=`` says, if that is here.

    elsewhere: address of ours that leads to another place to sign in; empty for none
    """
    other = f'<p class=or>or</p><a class=button href="{elsewhere}">Single sign-on</a>' if elsewhere else ""
    return _show_form(
        "Sign in",
        '<form data-to="/api/v1/session" data-then="/" data-back=1>'
        + _NAME.format("Name")
        + "<label>Password<input name=password type=password autocomplete=current-password required></label>"
        f"<button>Sign in</button></form>{other}",
    )


def show_invitation() -> HttpResponse:
    """Return the page where somebody who was invited chooses a password."""
    return _show_form(
        "Choose a password",
        "<p>Your link is good for one password, once.</p>"
        '<form data-to="/api/v1/join" data-then="/sign-in">'
        + _NEW_FIELDS.format("New password, 12 characters or more")
        + "<button>Set the password</button></form>",
    )


def show_set_up() -> HttpResponse:
    """Return the page where the first administrator chooses a name and a password."""
    return _show_form(
        "Set this server up",
        "<p>You become its administrator, and can invite others.</p>"
        '<form data-to="/api/v1/join" data-then="/sign-in">'
        + _NAME.format("Name")
        + _NEW_FIELDS.format("Password, 12 characters or more")
        + "<button>Make the administrator</button></form>",
    )


def show_failure(error: TrackwayError) -> HttpResponse:
    """Return a page that says why somebody is not signed in."""
    said = html.escape(f"{error.message} ({error.hint})" if error.hint else error.message)
    again = '<a class=button href="/sign-in">Back to signing in</a>'
    return _show("Not signed in", f"<p class=told role=alert>{said}</p>{again}", error.status)


def _show_form(title: str, form: str) -> HttpResponse:
    return _show(title, f"{form}<p class=told role=alert></p>", script=f"<script>{_SCRIPT}</script>")


def _show(title: str, content: str, status: int = 200, script: str = "") -> HttpResponse:
    body = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title} · Trackway</title><link rel=icon href=/favicon.svg type=image/svg+xml>"
        f"<script>{_THEME}</script><style>{_STYLE}</style><header>{_LOGO}Trackway</header>"
        f"<main><h1>{title}</h1>{content}</main>{script}</html>"
    )
    headers = [(b"content-security-policy", _CSP), (b"cache-control", b"no-store")]
    return HttpResponse(status=status, body=body.encode(), content_type=_HTML, headers=headers)
