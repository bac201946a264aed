"""Plain Django REST framework: what every ratio of the benchmark is a ratio to."""
