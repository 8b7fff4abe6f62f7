"""CertificateSigningRequests: approved, signed and cleaned up. Decisions only: the CA's key is an effect's business."""
