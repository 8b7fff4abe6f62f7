"""What clients may rely on, over HTTP. Set KNARR_TEST_KUBECONFIG to ask another server the same."""
