"""One file for each library whose models can be saved; each is imported when its flavor is used."""

from __future__ import annotations
