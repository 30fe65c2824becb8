"""Is never imported to its end."""

from __future__ import annotations

import time

while True:
    time.sleep(1)
