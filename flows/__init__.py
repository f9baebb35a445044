"""Part of Millrace."""

import time

MILLRACE = True
STARTED = time.perf_counter()
"""When the process began with us: the interpreter's own start, some 20 ms, is not in it."""
