"""The engines outside this process: DuckDB and PostgreSQL, by one Ibis expression."""
