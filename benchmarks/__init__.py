"""Measurements of speed: ``make bench``. An edit changes no number of a run."""
