"""Episodes that follow one another closely are one alert, in whatever order they are told."""

from sqlalchemy import select
from webtest import TestApp

from openstats.storage import ownership
from openstats.storage.registry import moves
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.api.receiving import iso, listed, sent, tell, times, webhook
from tests.apps import Api
from tests.registry import NOW, site

project, tenant = tables.project.c, tables.tenant.c
NAMES = "old", "new"


def test_late_episode_joins_its_two_neighbours(receiving: Api) -> None:
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


def test_after_a_move_a_receiver_tells_of_the_new_owners_alert(
    store: Store, either_receiving: Api
) -> None:
    now = [NOW + 30]
    app: TestApp = either_receiving(now, am={})
    with store.transaction() as db:
        site(db).project("old").project("new").discover()
        rows = {name: db.scalar(select(project.id).where(project.name == name)) for name in NAMES}
        row = db.scalar(select(tenant.id).where(tenant.keystone_id == "old"))
    fires = sent("f", 600, project_id="old")
    tell(app, "am", webhook(sent("f", 1500, 1000, project_id="old"), fires))
    now[0] += 60
    with store.transaction() as db:
        moves.move(db, ownership.TENANTS, {row: rows["new"]}, now[0])
    moved_at = now[0]
    assert times(app) == [(NOW - 1500, moved_at), (moved_at, None)]
    for _ in range(2):
        now[0] += 60
        tell(app, "am", webhook(fires | {"annotations": {"summary": "worse"}}))
        assert times(app) == [(NOW - 1500, moved_at), (moved_at, None)]
    assert [entry["message"] for entry in listed(app)] == ["worse", "f is down"]
    over = {"status": "resolved", "endsAt": iso(now[0])}
    tell(app, "am", webhook(fires | over))
    assert times(app) == [(NOW - 1500, moved_at), (moved_at, now[0])]
    by_project = {
        entry["name"]: entry["Error"]
        for entry in app.get(
            f"/api/stats/alert/?aggregate=project&each=true&from={moved_at + 1}&to={now[0] + 1}"
        ).json
    }
    assert by_project == {"old": 0, "new": 1}
