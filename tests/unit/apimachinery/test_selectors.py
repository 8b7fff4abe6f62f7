import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import selectors

keys = st.sampled_from(["a", "b", "c", "app.example.com/name"])
values = st.sampled_from(["", "x", "y", "z", "in", "5", "10"])
labels = st.dictionaries(keys, values)
requirements = st.one_of(
    st.builds("{}={}".format, keys, values),
    st.builds("{}!={}".format, keys, values),
    st.builds(lambda k, v: f"{k} in ({','.join(v)})", keys, st.lists(values, min_size=1)),
    st.builds(lambda k, v: f"{k} notin ({','.join(v)})", keys, st.lists(values, min_size=1)),
    keys,
    keys.map("!{}".format),
    st.builds("{}>{}".format, keys, st.integers(0, 20)),
)


@pytest.mark.parametrize(
    ("text", "matched", "unmatched"),
    [
        ("app=x", {"app": "x"}, {"app": "y"}),
        ("app==x", {"app": "x"}, {}),
        ("app!=x", {"app": "y"}, {"app": "x"}),
        ("app!=x", {}, {"app": "x"}),
        ("app in (x, y)", {"app": "y"}, {}),
        ("app notin (x,y)", {}, {"app": "x"}),
        ("app", {"app": ""}, {}),
        ("!app", {}, {"app": ""}),
        ("n>5", {"n": "6"}, {"n": "5"}),
        ("n<5", {"n": "4"}, {"n": "x"}),
        ("app=", {"app": ""}, {}),
        ("in in (in)", {"in": "in"}, {"in": "notin"}),
        ("a=x,b!=y", {"a": "x"}, {"a": "x", "b": "y"}),
    ],
)
def test_a_selector_matches_what_it_says(text, matched, unmatched):
    selector = selectors.parse_labels(text)
    assert selector.matches(matched)
    assert not selector.matches(unmatched)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a in x", "unable to parse requirement: found 'x' expected: '('"),
        (
            "/x=1",
            'unable to parse requirement: <nil>: Invalid value: "/x": prefix part must be non-empty',
        ),
        (
            "a=_",
            'unable to parse requirement: values[0][a]: Invalid value: "_": a valid label must be an empty string '
            "or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
    ],
)
def test_a_malformed_selector_is_refused_in_upstreams_words(text, message):
    with pytest.raises(ValueError) as caught:
        selectors.parse_labels(text)
    assert str(caught.value) == message


def test_the_empty_selector_selects_everything_and_none_nothing():
    assert selectors.parse_labels("").empty
    assert selectors.from_document({}).matches({"a": "b"})
    assert not selectors.from_document(None).matches({})
    assert selectors.from_map(None).matches(None)


def test_a_document_is_an_and_of_labels_and_expressions():
    selector = selectors.from_document(
        {
            "matchLabels": {"app": "x"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}],
        }
    )
    assert selector.matches({"app": "x", "tier": "web"})
    assert not selector.matches({"app": "x", "tier": "db"})
    assert selector.equalities == {"app": "x"}


def test_a_document_with_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match='"Like" is not a valid label selector operator'):
        selectors.from_document({"matchExpressions": [{"key": "a", "operator": "Like"}]})


@given(st.lists(requirements, max_size=3).map(",".join), labels)
def test_a_selector_means_the_same_after_being_written_and_read(text, chosen):
    selector = selectors.parse_labels(text)
    again = selectors.parse_labels(str(selector))
    assert again == selector
    assert again.matches(chosen) == selector.matches(chosen)


@given(st.lists(requirements, max_size=3).map(",".join), labels)
def test_what_matches_bears_every_label_that_an_index_would_look_for(text, chosen):
    selector = selectors.parse_labels(text)
    if selector.matches(chosen):
        assert selector.equalities.items() <= chosen.items()


def test_field_selectors_split_at_the_first_operator():
    assert selectors.parse_fields("metadata.name!=a,status.phase==Running,,x=") == [
        ("metadata.name", "!=", "a"),
        ("status.phase", "=", "Running"),
        ("x", "=", ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name", "invalid selector: 'name'; can't understand 'name'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=b\\c", "invalid field selector: invalid escape sequence: \\c"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_a_malformed_field_selector_is_refused_in_upstreams_words(text, message):
    with pytest.raises(ValueError) as caught:
        selectors.parse_fields(text)
    assert str(caught.value) == message


@given(st.text(alphabet="ab\\,=!"))
def test_an_escaped_value_is_read_back(value):
    assert selectors.parse_fields(f"f={selectors.escape(value)}") == [("f", "=", value)]
