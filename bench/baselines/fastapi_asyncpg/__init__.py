"""FastAPI over asyncpg: rows by hand-written SQL, JSON by orjson."""
