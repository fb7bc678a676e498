"""How each kind of artifact is captured on its server."""
