// Reads every table and view of a release whole, and prints their names and row counts as JSON.
// node tests/readers/read_everything.cjs FILE
const { DuckDBInstance } = require("@duckdb/node-api");

const NAMES = `
  select schema_name || '.' || table_name from duckdb_tables()
  union all
  select schema_name || '.' || view_name from duckdb_views() where not internal`;

async function main(file) {
  const instance = await DuckDBInstance.create(file, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const counts = {};
  for (const [name] of (await connection.runAndReadAll(NAMES)).getRows()) {
    counts[name] = (await connection.runAndReadAll(`from ${name}`)).getRowObjectsJson().length;
  }
  const key = (await connection.runAndReadAll("select max(article_key) from articles")).getRowsJson()[0][0];
  // A BIGINT becomes a BigInt, which JSON.stringify refuses; an INTEGER is a number.
  const [one] = (await connection.runAndReadAll("select article_key, mention_count from articles limit 1")).getRowObjects();
  const types = Object.fromEntries(Object.entries(one).map(([name, value]) => [name, typeof value]));
  console.log(JSON.stringify({ counts, key, types }));
}

main(process.argv[2]);
