"""`/api/auth/`: signing in and out, sessions, passwords, invitations."""
