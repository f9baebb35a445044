"""Whether the defaults lose anywhere: many data sets, the pipelines of `systems`, one table."""
