"""Who is asking (authentication) and whether they may (authorization). Nothing here changes an object."""
