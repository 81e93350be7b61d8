"""An application that prints the headers it was given, one JSON object a call."""

import json
import os


def app(environ, start_response):
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    print("headers", json.dumps(headers), flush=True)
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


if __name__ == "__main__":
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", int(os.environ["PORT"]), app)
