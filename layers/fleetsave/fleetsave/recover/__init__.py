"""From a granted request to a proven recovery, one step at a time, each with its record."""
