"""`make run`: real game servers, backed up by the deployed stack while a person watches."""
