"""Episodes that follow one another closely are one alert, in whatever order they are told."""

from webtest import TestApp

from tests.api.conftest import Api
from tests.api.receiving import listed, sent, tell, times, webhook
from tests.registry import NOW


def test_what_comes_in_between_makes_one_alert_of_two(receiving: Api) -> None:
    app: TestApp = receiving(am={})
    tell(app, "am", webhook(sent("f", 3600, 3000), sent("f", 1500, 600)))
    oldest = listed(app)[-1]["uuid"]
    assert times(app) == [(NOW - 3600, NOW - 3000), (NOW - 1500, NOW - 600)]
    for _ in range(2):
        tell(app, "am", webhook(sent("f", 2400, 2000)))
        assert times(app) == [(NOW - 3600, NOW - 600)]
        assert [entry["uuid"] for entry in listed(app)] == [oldest]
    # Whatever it was made of is still known.
    tell(app, "am", webhook(sent("f", 1500, 600), sent("f", 3600)))
    assert times(app) == [(NOW - 3600, NOW - 600)]
