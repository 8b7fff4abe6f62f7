"""The Node object: what this machine is and has, that it is alive (lease), and how it is (conditions)."""
