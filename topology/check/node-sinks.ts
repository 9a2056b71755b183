import { didYouMean } from "../did-you-mean.ts";
import type { NodeSyntax } from "../parse/syntax.ts";
import type { Elaboration } from "./elaboration.ts";
import type { SinkDraft } from "../streams/part.ts";
import type { Stream } from "../streams/stream.ts";
import { topicSink } from "./topic-sink.ts";

/** `keyOf` where the records get their key on leaving. */
type Writing = { readonly elaboration: Elaboration; readonly keyOf?: SinkDraft["key"] };

/** What `to:` says of a node's outputs: one topic for the only output, or a topic for each of some. */
export function nodeSinks(node: NodeSyntax, outputs: ReadonlyMap<string, Stream>, { elaboration, keyOf }: Writing): SinkDraft[] {
  const { to, id } = node;
  const { report } = elaboration;
  if (to === undefined) return [];
  if (to.kind === "one") {
    const [[output, stream] = [undefined, undefined], ...more] = outputs;
    if (stream === undefined) return [];
    if (more.length > 0) {
      const names = [...outputs.keys()].map((name) => `"${name}"`).join(", ");
      report(
        "TOPOLOGY_WRONG_SHAPE",
        to.topic.place,
        `node "${id}" has the outputs ${names}: say which goes where, as in { ${output}: ${to.topic.text} }`,
      );
      return [];
    }
    return listed(topicSink(output, stream, { to: to.topic, node: id, elaboration, keyOf }));
  }
  return [...to.ports].flatMap(([port, { place, topic }]) => {
    const stream = outputs.get(port);
    if (stream !== undefined) return listed(topicSink(port, stream, { to: topic, node: id, elaboration, keyOf }));
    report("TOPOLOGY_UNKNOWN_PORT", place, `node "${id}" has no output "${port}"${didYouMean(port, outputs.keys())}`);
    return [];
  });
}

const listed = (sink: SinkDraft | undefined): SinkDraft[] => (sink === undefined ? [] : [sink]);
