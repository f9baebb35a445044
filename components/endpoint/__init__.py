"""Models behind an OpenAI-compatible address, and what they cost."""
