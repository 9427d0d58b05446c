"""The page of a study: one file with figures, tables, verdict and cells. An edit makes the pages again."""
