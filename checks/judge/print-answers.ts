import { parseArgs } from "node:util";
import { expectedAnswers } from "./answers.ts";

// `node checks/judge/print-answers.ts FILE… [--opening-stock N] [--repeat N] [--query NAME]`: the rows that must come out, as NDJSON.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "opening-stock": { type: "string", default: "1000000" }, repeat: { type: "string", default: "1" }, query: { type: "string" } },
});
const answers = expectedAnswers(positionals, { openingStock: Number(values["opening-stock"]), repeat: Number(values.repeat) });
for (const [name, rows] of Object.entries(answers)) {
  if (values.query === undefined) console.log(`${name}\t${rows.length}`);
  else if (values.query === name) for (const row of rows) console.log(JSON.stringify(row));
}
