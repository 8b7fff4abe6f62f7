"""CEL, the Common Expression Language: the gateway to its implementation, and the functions that Kubernetes adds.

``programs`` compiles and evaluates; ``functions`` lists the libraries. Expressions see documents (dicts, lists, strings
...); nothing here knows what they are about.
"""
