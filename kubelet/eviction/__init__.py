"""Ending pods that take too much: of their own limits of storage, or of a node that runs out of memory or disk.

Signals are read every 10 s from two small files of the kernel; folders are measured only for pods that have limits of
storage, or while the disk is low. What is decided (thresholds, limits, ranking) is pure.
"""
