"""Intervals, tests and verdicts, from the tables of analysis/data/."""
