"""ETags: what If-Match and If-None-Match say of an entry, in whatever coding it was sent."""

import pytest

from openstats.http.headers import etag, is_match, is_none_match, of_gzip, of_plain

TAG = etag(b"{}")
GZIPPED = of_gzip(TAG)


def test_a_tag_is_quoted_and_depends_on_the_bytes() -> None:
    assert TAG[0] == TAG[-1] == '"'
    assert TAG == etag(b"{}") != etag(b"[]")


def test_the_tag_of_gzip_is_another_one_and_leads_back() -> None:
    assert GZIPPED != TAG
    assert of_plain(GZIPPED) == TAG == of_plain(TAG)


@pytest.mark.parametrize(
    ("header", "weakly", "strongly"),
    [
        (TAG, True, True),
        (GZIPPED, True, True),
        (f'"x", {TAG}', True, True),
        ("*", True, True),
        (f"W/{TAG}", True, False),
        (f"W/{GZIPPED}", True, False),
        ('"x"', False, False),
        (TAG[1:-1], False, False),
        ("", False, False),
    ],
)
def test_weak_tags_match_only_where_an_entry_is_read(
    header: str, weakly: bool, strongly: bool
) -> None:
    assert is_none_match(header, TAG) == weakly
    assert is_match(header, TAG) == strongly


@pytest.mark.parametrize("header", [TAG, "*"])
def test_a_missing_entry_matches_no_tag(header: str) -> None:
    assert not is_match(header, None)
