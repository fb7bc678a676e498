"""The object storage: one port, Amazon S3 and its look-alikes behind it, and the streaming upload."""
