"""The flow on a real Prefect server on loopback."""
