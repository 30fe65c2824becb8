"""Slips that change nothing, or nothing that honest code may not change too: each with the reason."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
"""The slip's name -> why no law can find it."""
