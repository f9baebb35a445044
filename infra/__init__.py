"""Part of Millrace."""

MILLRACE = True
