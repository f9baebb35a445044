"""The page of a comparison: one file, complete without a network."""
