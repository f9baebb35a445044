"""Answers by quotation: rows of tables and sentences."""
