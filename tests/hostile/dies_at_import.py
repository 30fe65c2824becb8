"""Does not survive its own import."""

from __future__ import annotations

import os

os._exit(5)
