"""What both ends of the wire agree on: kinds as data, metadata, errors, selectors, quantities, patches, validation.

Pure: nothing here reads a file at call time, opens a socket, starts a task or knows the time unless it is told.
"""
