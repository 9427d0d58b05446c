"""A study, or two methods, shown in the terminal."""
