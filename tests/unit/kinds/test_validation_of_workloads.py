import pytest

from tests.unit.kinds.checked import GONE, on_create, on_status_update, on_update

MISMATCH = 'spec.template.metadata.labels: Invalid value: {"app":"sample"}: `selector` does not match template `labels`'
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
SURGE = "spec.strategy.rollingUpdate"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"spec.selector": GONE}, ["spec.selector: Required value", MISMATCH]),
        ({"spec.selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ({"spec.selector": {"matchLabels": {"app": "other"}}}, [MISMATCH]),
        (
            {"spec.selector": {"matchExpressions": [{"key": "a", "operator": "Bad"}]}},
            [
                'spec.selector.matchExpressions[0].operator: Invalid value: "Bad": not a valid selector operator',
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Bad"}]}: '
                "invalid label selector",
            ],
        ),
        ({"spec.replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {"spec.template.spec.restartPolicy": "Never"},
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        ({"spec.template.spec.containers": []}, ["spec.template.spec.containers: Required value"]),
        (
            {"spec.strategy": {"type": "Recreate", "rollingUpdate": {}}},
            [f"{SURGE}: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
        ),
        (
            {"spec.strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            [f"{SURGE}.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
        ),
        (
            {"spec.strategy": {"rollingUpdate": {"maxSurge": "x", "maxUnavailable": "150%"}}},
            [
                f'{SURGE}.maxSurge: Invalid value: "x": {PERCENT}',
                f'{SURGE}.maxUnavailable: Invalid value: "150%": must not be greater than 100%',
            ],
        ),
        (
            {"spec.minReadySeconds": 600},
            ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
        ),
    ],
)
def test_deployments(changes, errors):
    assert on_create("deployments.apps", changes) == errors


@pytest.mark.parametrize("resource", ["deployments.apps", "replicasets.apps"])
def test_selectors_are_immutable(resource):
    other = {"app": "other"}
    assert on_update(resource, {"spec.selector.matchLabels": other, "spec.template.metadata.labels": other}) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable'
    ]


def test_counts_in_a_status_fit_together():
    errors = on_status_update("deployments.apps", {}, {"replicas": 1, "availableReplicas": 2, "readyReplicas": 2})
    assert errors == [
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
    ]


def test_little_of_a_stateful_set_may_change():
    error = (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
        "forbidden"
    )
    assert on_update("statefulsets.apps", {"spec.serviceName": "other"}) == [error]
    assert on_update("statefulsets.apps", {"spec.podManagementPolicy": "Parallel"}) == [error]
    assert on_update("statefulsets.apps", {"spec.replicas": 5, "spec.minReadySeconds": 3}) == []


def test_policies_of_stateful_sets():
    assert on_create(
        "statefulsets.apps", {"spec.podManagementPolicy": "Bad", "spec.updateStrategy": {"type": "X"}}
    ) == [
        "spec.podManagementPolicy: Invalid value: \"Bad\": must be 'OrderedReady' or 'Parallel'",
        "spec.updateStrategy: Invalid value: {\"type\":\"X\"}: must be 'RollingUpdate' or 'OnDelete'",
    ]


def test_daemon_sets():
    assert on_create("daemonsets.apps", {"spec.updateStrategy": {"type": "Bad"}}) == [
        'spec.updateStrategy: Unsupported value: {"type":"Bad"}: supported values: "RollingUpdate", "OnDelete"'
    ]
    assert on_create("daemonsets.apps", {"spec.updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}}) == [
        "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
    ]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"spec.template.spec.restartPolicy": GONE},
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
        (
            {"spec.parallelism": -2, "spec.completions": -1, "spec.backoffLimit": -3},
            [
                f"spec.{field}: Invalid value: {value}: must be greater than or equal to 0"
                for field, value in (("parallelism", -2), ("completions", -1), ("backoffLimit", -3))
            ],
        ),
        (
            {"spec.completionMode": "Indexed", "spec.parallelism": 2},
            ["spec.completions: Required value: when completion mode is Indexed"],
        ),
    ],
)
def test_jobs(changes, errors):
    assert on_create("jobs.batch", changes) == errors


def test_a_job_does_not_choose_its_selector():
    errors = on_create("jobs.batch", {"spec.selector": {"matchLabels": {"a": "b"}}})
    assert errors[0].startswith("spec.selector: Invalid value: ")
    assert errors[0].endswith(": `selector` not auto-generated")
    assert errors[1].endswith(": `selector` does not match template `labels`")


def test_completions_and_the_template_of_a_job_are_immutable():
    assert on_update("jobs.batch", {"spec.completions": 5}) == [
        "spec.completions: Invalid value: 5: field is immutable"
    ]
    (error,) = on_update("jobs.batch", {"spec.template.spec.containers.0.image": "other"})
    assert error.startswith("spec.template: Invalid value: ")
    assert error.endswith(": field is immutable")
    assert on_update("jobs.batch", {"spec.suspend": True, "spec.parallelism": 0}) == []


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("TZ=UTC * * * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
    ],
)
def test_schedules(schedule, problem):
    assert on_create("cronjobs.batch", {"spec.schedule": schedule}) == [
        f'spec.schedule: Invalid value: "{schedule}": {problem}'
    ]


@pytest.mark.parametrize("schedule", ["@hourly", "@every 1h", "0 9-17/2 * JAN-MAR mon,fri", "? * ? * ?"])
def test_schedules_that_are_fine(schedule):
    assert on_create("cronjobs.batch", {"spec.schedule": schedule}) == []


def test_cron_jobs():
    changes = {"spec.timeZone": "Mars/Olympus", "spec.concurrencyPolicy": "Bad"}
    assert on_create("cronjobs.batch", changes) == [
        'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
        'spec.concurrencyPolicy: Unsupported value: "Bad": supported values: "Allow", "Forbid", "Replace"',
    ]
    name = "a" * 53
    assert on_create("cronjobs.batch", {"metadata.name": name}) == [
        f'metadata.name: Invalid value: "{name}": must be no more than 52 characters'
    ]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"spec.maxReplicas": 0},
            [
                "spec.maxReplicas: Required value: must be set and greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
            ],
        ),
        (
            {"spec.minReplicas": 9},
            ["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"],
        ),
        (
            {"spec.scaleTargetRef": {}},
            ["spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value"],
        ),
        (
            {"spec.metrics": [{"type": "Resource"}]},
            ["spec.metrics[0].resource: Required value: must populate information for the given metric source"],
        ),
    ],
)
def test_autoscalers(changes, errors):
    assert on_create("horizontalpodautoscalers.autoscaling", changes) == errors


@pytest.mark.parametrize(
    ("least", "problem"),
    [
        (-1, "-1: must be greater than or equal to 0"),
        ("150%", '"150%": must not be greater than 100%'),
        ("a", f'"a": {PERCENT}'),
    ],
)
def test_disruption_budgets(least, problem):
    assert on_create("poddisruptionbudgets.policy", {"spec.minAvailable": least}) == [
        f"spec.minAvailable: Invalid value: {problem}"
    ]


def test_a_budget_says_one_thing():
    (error,) = on_create("poddisruptionbudgets.policy", {"spec.maxUnavailable": 1})
    assert error.endswith(": minAvailable and maxUnavailable cannot be both set")


def test_priorities():
    resource = "priorityclasses.scheduling.k8s.io"
    assert on_create(resource, {"value": 2_000_000_000}) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]
    assert on_create(resource, {"metadata.name": "system-x"}) == [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
        "error: system-x is not a known system priority class"
    ]
    assert on_update(resource, {"value": 3}) == ["value: Forbidden: may not be changed in an update."]
