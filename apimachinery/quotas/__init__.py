"""What objects count against limits and quotas: for admission and for the quotas' status."""
