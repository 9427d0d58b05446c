"""Upkeep of the runs and of the locks. An edit trains nothing."""
