"""The catalog: immutable records beside the backups, in the same store; it survives everything but the bucket."""
