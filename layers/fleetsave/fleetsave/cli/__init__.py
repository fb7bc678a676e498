"""The command line: what a person runs; never in Lambda."""
