"""From runs to tables and figures: plain pandas and seaborn. Nothing here imports torch."""
