"""PostgreSQL's own programs, how to log in with them, and the text they write: what sources, checks and recoveries share."""
