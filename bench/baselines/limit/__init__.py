"""The hand-written limit: a raw WSGI server, and JSON that PostgreSQL makes or keeps."""
