"""The figures of a cluster: start, memory, CPU, pods, requests. Measured, never asserted."""
