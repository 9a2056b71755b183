/**
 * What texts of the JSON door look like, as regular expressions of ECMA-262 without look-around and properties of Unicode, which validators of
 * other languages do not know. What they cannot say, the door alone refuses (semantics.md, E12).
 */
export const eventIdPattern = "^[A-Za-z0-9._:-]{1,64}$";

export const semverPattern = "^(0|[1-9][0-9]{0,5})(\\.(0|[1-9][0-9]{0,5})){2}$";

export const base64Pattern = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

/** Visible text: no control characters, no marks of direction or width, nothing private. */
export const keyPattern =
  "^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ue000-\\uf8ff\\ufeff\\ufff9-\\ufffb]{1,128}$";

const day = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))";
const hourAndMinute = "([01][0-9]|2[0-3]):[0-5][0-9]";

/** RFC 3339 with its zone; of the 29th of February the format `date-time` says whether there is one. */
export const timePattern: string = `^[0-9]{4}-${day}[Tt]${hourAndMinute}:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]${hourAndMinute})$`;

export type DecimalShape = { readonly precision: number; readonly scale: number; readonly negative: boolean };

/** A plain decimal: no plus, no exponent, no leading zeros, no zero with a minus. */
export function decimalPattern({ precision, scale, negative }: DecimalShape): string {
  const places = `(\\.[0-9]{1,${scale}})?`;
  const above = `[1-9][0-9]{0,${precision - scale - 1}}${places}`;
  if (!negative) return `^(0${places}|${above})$`;
  const below = Array.from({ length: scale }, (_, zeros) => `0\\.0{${zeros}}[1-9][0-9]{0,${scale - 1 - zeros}}`);
  return `^(0${places}|${above}|-(${[above, ...below].join("|")}))$`;
}
