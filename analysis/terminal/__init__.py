"""A study, or two methods, shown in the terminal. An edit makes nothing again."""
