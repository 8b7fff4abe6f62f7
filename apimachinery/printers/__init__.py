"""What people see: the columns and cells of server-side Tables, one function an object, nothing that does I/O.

``table`` renders whole Tables as bytes; every other module holds the printers of some kinds.
"""
