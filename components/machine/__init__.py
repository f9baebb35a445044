"""This machine: its files, its processes, and what it refuses."""
