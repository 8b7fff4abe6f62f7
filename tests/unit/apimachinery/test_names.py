from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from apimachinery import names, timestamps


def test_a_generated_name_is_the_base_and_five_characters():
    made = names.generate("web-", Random(1))
    assert made.startswith("web-")
    assert len(made) == 9
    assert set(made[4:]) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_a_long_base_is_cut_so_that_the_name_has_63_characters():
    assert len(names.generate("a" * 100, Random(1))) == 63


@pytest.mark.parametrize(
    ("validator", "good", "bad"),
    [
        (names.is_dns1123_label, "my-name", "My_name"),
        (names.is_dns1123_label, "1a", "a.b"),
        (names.is_dns1123_label, "a" * 63, "a" * 64),
        (names.is_dns1123_subdomain, "a.b-c.d", "a..b"),
        (names.is_dns1035_label, "a1", "1a"),
        (names.is_qualified_name, "example.com/Name_1", "a/b/c"),
        (names.is_qualified_name, "Name", "example.com/"),
        (names.is_label_value, "", "-a"),
        (names.is_path_segment, "system:node", "a/b"),
        (names.is_config_map_key, "a.b_c-d", "a b"),
        (names.is_config_map_key, ".a", ".."),
        (names.is_env_var_name, "A.b-1", "a=b"),
        (names.is_port_name, "http-1", "http--1"),
        (names.is_percent, "10%", "10"),
        (names.is_wildcard_dns1123_subdomain, "*.a.b", "*a.b"),
        (names.is_http_header_name, "X-A", "X A"),
    ],
)
def test_a_validator_returns_no_message_for_what_is_fine(validator, good, bad):
    assert validator(good) == []
    assert validator(bad)


def test_messages_are_upstreams():
    assert names.is_dns1123_label("A") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    ]
    assert names.is_dns1123_label("a.b") == ["must not contain dots"]


def test_times_are_utc_and_cut():
    moment = datetime(2026, 1, 2, 4, 4, 5, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert timestamps.rfc3339(moment) == "2026-01-02T03:04:05Z"
    assert timestamps.micro(moment) == "2026-01-02T03:04:05.999999Z"
    assert timestamps.parse("2026-01-02T03:04:05.999999Z") == moment
    assert timestamps.parse("2026-01-02T04:04:05+01:00") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-01-02", "2026-01-02T03:04:05", "yesterday"])
def test_what_has_no_zone_is_no_time(text):
    with pytest.raises(ValueError):
        timestamps.parse(text)
