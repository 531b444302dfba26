"""Add a release to a running Superset, with a dataset on `articles` and a chart, and print where the chart is.

    python -m tests.readers.try_superset FILE --superset http://127.0.0.1:8088 --user admin --password …

A command, not a test: Superset needs an environment of its own (its SQLAlchemy is 1.4) and half a minute to start. It
uses only Superset's REST API, as a team's own set-up script would.
"""

import argparse
import http.cookiejar
import json
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Superset:
    """A session with one Superset."""

    def __init__(self, base: str, user: str, password: str) -> None:
        """Log in. Raises urllib.error.HTTPError where that is refused."""
        self.base = base.rstrip("/")
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        login = {"username": user, "password": password, "provider": "db", "refresh": True}
        self._token = str(self.post("security/login", login)["access_token"])

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a POST to the API."""
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "_token"):
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self.base}/api/v1/{path}", json.dumps(body).encode(), headers)
        with self._open(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def add(superset: Superset, file: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the new chart's id and the rows that Superset gets for it."""
    engine = {"engine_params": {"connect_args": {"read_only": True}}}
    database = superset.post(
        "database/", {"database_name": "news", "sqlalchemy_uri": f"duckdb:///{file}", "extra": json.dumps(engine)}
    )
    dataset = superset.post("dataset/", {"database": database["id"], "schema": "main", "table_name": "articles"})
    metrics = [{"expressionType": "SQL", "sqlExpression": "count(*)", "label": "articles"}]
    chart = {
        "datasource": f"{dataset['id']}__table",
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "published_at",
        "time_grain_sqla": "P1M",
        "groupby": ["is_root"],
        "metrics": metrics,
        "adhoc_filters": [],
        "row_limit": 10_000,
        "stack": "Stack",
        "show_legend": True,
    }
    made = superset.post(
        "chart/",
        {
            "slice_name": "Articles by month",
            "viz_type": chart["viz_type"],
            "datasource_id": dataset["id"],
            "datasource_type": "table",
            "params": json.dumps(chart),
        },
    )
    query = {"columns": ["provider_domain"], "metrics": metrics, "row_limit": 5, "orderby": [[metrics[0], False]]}
    data = superset.post("chart/data", {"datasource": {"id": dataset["id"], "type": "table"}, "queries": [query]})
    return int(made["id"]), list(data["result"][0]["data"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.readers.try_superset", description="Try Superset.")
    parser.add_argument("file", type=Path, help="a warehouse FILE, such as warehouse/news.duckdb")
    parser.add_argument("--superset", default="http://127.0.0.1:8088")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="admin")
    given = parser.parse_args(arguments)
    superset = Superset(given.superset, given.user, given.password)
    chart, rows = add(superset, given.file.absolute())
    sys.stdout.write(f"{superset.base}/explore/?slice_id={chart}\n{json.dumps(rows)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
