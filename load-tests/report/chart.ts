/** A line over the seconds of a run; a gap where there is no value. */
export type Line = { readonly name: string; readonly values: readonly (number | undefined)[] };

const [width, height] = [760, 220] as const;
const [left, right, top, bottom] = [56, 12, 12, 28] as const;

/** Lines over time as SVG, coloured by the page's style (`line-0` …). `bound` is drawn across when it lies within what is shown. */
export function chart(lines: readonly Line[], { unit, bound }: { readonly unit: string; readonly bound?: number }): string {
  const seconds = Math.max(2, ...lines.map(({ values }) => values.length));
  const highest = Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  const step = niceStep(highest / 4);
  const scale = step * Math.max(1, Math.ceil(highest / step));
  const x = (second: number): number => left + ((width - left - right) * second) / (seconds - 1);
  const y = (value: number): number => height - bottom - ((height - top - bottom) * value) / scale;
  const marks = Array.from({ length: Math.round(scale / step) + 1 }, (_, i) => i * step);
  const everySeconds = niceStep(seconds / 8);
  const times = Array.from({ length: Math.floor((seconds - 1) / everySeconds) + 1 }, (_, i) => i * everySeconds);
  const parts = [
    ...marks.map(
      (mark) =>
        `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(mark))}" y2="${at(y(mark))}"/>` +
        `<text x="${left - 6}" y="${at(y(mark) + 4)}" text-anchor="end">${label(mark)}</text>`,
    ),
    ...times.map((time) => `<text x="${at(x(time))}" y="${height - 8}" text-anchor="middle">${label(time)} s</text>`),
    ...(bound !== undefined && bound <= scale
      ? [`<line class="bound" x1="${left}" x2="${width - right}" y1="${at(y(bound))}" y2="${at(y(bound))}"/>`]
      : []),
    ...lines.map(({ values }, i) => `<path class="line-${i}" d="${pathOf(values, { x, y })}"/>`),
  ];
  const names = lines.map(({ name }, i) => `<span class="key-${i}">${name}</span>`).join(" ");
  const description = `${lines.map(({ name }) => name).join(", ")}, ${unit}, over ${seconds} seconds`;
  return `<figure><figcaption>${names} <em>${unit}</em></figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${description}">${parts.join("")}</svg></figure>`;
}

const at = (value: number): string => value.toFixed(1);
const label = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 2 });

function pathOf(
  values: readonly (number | undefined)[],
  { x, y }: { x: (second: number) => number; y: (value: number) => number },
): string {
  let path = "";
  let pen = "M";
  for (const [second, value] of values.entries()) {
    if (value === undefined) pen = "M";
    else {
      path += `${pen}${at(x(second))} ${at(y(value))}`;
      // A point alone would not be seen.
      path += pen === "M" ? "h.1" : "";
      pen = "L";
    }
  }
  return path;
}

/** The next of 1, 2, 5 times a power of ten. */
function niceStep(least: number): number {
  if (least <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => power * factor >= least) ?? 10);
}
