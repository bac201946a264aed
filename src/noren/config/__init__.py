"""The installation: settings, routes, entry points."""
