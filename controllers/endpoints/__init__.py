"""Who answers for a Service: EndpointSlices, the older Endpoints, and slices that mirror hand-made Endpoints. Pure."""
