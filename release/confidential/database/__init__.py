"""The engines outside this process: DuckDB, PostgreSQL and Spark, by one Ibis expression."""
