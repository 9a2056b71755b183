import { defaultBreaker, defaultRetry, RecordError, type WantedRecord } from "@millrace/engine";
import type { Elaboration } from "../check/elaboration.ts";
import type { ReferenceTable } from "../check/references.ts";
import { compileTest } from "../expressions/compile-expression.ts";
import type { NodeSyntax, SinkKind, SinkSyntax } from "../parse/syntax.ts";
import type { Place } from "../topology-error.ts";
import type { DeliveryDraft, SinkOpener } from "./delivery-plan.ts";
import { emailSink } from "./email.ts";
import { postgresSink } from "./postgres.ts";
import { redisSink } from "./redis.ts";
import { type SinkScope, sinkScope } from "./sink-scope.ts";
import { recordReader, type SeenRecord, type SinkSource, sinkSource } from "./sink-source.ts";
import { slackSink } from "./slack.ts";
import { snsSink } from "./sns.ts";
import { webhookSink } from "./webhook.ts";

const kinds: Readonly<Record<SinkKind, (scope: SinkScope) => SinkOpener | undefined>> = {
  webhook: webhookSink,
  slack: slackSink,
  email: emailSink,
  sns: snsSink,
  postgres: postgresSink,
  redis: redisSink,
};
const defaultCallMs = 30_000;
/** The longest pause between two attempts, unless told. */
const mostPauseMs = 30_000;

/** Checks what `sinks:` say: their sources, settings and expressions. [D70] */
export function checkSinks(
  { sinks, nodes }: { readonly sinks: readonly SinkSyntax[]; readonly nodes: readonly NodeSyntax[] },
  references: ReferenceTable,
  elaboration: Elaboration,
): readonly DeliveryDraft[] {
  return sinks.flatMap((sink) => {
    if (nodes.some(({ id }) => id === sink.name)) {
      elaboration.report("TOPOLOGY_DUPLICATE_NAME", sink.place, `"${sink.name}" is a node already; a sink has a name of its own`);
    }
    const source = sinkSource(sink.from, references, elaboration);
    return source === undefined ? [] : (checkSink(sink, source, elaboration) ?? []);
  });
}

function checkSink(sink: SinkSyntax, source: SinkSource, elaboration: Elaboration): DeliveryDraft | undefined {
  const { report, topology } = elaboration;
  const { name, kind, place, retry, breaker, settings, timeout } = sink;
  const reads = new Set<string>();
  const variables: { name: string; place: Place }[] = [];
  // Made when the first record comes: by then all is known that is read.
  let read: ((record: WantedRecord) => SeenRecord) | undefined;
  const see = (record: WantedRecord): SeenRecord => (read ??= recordReader(source, reads.size === 0 ? [""] : reads, elaboration))(record);
  const callMs = timeout?.ms ?? defaultCallMs;
  const scope = sinkScope({ name, source, settings, callMs, report, reads, variables, see });
  const test = sink.where && scope.note(compileTest(sink.where, { ...scope.scope, where: `${name}.where` }));
  if (timeout !== undefined && kind === "slack" && callMs < leastSlackMs) {
    scope.wrong(timeout.place, `a message may wait 20 s for its turn in Slack: the timeout of ${scope.what} is 25s or more`);
  }
  const opener = kinds[kind](scope);
  if (opener === undefined) return undefined;
  const { takesNull } = opener;
  return {
    name,
    kind,
    place,
    topic: source.topic,
    group: `${topology}-sink-${name}`,
    variables,
    retry: {
      attempts: retry.attempts ?? defaultRetry.attempts,
      baseMs: retry.pauseMs ?? defaultRetry.baseMs,
      maxMs: Math.max(retry.mostMs ?? mostPauseMs, retry.pauseMs ?? 0),
    },
    breaker: {
      failures: breaker.failures ?? defaultBreaker.failures,
      pause: {
        attempts: Infinity,
        baseMs: breaker.pauseMs ?? defaultBreaker.pause.baseMs,
        maxMs: Math.max(breaker.mostMs ?? defaultBreaker.pause.maxMs, breaker.pauseMs ?? 0),
      },
    },
    callMs,
    does: [...(sink.where === undefined ? [] : [`where ${sink.where.text}`]), ...opener.does],
    wants: (record) => {
      if (record.value === null) return takesNull;
      if (test === undefined) return true;
      try {
        const { value, record: current } = see(record);
        return test.evaluate(value, current) === true;
      } catch (error) {
        // The sink meets the same, and refuses it: nothing is passed over that could not be read.
        if (error instanceof RecordError) return true;
        throw error;
      }
    },
    open: (opening) => opener.open({ ...opening, callMs }),
  };
}

const leastSlackMs = 25_000;
