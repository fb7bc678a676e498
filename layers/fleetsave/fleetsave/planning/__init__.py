"""From a request for a recovery to what will be done, or why it will not: for the API that answers and the worker that acts."""
