"""Custom resources: what a CustomResourceDefinition says of its objects, and what follows from it. Pure.

A schema here is the ``openAPIV3Schema`` as the definition has it, a plain document. Source of meaning and wording:
k8s.io/apiextensions-apiserver and, for values, k8s.io/kube-openapi/pkg/validation. CEL rules are not evaluated here:
whoever makes the kinds passes the function that does.
"""
