"""Real OCI images: references, pulling through skopeo, docker and OCI archives, and the store of unpacked layers.

A layer is stored once by the digest of its content and unpacked once; an image is its configuration document and a list
of layers. Compressed blobs aren't kept. What runs from the images is the runtime's business, never known here.
"""
