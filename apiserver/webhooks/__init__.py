"""HTTP out: how the API server asks webhooks. What is asked, and what an answer means, is the caller's business."""
