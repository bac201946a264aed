"""The lock on guessing: so many failed passwords of one account from one address."""
