"""The server that is measured: openstats, and beside it on the same waitress the unit.

The unit is a plain Pyramid JSON view that makes one indexed SELECT through the same engine.
"""

import sys
from typing import Any

from pyramid.config import Configurator
from sqlalchemy import select

from openstats import conf
from openstats.http.server.server import Server
from openstats.storage.schema.tables import project
from openstats.storage.store import Store
from openstats.wsgi.app import make_app


def unit(store: Store) -> Any:
    """Make the application whose requests are the unit."""

    def view(request: Any) -> dict[str, Any]:
        wanted = project.c.uuid == request.matchdict["uuid"]
        with store.engine.connect() as db:
            row = db.execute(select(project.c.name, project.c.created_at).where(wanted)).one()
        return {"name": row.name, "created_at": row.created_at}

    with Configurator() as config:
        config.add_route("unit", "/unit/{uuid}")
        config.add_view(view, route_name="unit", renderer="json")
        return config.make_wsgi_app()


def main(url: str, *files: str) -> None:
    """Serve on a free port, which is printed."""
    loaded = conf.load(files, api__port=0)
    store = Store(url)
    measured, beside = make_app(loaded, store), unit(store)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        app = beside if environ["PATH_INFO"].startswith("/unit/") else measured
        return app(environ, start_response)

    server = Server(application, loaded.api)
    print(server.effective_port, flush=True)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
