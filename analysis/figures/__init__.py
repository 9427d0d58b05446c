"""The figures of a study, from its tables."""
