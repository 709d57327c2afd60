"""What must not leave the machine with a run's description: passwords, tokens and keys, known by name or by shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

_NAME = re.compile(
    r"passw|passphrase|secret|credential|cookie|authori[sz]ation|signature"
    r"|(?:^|[^a-z])(?:pwd|auth|dsn|sig)$"
    r"|(?:^|[^a-z]|api|access|private)keys?$"
    r"|(?<!pad_|eos_|bos_|unk_|sep_|cls_)(?<!mask_)token$",  # a tokenizer's special tokens are no secrets
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abeprs]-|dapi)[0-9A-Za-z_-]{16,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\."  # a signed JSON web token
)
_URL = re.compile(r"([a-z][a-z0-9+.-]{0,30}://)([^/?#\s]*)@", re.IGNORECASE)  # bounded, so that the time is linear
_FLAG = re.compile(r"--?[0-9A-Za-z][\w.-]*")


def is_secret_name(name: str) -> bool:
    """Tell whether a variable, flag or param of this name usually holds a secret, such as ``API_KEY``."""
    return _NAME.search(name) is not None


def holds_secret(text: str) -> bool:
    """Tell whether something in a text has the shape of a secret, such as a private key."""
    return _VALUE.search(text) is not None


def mask_value(name: str, value: str) -> str:
    """Return ``value``, or ``***`` when its name or its shape is that of a secret; passwords in URLs go too."""
    if value and (is_secret_name(name) or holds_secret(value)):
        return MASK
    return _URL.sub(_mask_user, value)


def mask_address(address: str) -> str:
    """Return a URL without its password, and with ``***`` for parameters such as a signature or token."""
    address, question, query = address.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&"))
    query = "&".join(f"{name}{equals}{mask_value(name, value)}" for name, equals, value in pairs)
    return mask_value("", address) + question + query


def mask_command(arguments: Sequence[str]) -> list[str]:
    """Return a command line without its secrets: ``--token x``, ``--token=x``, ``TOKEN=x`` and URLs with passwords."""
    masked: list[str] = []
    flag = ""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and "://" not in name:
            masked.append(f"{name}={mask_value(name, value)}")
        else:
            masked.append(argument if _FLAG.fullmatch(argument) else mask_value(flag, argument))
        flag = argument if _FLAG.fullmatch(argument) else ""
    return masked


def _mask_user(match: re.Match[str]) -> str:
    user, colon, _ = match[2].partition(":")
    # Over HTTP a lone user name is often a token; over SSH and the like it is needed and no secret.
    if match[1].lower() in ("http://", "https://"):
        return f"{match[1]}{MASK}@"
    return f"{match[1]}{user}:{MASK}@" if colon else match[0]
