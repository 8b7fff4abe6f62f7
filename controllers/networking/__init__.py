"""Objects about the addresses of Services: which are taken, and from which ranges they come. Pure."""
