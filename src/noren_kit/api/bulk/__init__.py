"""Many rows in one call: judged one by one, written together (docs/guides/bulk.md)."""
