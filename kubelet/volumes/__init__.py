"""A pod's volumes: made before its containers, kept up to date while they run, taken away after them.

What is decided (payloads, paths) is pure; ``mounter`` is the one gateway to mounts and ownership. Nothing here is ever
deleted through a mount: a folder that still has one below it is left alone and named.
"""
