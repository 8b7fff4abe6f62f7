"""Services on this node: one nftables table, a pure function of Services, their endpoints and the node's host ports."""
