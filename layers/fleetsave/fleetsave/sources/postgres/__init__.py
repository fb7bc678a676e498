"""PostgreSQL: how a database is dumped, and how a dump is brought back."""
