"""Texts: the forms in which they are compared, and portions of long ones."""
