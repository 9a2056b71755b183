import { quantile, type Second } from "../run/course.ts";
import { chart } from "./chart.ts";
import { heldAll, type Outcome, rowsOf, verdictOf } from "./outcome.ts";

const boundMs = 100;

/** The report: one file that needs nothing else. */
export function pageOf(outcome: Outcome): string {
  const { settings, machine, k6Run, k6Version, log, startedAt, loadAfter, url } = outcome;
  const held = heldAll(outcome);
  const { seconds } = k6Run.course;
  const name = `${settings.name}, ${settings.batch} a request`;
  const facts = [
    ["machine", `${machine.cores} × ${machine.cpu}, ${machine.memoryGib} GiB, ${machine.system}`],
    ["software", `Millrace at commit ${machine.commit}, Node ${machine.node}, k6 ${k6Version}`],
    ["load average", `${machine.loadBefore} before, ${loadAfter} after; k6 and server share the machine`],
    ["server", url ?? "a millrace dev of its own, on the embedded log"],
    ["ack level", `${[...k6Run.course.acks].join(", ") || "not told"}: an accepted event is on the log's disk`],
    ["run", `${settings.run}, seed ${settings.seed}, ${startedAt.toISOString()}`],
  ];
  const rows = rowsOf(outcome).map(
    ({ what, value, verdict }) =>
      `<tr${verdict === false ? ' class="bad"' : ""}><th scope="row">${escaped(what)}</th><td>${escaped(value)}</td><td>${verdict === undefined ? "" : verdict ? "held" : "not held"}</td></tr>`,
  );
  const examples =
    log === undefined || log.examples.length === 0
      ? ""
      : `<h2>What is wrong</h2><ul>${log.examples.map((one) => `<li>${escaped(one)}</li>`).join("")}</ul>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Load: ${escaped(name)}, ${held ? "held" : "not held"}</title><style>${style}</style></head><body><main>
<h1>Load: ${escaped(name)}</h1>
<p class="verdict ${held ? "good" : "bad"}">${escaped(verdictOf(outcome))}</p>
<h2>Figures</h2><table><tbody>${rows.join("")}</tbody></table>
${examples}<h2>Over time</h2>
${chart([{ name: "accepted", values: whole(seconds, ({ accepted }) => accepted) }], { unit: "events/s" })}
${chart(
  [
    { name: "post p50", values: whole(seconds, ({ posts }) => quantile(posts, 0.5)) },
    { name: "post p95", values: whole(seconds, ({ posts }) => quantile(posts, 0.95)) },
    { name: "send to shown p95", values: whole(seconds, ({ shown }) => quantile(shown, 0.95)) },
  ],
  { unit: "ms", bound: boundMs },
)}
${chart(
  [
    { name: "k6", values: whole(seconds, ({ k6Cores }) => k6Cores) },
    { name: "server", values: whole(seconds, ({ serverCores }) => serverCores) },
  ],
  { unit: "cores in use" },
)}
<h2>Where and when</h2><table><tbody>${facts.map(([what, value]) => `<tr><th scope="row">${what}</th><td>${escaped(value!)}</td></tr>`).join("")}</tbody></table>
</main></body></html>
`;
}

/** One value a second, without the last one, which is not whole. */
function whole(seconds: readonly Second[], valueOf: (second: Second) => number | undefined): readonly (number | undefined)[] {
  return (seconds.length > 2 ? seconds.slice(0, -1) : seconds).map(valueOf);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const style = `
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5a6575;--ground:#fff;--grid:#dfe4ea;--good:#0a6b3d;--bad:#b3261e;--c0:#1f5fbf;--c1:#b3500b;--c2:#7a3fb0}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a3adbb;--ground:#14181f;--grid:#2c3440;--good:#5fce95;--bad:#ff8f86;--c0:#7db2ff;--c1:#ffb074;--c2:#cfa5ff}}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:860px;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.verdict{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--grid);font-variant-numeric:tabular-nums}
th{font-weight:400;color:var(--soft)}tr.bad th,tr.bad td{color:var(--bad)}
@media(max-width:600px){tr,th,td{display:block}th,td{border:0;padding:0}tr{padding:.4rem 0;border-bottom:1px solid var(--grid)}}
figure{margin:1rem 0}figcaption{color:var(--soft)}figcaption span{margin-right:1rem}figcaption em{font-style:normal}
figcaption span::before{content:"";display:inline-block;width:.9rem;height:3px;margin-right:.4rem;vertical-align:middle;background:currentColor}
.key-0{color:var(--c0)}.key-1{color:var(--c1)}.key-2{color:var(--c2)}
svg{width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}.grid{stroke:var(--grid)}.bound{stroke:var(--bad);stroke-dasharray:4 4}
path{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.line-0{stroke:var(--c0)}.line-1{stroke:var(--c1)}.line-2{stroke:var(--c2)}
`.replaceAll("\n", "");
