"""The aggregation layer: APIServices, and the API servers that some of them name. Source: k8s.io/kube-aggregator.

Group versions that this server answers itself have an APIService each, which is kept here. Everything else of this
package is imported when the first APIService names a Service, and idle again when the last one has gone.
"""
