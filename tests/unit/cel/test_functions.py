from __future__ import annotations

from typing import Any

import pytest

from apiserver.cel.programs import Environment, EvaluationError

ENVIRONMENT = Environment({})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2, 3].sum() + [1].max() - [4, 2].min()", 5),
        ("[1, 3, 2].isSorted() || ['a', 'b'].isSorted()", True),
        ("['a', 'b', 'a'].indexOf('b') + ['a', 'b', 'a'].lastIndexOf('a')", 3),
        ("'abc'.indexOf('c')", 2),
        ("'a1b22'.find('[0-9]+')", "1"),
        ("'a1b22'.findAll('[0-9]+')", ["1", "22"]),
        ("'a1b22'.findAll('[0-9]+', 1)", ["1"]),
        ("sets.contains([1, 2], [1]) && sets.intersects([1], [1, 3]) && !sets.equivalent([1], [1, 2])", True),
        ("quantity('1Gi').isGreaterThan(quantity('1000Mi')) && quantity('1').compareTo(quantity('1000m')) == 0", True),
        ("quantity('1k').add(quantity('1')).sub(1).asInteger()", 1000),
        ("isQuantity('1x') || !isQuantity('100Mi')", False),
        ("quantity('1500m').isInteger()", False),
        ("quantity('-1').sign()", -1),
        ("quantity('500m').asApproximateFloat()", 0.5),
        ("ip('10.0.0.1').family() == 4 && ip('::1').isLoopback() && isIP('x') == false", True),
        ("ip.isCanonical('2001:DB8::1')", False),
        ("string(ip('2001:DB8::1'))", "2001:db8::1"),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))", True),
        ("cidr('10.1.2.3/8').prefixLength() == 8 && string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8'", True),
        ("cidr('10.1.2.3/8').ip() == ip('10.1.2.3')", True),
        ("url('https://u@h:8/p').getHost() + url('https://h:8').getPort() + url('a:/').getEscapedPath()", "h:88/"),
        ("url('https://h/?a=1&a=2').getQuery()['a']", ["1", "2"]),
        ("isURL('no') || !isURL('https://a.b')", False),
        ("format.dns1123Label().validate('ok').hasValue()", False),
        ("format.named('uuid').validate('x').value()", ["does not match the UUID format"]),
        ("semver('1.2.3-a').isLessThan(semver('1.2.3')) && semver('v1.02', true).minor() == 2", True),
        ("isSemver('1.2') || !isSemver('1.2.3')", False),
        ("string(base64.decode('YQ=='))", "a"),
    ],
)  # fmt: skip
def test_the_functions_of_kubernetes(text: str, value: Any) -> None:
    assert ENVIRONMENT.compile(text).evaluate({}) == value


@pytest.mark.parametrize(
    "text",
    ["quantity('x')", "ip('10.0.0.256')", "cidr('10.0.0.1')", "url('x')", "semver('1')", "[].max()", "'a'.find('(')",
     "quantity('1').isLessThan({'a': 'b'})", "quantity('1500m').asInteger()", "format.named('none')"],
)  # fmt: skip
def test_what_they_cannot_do_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        ENVIRONMENT.compile(text).evaluate({})
