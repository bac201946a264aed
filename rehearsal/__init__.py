"""Production on one machine, for a few minutes: what is shipped in deploy/, really run."""
