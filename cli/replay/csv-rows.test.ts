import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { type CsvRow, csvRows } from "./csv-rows.ts";
import { header, temporaryFile } from "./testing/csv-file.ts";

async function read(content: string | Uint8Array): Promise<[line: number, text: string, ...cells: string[]][]> {
  const rows: CsvRow[] = [];
  for await (const row of csvRows(temporaryFile(content))) rows.push(row);
  return rows.map(({ line, text, cells }) => [line, text, ...cells]);
}

test("[P1] a gzip'd file is told by its content, not by its name", async () => {
  const plain = `${header}\n1,b\n2,c\n`;
  expect(await read(gzipSync(plain))).toEqual(await read(plain));
  expect(await read(Buffer.concat([gzipSync(`${header}\n1,`), gzipSync("b\n")]))).toEqual([[2, "1,b", "1", "b"]]);
});

test("[P1] a byte order mark and a header are passed over; without a header the first line is a row", async () => {
  expect(await read(`\uFEFF${header}\n1,b`)).toEqual([[2, "1,b", "1", "b"]]);
  expect(await read("\uFEFF1,b\n")).toEqual([[1, "1,b", "1", "b"]]);
  expect(await read("")).toEqual([]);
  expect(await read(`${header}\r\n`)).toEqual([]);
});

test("[P1] characters that two chunks share are read whole", async () => {
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i},£ßé€`);
  const read1 = await read(rows.join("\r\n"));
  expect(read1).toHaveLength(rows.length);
  expect(read1.every(([line, text], i) => line === i + 1 && text === rows[i])).toBe(true);
});

test("[P1] a damaged file is an error, not a short one", async () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => `${(i * 7919) % 10_007},${i}`).join("\n");
  await expect(read(gzipSync(rows).subarray(0, 5000))).rejects.toMatchObject({ code: "REPLAY_FILE_UNREADABLE" });
  await expect(csvRows("no/such/file.csv").next()).rejects.toMatchObject({ code: "REPLAY_FILE_UNREADABLE" });
});

test("[P2] quoted cells hold commas, quotes and line ends; the row begins where its first line does", async () => {
  expect(await read('a,"b,1","say ""so"""\n"x\ny",2\n3,4\n')).toEqual([
    [1, 'a,"b,1","say ""so"""', "a", "b,1", 'say "so"'],
    [2, '"x\ny",2', "x\ny", "2"],
    [4, "3,4", "3", "4"],
  ]);
});

test("[P2] lines end with \\n, \\r\\n or \\r, and empty lines are passed over but counted", async () => {
  expect(await read('1,a\r\n\r\n"2\r\n2",b\r\n\n3,c\r4,d')).toEqual([
    [1, "1,a", "1", "a"],
    [3, '"2\r\n2",b', "2\r\n2", "b"],
    [6, "3,c", "3", "c"],
    [7, "4,d", "4", "d"],
  ]);
});

test("[P2] a quote inside a cell is text", async () => {
  expect(await read('5" PLATE,1\n6" BOWL,2\n"",""\n')).toEqual([
    [1, '5" PLATE,1', '5" PLATE', "1"],
    [2, '6" BOWL,2', '6" BOWL', "2"],
    [3, '"",""', "", ""],
  ]);
});

test("[P2] a quote that never closes spoils only its own line", async () => {
  const spoilt = (await read('1,a\n2,"b\n3,c\n4,d')).map(([line, text]) => [line, text]);
  expect(spoilt).toEqual([
    [1, "1,a"],
    [2, '2,"b'],
    [3, "3,c"],
    [4, "4,d"],
  ]);
  const long = Array.from({ length: 20_000 }, (_, i) => `${i},row`);
  const rows = await read(`"open\n${long.join("\n")}\n`);
  expect(rows).toHaveLength(long.length + 1);
  expect(rows.at(-1)).toEqual([20_001, "19999,row", "19999", "row"]);
});
