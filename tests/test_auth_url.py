"""auth_urls are compared by what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.auth_url import compared

hosts = st.sampled_from(["keystone.example", "KEYSTONE.Example", "127.0.0.1", "[::1]", "[FE80::1]"])
ports = st.sampled_from(["", ":", ":80", ":443", ":5000", ":0"])
segments = st.sampled_from(["", "v3", "v2.0", "V3", "identity", "v3x", "..", "%2f", "a b"])
paths = st.lists(segments, max_size=4).map(lambda found: "".join(f"/{s}" for s in found))
tails = st.sampled_from(["", "/", "//", "?x=1", "#y", " "])
urls = st.builds(
    lambda scheme, *parts: f"{scheme}://{''.join(parts)}",
    st.sampled_from(["http", "https", "HTTP", "Https"]),
    hosts,
    ports,
    paths,
    tails,
)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://keystone.example:5000", "http://keystone.example:5000"),
        ("HTTP://Keystone.Example:5000/", "http://keystone.example:5000"),
        ("http://keystone.example:5000/v3", "http://keystone.example:5000"),
        ("http://keystone.example:5000/v3/", "http://keystone.example:5000"),
        ("http://keystone.example:5000/v2.0", "http://keystone.example:5000"),
        ("http://keystone.example:80/v3", "http://keystone.example"),
        ("https://keystone.example:443/identity/v3", "https://keystone.example/identity"),
        ("https://keystone.example:80", "https://keystone.example:80"),
        ("http://keystone.example/Identity", "http://keystone.example/Identity"),
        ("http://keystone.example/dev3", "http://keystone.example/dev3"),
        ("http://[FE80::1]:5000/v3", "http://[fe80::1]:5000"),
        ("  http://keystone.example  ", "http://keystone.example"),
        ("http://keystone.example/v3?a=b#c", "http://keystone.example"),
    ],
)
def test_the_compared_form(url: str, meant: str) -> None:
    assert compared(url) == meant


@pytest.mark.parametrize(
    "url",
    [
        "",
        "keystone.example",
        "keystone.example:5000/v3",
        "ftp://keystone.example",
        "file:///etc/passwd",
        "http://",
        "http:///v3",
        "http://user:secret@keystone.example",
        "http://keystone.example:port",
        "http://keystone.example:99999",
        "http://[::1",
    ],
)
def test_rejects_urls_that_are_no_keystone(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compared(url)


@given(urls)
def test_comparing_is_idempotent(url: str) -> None:
    once = compared(url)
    assert compared(once) == once


@given(urls, st.sampled_from(["/", "/v3", "/v3/", "/v2.0", "/v2.0//"]))
def test_a_version_or_slash_makes_no_difference(url: str, tail: str) -> None:
    bare = compared(url)
    assert compared(bare + tail) == bare


@given(st.text(max_size=40) | st.text(max_size=40).map("http://{}".format))
def test_any_text_is_compared_or_refused(text: str) -> None:
    try:
        found = compared(text)
    except ValueError:
        return
    assert found.startswith(("http://", "https://"))
