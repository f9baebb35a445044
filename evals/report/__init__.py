"""The page of an experiment: one file, complete without a network."""
