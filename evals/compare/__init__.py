"""Which pipeline finds more: the same questions to each, and what may be concluded."""
