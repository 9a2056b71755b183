import { expect, test } from "vitest";
import { mergeScrapes } from "./merge-scrapes.ts";

test("[R15] what several workers count is one text: each name told once, before all of its samples", () => {
  const of = (worker: string): string =>
    `# HELP a Of a.\n# TYPE a counter\na{worker="${worker}"} 1\n\n# HELP b Of b.\n# TYPE b gauge\nb{worker="${worker}"} 2\n`;
  expect(mergeScrapes(["# HELP c Of c.\n# TYPE c gauge\nc 3\n", of("w0"), "", of("w1")])).toBe(
    '# HELP c Of c.\n# TYPE c gauge\nc 3\n\n# HELP a Of a.\n# TYPE a counter\na{worker="w0"} 1\na{worker="w1"} 1\n\n# HELP b Of b.\n# TYPE b gauge\nb{worker="w0"} 2\nb{worker="w1"} 2\n',
  );
});
