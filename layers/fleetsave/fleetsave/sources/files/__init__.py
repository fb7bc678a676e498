"""Folders, and whole servers, captured as one tar stream while they are in use; `archive` reads it on our side."""
