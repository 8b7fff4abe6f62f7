"""How bytes become ASGI requests: the HTTP protocol of the server. No routes, no policy."""
