"""Tidy tables of a study's runs, their scores, and what was published. An edit makes tables, figures and page again."""
