"""Archives as streams that nobody vouches for: members, names and manifests, read in memory that does not grow."""
