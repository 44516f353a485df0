"""The log: one SQL schema on SQLite and PostgreSQL, its queries and its migrations."""
