"""The weights of `fusion: auto`, fitted over data sets and tried on those that were not seen."""
