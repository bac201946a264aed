"""The local stack: embedded PostgreSQL and Redis, and the processes that serve beside them.

Apart from the rest of the kit so that a checkout runs with no server installed, while a
deployment with servers of its own never imports it. Runs on Linux and macOS.
"""
