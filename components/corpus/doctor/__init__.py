"""Is what is stored whole, and what the source and the model say? `run.doctor` asks and repairs."""
