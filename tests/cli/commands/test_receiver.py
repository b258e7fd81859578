"""``receiver token``: what it prints for the configuration opens to what the sender gets."""

import re

import pytest
from webtest import TestApp

from openstats import conf
from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import sent, tell, webhook
from tests.cli.installation import Installation


def test_its_hash_opens_the_receiver_to_it(installed: Installation) -> None:
    told = installed.run("receiver", "token", "am")
    assert (told.status, told.err) == (0, "")
    section, token = re.split(r"(?:For|Token) .*:\n\n", told.out)[1:]
    installed.conf.write_text(f"{installed.conf.read_text()}{section}")
    store = Store(f"sqlite:///{installed.store}")
    app = TestApp(make_app(conf.load([str(installed.conf)]), store))
    tell(app, "am", webhook(sent()), Authorization=f"Bearer {token.strip()}")
    tell(app, "am", webhook(sent()), 401, Authorization=f"Bearer {token.strip()}x")
    assert len(app.get("/api/alerts/").json["alerts"]) == 1
    store.close()
    assert token.strip() not in section


def test_no_two_are_alike_and_none_is_kept(bare: Installation) -> None:
    found = {bare.run("receiver", "token", "am").out for _ in range(3)}
    assert len(found) == 3
    assert not bare.store.exists()


@pytest.mark.parametrize("name", ["a b", "api", "openstats", "", "x" * 65])
def test_a_name_that_the_configuration_refuses_gets_no_token(bare: Installation, name: str) -> None:
    assert "must be 1 to 64 letters, digits" in bare.sentence("receiver", "token", name)


def test_a_token_needs_the_name_of_a_receiver(bare: Installation) -> None:
    assert bare.run("receiver", "token").status == 2
