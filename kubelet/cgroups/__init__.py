"""Control groups: which hierarchies this machine has, limits as pure functions, and the cluster's own subtree.

Everything is made below ``<hierarchy>/<cgroup_root>``; nothing above or beside that is ever written to, except that on
cgroup v2 the controllers are switched on for the children of the root group, as every container manager does.
"""
