"""The commands, a module each. They parse, call one function of the package, and print; nothing is decided here."""
