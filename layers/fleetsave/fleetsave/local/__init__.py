"""The local stack: the deployed template on one machine; never in Lambda."""
