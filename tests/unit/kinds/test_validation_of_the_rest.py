import pytest

from tests.unit.kinds.checked import GONE, on_create, on_update
from tests.unit.kinds.test_validation_of_metadata import LABEL, QUALIFIED, SUBDOMAIN

RBAC = "rbac.authorization.k8s.io"
ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def test_keys_of_config_maps():
    assert on_create("configmaps", {"data": {"a b": "", "..": "", "c": ""}}) == [
        "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or "
        "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        "data[..]: Invalid value: \"..\": must not be '..'",
        'data[c]: Invalid value: "c": duplicate of key present in binaryData',
    ]


def test_config_maps_hold_a_mebibyte():
    assert on_create("configmaps", {"data": {"a": "x" * 2**20}}) == ["[]: Too long: may not be more than 1048576 bytes"]


@pytest.mark.parametrize("resource", ["configmaps", "secrets"])
def test_what_is_immutable_stays(resource):
    assert on_update(resource, {"data.a": "Yw=="}, {"immutable": True}) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert on_update(resource, {"immutable": False}, {"immutable": True}) == [
        "immutable: Forbidden: field is immutable when `immutable` is set"
    ]


@pytest.mark.parametrize(
    ("kind", "errors"),
    [
        ("kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]: Required value"]),
        (
            "kubernetes.io/service-account-token",
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        ("kubernetes.io/ssh-auth", ["data[ssh-privatekey]: Required value"]),
        ("example.com/any", []),
    ],
)
def test_secrets_hold_what_their_type_needs(kind, errors):
    assert on_create("secrets", {"type": kind}) == errors


def test_the_type_of_a_secret_is_immutable():
    assert on_update("secrets", {"type": "other"}) == ['type: Invalid value: "other": field is immutable']


def test_taints_of_nodes():
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "x"}]
    assert on_create("nodes", {"spec.taints": taints}) == [
        'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and '
        "effect pair",
        'metadata.taints[2].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", '
        '"NoExecute"',
    ]


def test_a_node_keeps_its_range_and_its_machine():
    assert on_update("nodes", {"spec.podCIDR": "10.1.0.0/24", "spec.podCIDRs": ["10.1.0.0/24"]}) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]
    assert on_update("nodes", {"spec.providerID": "b"}, {"spec.providerID": "a"}) == [
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'
    ]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"spec.ports": []}, ["spec.ports: Required value"]),
        (
            {"spec.ports": [{"port": 0}]},
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            {"spec.ports": [{"port": 80}, {"port": 81, "name": "UP", "protocol": "x"}]},
            [
                "spec.ports[0].name: Required value",
                f'spec.ports[1].name: Invalid value: "UP": {LABEL}',
                'spec.ports[1].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"',
            ],
        ),
        (
            {"spec.ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            [
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                '"TargetPort":0,"NodePort":0}'
            ],
        ),
        (
            {"spec.type": "Bad", "spec.sessionAffinity": "Bad"},
            [
                'spec.sessionAffinity: Unsupported value: "Bad": supported values: "ClientIP", "None"',
                'spec.type: Unsupported value: "Bad": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                '"NodePort"',
            ],
        ),
        ({"spec.selector": {"a b": ""}}, [f'spec.selector: Invalid value: "a b": {QUALIFIED}']),
        (
            {"spec.externalIPs": ["127.0.0.1", "x"]},
            [
                'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, '
                "::1/128)",
                f'spec.externalIPs[1]: Invalid value: "x": {ADDRESS}',
            ],
        ),
        (
            {"spec.externalTrafficPolicy": "Local"},
            ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
        ),
        (
            {"spec.loadBalancerSourceRanges": ["10.0.0.0/8"]},
            ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
        ),
    ],
)
def test_services(changes, errors):
    assert on_create("services", changes) == errors


def test_the_address_of_a_service_stays():
    changes = {"spec.clusterIP": "10.96.0.9", "spec.clusterIPs": ["10.96.0.9"]}
    assert on_update("services", changes) == [
        'spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set'
    ]


def test_endpoint_slices():
    resource = "endpointslices.discovery.k8s.io"
    assert on_create(resource, {"addressType": "IPv6"}) == [
        'endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address'
    ]
    assert on_create(resource, {"addressType": "X"}) == [
        'addressType: Unsupported value: "X": supported values: "FQDN", "IPv4", "IPv6"'
    ]


def test_endpoints():
    assert on_create("endpoints", {"subsets": [{}]}) == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"
    ]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"spec.accessModes": []}, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        (
            {"spec.accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]},
            ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
        ),
        ({"spec.resources": {}}, ["spec.resources[storage]: Required value"]),
        (
            {"spec.resources.requests.storage": "0"},
            ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
        ),
        (
            {"spec.volumeMode": "Bad"},
            ['spec.volumeMode: Unsupported value: "Bad": supported values: "Block", "Filesystem"'],
        ),
    ],
)
def test_claims(changes, errors):
    assert on_create("persistentvolumeclaims", changes) == errors


def test_a_claim_is_immutable_and_the_message_shows_the_change():
    assert on_update("persistentvolumeclaims", {"spec.accessModes": ["ReadWriteMany"]}) == [
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
        "bound claims\n"
        "@@ -1,6 +1,6 @@\n {\n"
        '  "accessModes": [\n-  "ReadWriteOnce"\n+  "ReadWriteMany"\n  ],\n  "resources": {\n   "requests": {\n'
    ]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"spec.accessModes": []}, ["spec.accessModes: Required value"]),
        ({"spec.hostPath": GONE}, ["spec: Required value: must specify a volume type"]),
        (
            {"spec.nfs": {"server": "a", "path": "/b"}},
            ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            {"spec.hostPath.path": "/", "spec.persistentVolumeReclaimPolicy": "Recycle"},
            ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
        ),
        (
            {"spec.local": {"path": "/x"}, "spec.hostPath": GONE},
            ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
        ),
    ],
)
def test_volumes(changes, errors):
    assert on_create("persistentvolumes", changes) == errors


