"""Tidy tables of a study's runs, their scores, and what was published."""
