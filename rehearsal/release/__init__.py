"""What the next release would bring to the schema: an app with a migration, and its settings."""
