"""The page of a study: one file that holds its figures, tables, verdict, cells, and how each was made."""
