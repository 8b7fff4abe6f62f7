"""The API server as its clients see it: requests, watches and informers over plain documents.

Used by the kubelet, the controllers, the knarr command and the tests. Belongs here: what every client of the API needs.
Never: what one program decides, or anything that imports a program.
"""
