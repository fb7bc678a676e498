"""What verification asks of a backup: one question, one file, answered with findings."""
