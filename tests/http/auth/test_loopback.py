"""Names of this machine, as Host headers and memcached's servers have them."""

import pytest

from openstats.http.auth.loopback import is_loopback


@pytest.mark.parametrize("port", ["", ":1", ":8779"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_names_of_this_machine_with_and_without_port(host: str, port: str) -> None:
    assert is_loopback(f"{host}{port}")


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "::1",
        "[::2]:1",
        "[localhost]",
        "127.0.0.1.example.org",
        "127.0.0.1.example.org:11211",
        "localhost.example.org:11211",
        "a::1b",
    ],
)
def test_all_other_names_are_of_other_machines(authority: str) -> None:
    assert not is_loopback(authority)
