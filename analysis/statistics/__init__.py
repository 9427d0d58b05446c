"""Intervals, tests and verdicts, from the tables of analysis/data/. An edit makes what imports it again."""
