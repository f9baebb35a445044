"""Encoders."""

import os

# Threads that spin while they wait for one another make a machine that others use as well several
# times slower. Read when torch is loaded, which happens at the first vector.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
