"""CustomResourceDefinitions at run time: their conditions, the kinds that they add, the end of what they define.

Nothing of it is imported before the first definition is there, but for ``observer``.
"""