def test_storage_classes():
    resource = "storageclasses.storage.k8s.io"
    assert on_create(resource, {"provisioner": "", "volumeBindingMode": "Bad"}) == [
        "provisioner: Required value",
        'volumeBindingMode: Unsupported value: "Bad": supported values: "Immediate", "WaitForFirstConsumer"',
    ]
    assert on_update(resource, {"provisioner": "x"}) == ['provisioner: Invalid value: "x": field is immutable']


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"host": "1.2.3.4"}, ['host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address']),
        ({"http.paths.0.pathType": GONE}, ["http.paths[0].pathType: Required value: pathType must be specified"]),
        ({"http.paths.0.path": "x"}, ['http.paths[0].path: Invalid value: "x": must be an absolute path']),
        ({"http.paths.0.path": "/a//b"}, ["http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'"]),
        (
            {"http.paths.0.backend": {}},
            ['http.paths[0].backend: Invalid value: "": resource or service backend is required'],
        ),
        (
            {"http.paths.0.backend": {"service": {"port": {}}}},
            [
                "http.paths[0].backend.service.name: Required value",
                "http.paths[0].backend: Required value: port name or number is required",
            ],
        ),
    ],
)
def test_ingresses(changes, errors):
    changes = {f"spec.rules.0.{path}": value for path, value in changes.items()}
    assert on_create("ingresses.networking.k8s.io", changes) == [f"spec.rules[0].{error}" for error in errors]


@pytest.mark.parametrize(
    ("peer", "error"),
    [
        ({}, ": Required value: must specify a peer"),
        (
            {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}},
            ": Forbidden: may not specify both ipBlock and another peer",
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}},
            '.ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`',
        ),
    ],
)
def test_peers_of_network_policies(peer, error):
    assert on_create("networkpolicies.networking.k8s.io", {"spec.ingress.0.from": [peer]}) == [
        f"spec.ingress[0].from[0]{error}"
    ]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"apiGroups": [""], "resources": ["pods"]}, "verbs: Required value: verbs must contain at least one value"),
        (
            {"verbs": ["get"], "nonResourceURLs": ["/x"]},
            'nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
        ),
        (
            {"verbs": ["get"], "resources": ["pods"]},
            "apiGroups: Required value: resource rules must supply at least one api group",
        ),
    ],
)
def test_rules_of_roles(rule, error):
    assert on_create(f"roles.{RBAC}", {"rules": [rule]}) == [f"rules[0].{error}"]


def test_bindings():
    assert on_create(f"clusterrolebindings.{RBAC}", {"roleRef.kind": "Role"}) == [
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'
    ]
    assert on_update(f"rolebindings.{RBAC}", {"roleRef.name": "other"}) == [
        f'roleRef: Invalid value: {{"kind":"Role","name":"other","apiGroup":"{RBAC}"}}: cannot change roleRef'
    ]
    assert on_create(f"rolebindings.{RBAC}", {"subjects": [{"kind": "ServiceAccount", "name": "Bad_"}]}) == [
        f'subjects[0].name: Invalid value: "Bad_": {SUBDOMAIN}'
    ]


def test_quotas():
    assert on_create("resourcequotas", {"spec.hard": {"bad": "1", "pods": "1.5"}}) == [
        'spec.hard[bad]: Invalid value: "bad": must be a standard resource type or fully qualified',
        'spec.hard[bad]: Invalid value: "bad": must be a standard resource for quota',
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    ]


def test_limits():
    limits = [{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]
    assert 'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1' in on_create(
        "limitranges", {"spec.limits": limits}
    )


def test_leases():
    assert on_create("leases.coordination.k8s.io", {"spec.leaseDurationSeconds": 0}) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
    ]


def test_requests_for_certificates():
    changes = {"spec.usages": [], "spec.signerName": "a", "spec.expirationSeconds": 5}
    assert on_create("certificatesigningrequests.certificates.k8s.io", changes) == [
        "spec.usages: Required value",
        'spec.signerName: Invalid value: "a": must be a fully qualified domain and path of the form '
        "'example.com/signer-name'",
        "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 minutes)",
    ]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"metadata.name": "x.y"}, 'metadata.name: Invalid value: "x.y": must be spec.names.plural+"."+spec.group'),
        ({"spec.versions.0.schema": GONE}, "spec.versions[0].schema.openAPIV3Schema: Required value"),
        ({"spec.scope": "x"}, 'spec.scope: Unsupported value: "x": supported values: "Cluster", "Namespaced"'),
    ],
)
def test_definitions(changes, error):
    assert on_create("customresourcedefinitions.apiextensions.k8s.io", changes) == [error]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "x"}, 'name: Invalid value: "x": should be a domain with at least three segments separated by dots'),
        ({"sideEffects": GONE}, "sideEffects: Required value: must specify one of None, NoneOnDryRun"),
        (
            {"timeoutSeconds": 60},
            "timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds",
        ),
        ({"clientConfig": {}}, "clientConfig: Required value: exactly one of url or service is required"),
        (
            {"clientConfig": {"url": "http://x"}},
            "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
            "https://host[/path]",
        ),
    ],
)
def test_webhooks(changes, error):
    changes = {f"webhooks.0.{path}": value for path, value in changes.items()}
    resource = "validatingwebhookconfigurations.admissionregistration.k8s.io"
    assert on_create(resource, changes) == [f"webhooks[0].{error}"]


def test_events_are_about_their_namespace():
    assert on_create("events", {"involvedObject.namespace": "other"}) == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]
