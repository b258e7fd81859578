"""The application for clients that ask for gzip and, without a network, do not unpack it."""

from typing import Any


def unpacked(app: Any) -> Any:
    """Return an application that never sees what encodings its caller takes."""

    def dispatch(environ: dict[str, Any], start_response: Any) -> Any:
        kept = {name: value for name, value in environ.items() if name != "HTTP_ACCEPT_ENCODING"}
        return app(kept, start_response)

    return dispatch
